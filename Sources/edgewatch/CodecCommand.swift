// SPDX-License-Identifier: Apache-2.0
//
// Exit codes: 0 all values came back, 1 one did not, 2 a file cannot be read or is not what it should be.

import ArgumentParser
import Platform
import TSDB

/// `edgewatch tsdb codec FILE…`: what the store would make of series in a file.
struct CodecCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "codec",
        abstract:
            "Codes series from files as the store does, checks every bit, and prints the size of a sample.",
        discussion: """
            A file holds, little endian: u32 groups, u32 series, then per group u32 n and n timestamps (i64, \
            milliseconds), then per series u32 group, u32 n and n values (f64); n may be smaller than the group's, \
            the values then belong to its last rows. It may be compressed with zstd.
            """
    )

    @Argument(help: "Files of series.")
    var files: [String]

    @Option(name: .customLong("block"), help: "Rows in a window.")
    var block = 1024

    func validate() throws {
        guard (1...1_048_576).contains(block) else {
            throw ValidationError("--block \(block): expected 1 to 1048576")
        }
    }

    func run() throws {
        var worst: Int32 = 0
        for path in files { worst = max(worst, trial(path)) }
        if worst != 0 { Console.exit(worst) }
    }

    /// The trial keeps a file in memory.
    private static let sizeLimit = 4 << 30

    private func trial(_ path: String) -> Int32 {
        let name = CodecCommand.name(path)
        do {
            let bytes = try TextFile.read(path, limit: CodecCommand.sizeLimit, mayBePipe: true)
            let report = try CodecTrial(file: bytes, rowsPerWindow: block).run()
            if let mismatch = report.mismatch {
                print("\(name) MISMATCH \(mismatch)")
                return 1
            }
            print("\(name) \(CodecCommand.line(report))")
            return 0
        } catch {
            Console.writeError("edgewatch: \(path): \(error)")
            return 2
        }
    }

    private static func line(_ report: CodecTrial.Report) -> String {
        func each(_ bytes: Int) -> String { fixed(Double(bytes) / Double(max(1, report.samples)), 4) }
        let total = report.valueBytes + report.timeBytes + report.directoryBytes
        return "payload=\(each(report.valueBytes)) time=\(each(report.timeBytes)) "
            + "directory=\(each(report.directoryBytes)) total=\(each(total)) B/sample "
            + "encode=\(fixed(report.encodeRate, 1)) decode=\(fixed(report.decodeRate, 1)) Msamples/s exact"
    }

    /// The file's name without folder and ending.
    private static func name(_ path: String) -> String {
        var name = path.split(separator: "/").last.map(String.init) ?? path
        for ending in [".zst", ".bin"] where name.hasSuffix(ending) { name.removeLast(ending.count) }
        return name
    }

    /// A number with so many digits behind the point.
    private static func fixed(_ value: Double, _ digits: Int) -> String {
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        let scaled = UInt64(min(max(0, value * scale), 1e18).rounded())
        let unit = UInt64(scale)
        let fraction = String(scaled % unit)
        return "\(scaled / unit)." + String(repeating: "0", count: digits - fraction.utf8.count) + fraction
    }
}
