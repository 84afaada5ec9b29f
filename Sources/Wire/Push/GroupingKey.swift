// SPDX-License-Identifier: Apache-2.0
//
// The labels in a path of the Pushgateway: /job/NAME{/LABEL/VALUE}, where `LABEL@base64` says that the value is in base64 of
// the URL alphabet, so that it may hold slashes or nothing (`=`). Words of refusals are the Pushgateway's.

public import Samples

/// The labels that name a group of pushed metrics.
public struct GroupingKey: Sendable, Hashable {
    /// Why a path names no group.
    public struct Fault: Error, Sendable, Equatable {
        /// The sentence for the client.
        public let reason: String
    }

    /// The labels with their values, empty ones included, by name; `job` is one.
    public let pairs: [Pair]

    /// One label.
    public struct Pair: Sendable, Hashable {
        /// The label's name.
        public let name: String
        /// Its value; may be empty.
        public let value: String
    }

    /// The labels that are not empty.
    public var labels: Labels { Labels(pairs.map { ($0.name, $0.value) }) }

    /// More labels than this are no address but an attack; series have a limit of their own.
    private static let limit = 64

    /// Reads what follows `/metrics`, percent-decoded between the slashes.
    ///
    /// - Parameter components: the path's parts, `job` first.
    /// - Throws: why it names no group.
    public init(_ components: [String]) throws(Fault) {
        guard components.count % 2 == 0, components.count <= GroupingKey.limit * 2 else {
            throw Fault(
                reason: "odd number of components, or too many, in label string "
                    + Labels.quoted(components.joined(separator: "/"))
            )
        }
        var found: [String: String] = [:]
        for index in stride(from: 0, to: components.count, by: 2) {
            var name = components[index]
            var value = components[index + 1]
            if name.hasSuffix("@base64") {
                name.removeLast("@base64".count)
                guard let text = GroupingKey.decoded(value) else {
                    throw Fault(reason: "invalid base64 encoding for label \(name)=\(Labels.quoted(value))")
                }
                value = text
            }
            guard Labels.isLegacyLabelName(name), !name.hasPrefix("__") else {
                throw Fault(reason: "improper label name \(Labels.quoted(name))")
            }
            // A Pushgateway puts the job that leads the path over any other; of another label the last counts.
            if name != "job" || found["job"] == nil { found[name] = value }
        }
        guard found["job"]?.isEmpty == false else { throw Fault(reason: "job name is required") }
        pairs = found.sorted { $0.key < $1.key }.map { Pair(name: $0.key, value: $0.value) }
    }

    private static func decoded(_ text: String) -> String? {
        let bare = text.utf8.reversed().drop { $0 == UInt8(ascii: "=") }
        return Base64.decode(String(decoding: Array(bare.reversed()), as: UTF8.self))
            .flatMap { String(validating: $0, as: UTF8.self) }
    }
}
