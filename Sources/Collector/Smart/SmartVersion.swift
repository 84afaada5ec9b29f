// SPDX-License-Identifier: Apache-2.0

internal import Wire

/// What smartctl says of itself.
enum SmartVersion {
    /// The values of the labels of smartctl_version, empty when the answer is none.
    static func labels(_ bytes: [UInt8]) -> [String] {
        guard let json = try? JSONReader.parse(bytes), let program = json["smartctl"] else { return [] }
        return [
            joined(json["json_format_version"]), joined(program["version"]),
            program["svn_revision"]?.string ?? "", program["build_info"]?.string ?? "",
        ]
    }

    /// Numbers joined by dots; of a hostile answer the first eight.
    private static func joined(_ numbers: JSONValue?) -> String {
        (numbers?.array ?? []).prefix(8).compactMap { $0.number.flatMap { Int(exactly: $0) } }.map { "\($0)" }
            .joined(separator: ".")
    }
}
