// SPDX-License-Identifier: Apache-2.0
//
// What system runs here, from os-release(5): lines `KEY=value`, the value quoted as in a shell. Read again only when the
// file has changed.

internal import Glibc
internal import Platform
internal import Samples

/// node_os_info, node_os_version, node_os_support_end_timestamp_seconds.
struct OSReleaseSource: HostSource {
    private static let keys = [
        "BUILD_ID", "ID", "ID_LIKE", "IMAGE_ID", "IMAGE_VERSION", "NAME", "PRETTY_NAME", "VARIANT",
        "VARIANT_ID", "VERSION", "VERSION_CODENAME", "VERSION_ID",
    ]
    /// os-release(5) files have some hundred bytes.
    private static let sizeLimit = 64 << 10

    private var path = ""
    private var stamp = FileStamp()
    private var info: [String] = []
    private var naming: [String] = []
    private var version: Double?
    private var supportEnd: Double?

    mutating func collect(_ kernel: inout KernelText, into pass: inout PassBuffer) throws(HostFailure) {
        if path.isEmpty || FileStamp(path) != stamp || stamp == FileStamp() {
            try read(root: kernel.roots.rootfs == "/" ? "" : kernel.roots.rootfs)
        }
        pass.add(Family.osInfo, 1, labels: info)
        if let version { pass.add(Family.osVersion, version, labels: naming) }
        if let supportEnd { pass.add(Family.osSupportEnd, supportEnd) }
    }

    private mutating func read(root: String) throws(HostFailure) {
        for candidate in ["\(root)/etc/os-release", "\(root)/usr/lib/os-release"] {
            guard let bytes = try? TextFile.read(candidate, limit: OSReleaseSource.sizeLimit) else {
                continue
            }
            path = candidate
            stamp = FileStamp(candidate)
            let values = OSReleaseSource.values(bytes)
            info = OSReleaseSource.keys.map { values[$0] ?? "" }
            naming = ["ID", "ID_LIKE", "NAME"].map { values[$0] ?? "" }
            version = OSReleaseSource.leadingNumber(values["VERSION_ID"] ?? "")
            supportEnd = OSReleaseSource.day(values["SUPPORT_END"] ?? "")
            return
        }
        path = ""
        throw .absent
    }

    /// The values by key.
    static func values(_ bytes: [UInt8]) -> [String: String] {
        var found: [String: String] = [:]
        var text = TextScanner(bytes, 0..<bytes.count)
        while var line = text.nextLine() {
            guard let key = line.take(until: UInt8(ascii: "=")), key.first != UInt8(ascii: "#") else {
                continue
            }
            found[String(decoding: TextScanner.trim(key), as: UTF8.self)] = unquoted(line.trimmed)
        }
        return found
    }

    /// A shell word: '…' as it is, "…" and bare words with backslashes that make the next character plain.
    static func unquoted(_ word: ArraySlice<UInt8>) -> String {
        var out: [UInt8] = []
        var rest = word
        let quote = rest.first.flatMap { $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "'") ? $0 : nil }
        if quote != nil { rest = rest.dropFirst() }
        while let byte = rest.popFirst() {
            if byte == quote { break }
            if byte == UInt8(ascii: "\\"), quote != UInt8(ascii: "'"), let next = rest.popFirst() {
                out.append(next)
            } else {
                out.append(byte)
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// The number a version begins with: `22.04.1` is 22.04; nil when it begins with none.
    static func leadingNumber(_ version: String) -> Double? {
        var hasPoint = false
        let digits = version.utf8.prefix { byte in
            if byte == UInt8(ascii: "."), !hasPoint {
                hasPoint = true
                return true
            }
            return byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
        }
        guard let first = digits.first, first != UInt8(ascii: "."), let number = Double(String(digits) ?? ""),
            number > 0
        else { return nil }
        return number
    }

    /// The beginning of a day `YYYY-MM-DD` in unixtime, nil when it is none.
    static func day(_ text: String) -> Double? {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].utf8.count == 4, let year = Int32(parts[0]),
            let month = Int32(parts[1]),
            let day = Int32(parts[2]), (1...12).contains(month), (1...31).contains(day), year >= 1970
        else { return nil }
        var time = tm()
        time.tm_year = year - 1900
        time.tm_mon = month - 1
        time.tm_mday = day
        return Double(timegm(&time))
    }
}

/// Tells one version of a file from the next.
struct FileStamp: Equatable {
    private var inode: UInt64 = 0
    private var size: Int64 = 0
    private var seconds = 0
    private var nanoseconds = 0

    /// The stamp of a file that is not there.
    init() {}

    /// The stamp of the file at a path.
    init(_ path: String) {
        var status = stat()
        guard !path.isEmpty, path.withCString({ stat($0, &status) }) == 0 else { return }
        inode = UInt64(status.st_ino)
        size = Int64(status.st_size)
        seconds = status.st_mtim.tv_sec
        nanoseconds = status.st_mtim.tv_nsec
    }

    /// When the file was changed last, in unixtime.
    var modified: Double { Double(seconds) + Double(nanoseconds) / 1e9 }
}

extension Family {
    fileprivate static let osInfo = Family(
        "node_os_info",
        .gauge,
        "The operating system; always 1.",
        labels: [
            "build_id", "id", "id_like", "image_id", "image_version", "name", "pretty_name", "variant",
            "variant_id", "version", "version_codename", "version_id",
        ]
    )
    fileprivate static let osVersion = Family(
        "node_os_version",
        .gauge,
        "The leading number of the operating system's version.",
        labels: ["id", "id_like", "name"]
    )
    fileprivate static let osSupportEnd = Family(
        "node_os_support_end_timestamp_seconds",
        .gauge,
        "When support for the operating system ends, in unixtime."
    )
}
