// SPDX-License-Identifier: Apache-2.0
//
// `edgewatch tsdb inspect | verify | dump`: a data directory without a daemon, read and never changed.

import ArgumentParser
import Config
import Daemon
import Logging
import Platform
import Samples
import TSDB
import Wire

/// The key of an encrypted data directory on the command line.
struct StoreKeyOptions: ParsableArguments {
    @Option(help: "The file with the key of an encrypted store (storage.encryption.key_file).")
    var keyFile: String?
    @Option(help: "The environment variable with that key.")
    var keyEnv: String?
    @Option(help: "The systemd credential with that key.")
    var keyCredential: String?

    func validate() throws {
        if [keyFile, keyEnv, keyCredential].compactMap(\.self).count > 1 {
            throw ValidationError("--key-file, --key-env and --key-credential name the same thing; keep one")
        }
    }

    /// How files are encrypted; `acceptsPlaintext`: whether what is not encrypted is read too.
    func encryption(acceptsPlaintext: Bool) throws -> StoreEncryption? {
        let source =
            keyFile.map { EncryptionConfig.KeySource.file($0) } ?? keyEnv.map { .environment($0) }
            ?? keyCredential.map { .credential($0) }
        return try EncryptionKey.load(
            source.map { EncryptionConfig(key: $0, acceptsPlaintext: acceptsPlaintext) }
        )
    }
}

/// Where the log's newest pages are after a kill.
struct StagingOptions: ParsableArguments {
    @Option(help: "The directory that storage.wal.staging names; without it shared memory is looked at.")
    var staging: String?
}

/// A data directory on the command line.
struct DataDirectory: ParsableArguments {
    @Argument(help: "The data directory (storage.path).")
    var directory: String
    @OptionGroup var key: StoreKeyOptions
    @OptionGroup var staging: StagingOptions

    /// Opens it without changing anything.
    func open() throws -> StoreSnapshot {
        let encryption = try key.encryption(acceptsPlaintext: true)
        do {
            let snapshot = try StoreSnapshot(
                directory,
                files: SystemFileStore(),
                clock: SystemClock(),
                logger: Logger(label: "edgewatch") { _ in SwiftLogNoOpLogHandler() },
                encryption: encryption,
                staging: StagingPlace.left(directory: directory, in: staging.staging)
            )
            if snapshot.isInUse {
                Console.writeError("edgewatch: \(directory) is in use; its newest rows may be missing here")
            }
            return snapshot
        } catch {
            throw DataDirectory.refusal(directory, error)
        }
    }

    /// Why a directory cannot be used; of one that another user has, who that is.
    static func refusal(_ directory: String, _ error: StoreError) -> DaemonError {
        switch error {
        case .notADataDirectory: return DaemonError(error.description)
        case .notReadable(let failure), .notWritable(let failure):
            let owner =
                failure.code == ErrorNumber.accessDenied ? SystemFileStore().otherOwner(of: directory) : nil
            let advice = owner.map { "; it belongs to \($0): run this as that user" } ?? ""
            return DaemonError("\(directory): \(error.description)\(advice)")
        default: return DaemonError("\(directory): \(error.description)")
        }
    }
}

/// `edgewatch tsdb inspect DIR`.
struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Says what a data directory holds."
    )

    @OptionGroup var data: DataDirectory

    func run() throws {
        let snapshot = try data.open()
        let statistics = snapshot.store.statistics
        let recovery = statistics.recovery
        func line(_ name: String, _ value: String) {
            print(name.padded(to: 24) + value)
        }
        line("series", "\(statistics.series)")
        line("groups with rows in the log", "\(statistics.groups)")
        let ring = snapshot.ringFiles("ring")
        line("segments", "\(statistics.segments), \(statistics.ringBytesUsed) bytes")
        line("ring", "\(ring.count) files, \(ring.bytes) bytes")
        line("samples in segments", "\(statistics.segmentSamples)")
        if statistics.segmentSamples > 0 {
            let ratio = Double(statistics.ringBytesUsed) / Double(statistics.segmentSamples)
            line("bytes a sample", Double((ratio * 1000).rounded() / 1000).description)
        }
        line("samples in the log", "\(recovery.samples) in \(recovery.rows) rows")
        line("log", "\(statistics.logBytes) bytes, \(Int((statistics.logFill * 100).rounded())) % in use")
        if let oldest = statistics.oldest, let newest = statistics.newest {
            line("oldest sample", RFC3339.format(oldest))
            line("newest sample", RFC3339.format(newest))
        }
        for tier in statistics.tiers {
            let files = snapshot.ringFiles(tier.name)
            line(
                "tier \(tier.name)",
                "\(tier.rows) rows of \(tier.resolution.components.seconds) s, \(tier.ringBytesUsed) bytes in \(files.count) files of \(files.bytes) bytes"
            )
            if let oldest = tier.oldest, let newest = tier.newest {
                line("", "\(RFC3339.format(oldest)) … \(RFC3339.format(newest))")
            }
        }
        line("closed in order", recovery.wasClosedCleanly ? "yes" : "no")
        line("damage", recovery.isDamaged ? "yes; see `edgewatch tsdb verify`" : "none found")
    }
}

/// `edgewatch tsdb verify DIR`.
struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Checks every checksum and decodes every block.",
        discussion: """
            Exit code 0: all is good; 1: something is damaged; 2: the directory cannot be looked at. Of a directory in \
            use, what is overwritten while it is read is noted and is no damage.
            """
    )

    /// Whether this command is what the program was asked for; it has an exit code of its own for what cannot run.
    static var isAsked: Bool { CommandLine.arguments.dropFirst().prefix(2) == ["tsdb", "verify"] }

    @OptionGroup var data: DataDirectory

    func run() throws {
        let result = try data.open().verify()
        for line in result.damage { print("damaged: \(line)") }
        if result.more > 0 { print("… and \(result.more) more") }
        for line in result.notes { print("note: \(line)") }
        print(
            "\(result.segments) segments, \(result.windows) windows, \(result.blocks) blocks, \(result.samples) samples"
        )
        print("log: \(result.logPages) pages, \(result.logRows) rows, \(result.logSamples) samples")
        print("tiers: \(result.tierSegments) segments, \(result.tierBlocks) blocks, \(result.tierRows) rows")
        print("metadata: \(result.families) families")
        print(result.damage.isEmpty ? "all good" : "\(result.damage.count + result.more) damaged")
        if !result.damage.isEmpty { Console.exit(1) }
    }
}

/// `edgewatch tsdb dump DIR`.
struct DumpCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dump",
        abstract: "Lists the segments, or the samples of the series a selector names."
    )

    @OptionGroup var data: DataDirectory
    @Option(help: "A series selector such as 'up{job=\"plc\"}': prints its samples instead.")
    var match: String?
    @OptionGroup var range: TimeRangeOptions

    func run() throws {
        let snapshot = try data.open()
        if let match {
            try printSamples(of: match, snapshot.store)
            return
        }
        print(
            "file  offset      bytes     segment  windows  samples     rows                  from … through"
        )
        for segment in snapshot.segments {
            let columns = [
                "\(segment.file)".padded(to: 6), "\(segment.offset)".padded(to: 12),
                "\(segment.bytes)".padded(to: 10), "\(segment.sequence)".padded(to: 9),
                "\(segment.windows)".padded(to: 9), "\(segment.samples)".padded(to: 12),
                "\(segment.rows.lowerBound)…\(segment.rows.upperBound)".padded(to: 22),
                RFC3339.format(Timestamp(milliseconds: segment.from)), " … ",
                RFC3339.format(Timestamp(milliseconds: segment.through)),
            ]
            print(columns.joined())
        }
    }

    private func printSamples(of match: String, _ store: Store) throws {
        let (from, through) = try range.bounds()
        let found = try store.select(try Selectors.matchers(match), from: from, through: through)
        var isDamaged = false
        for index in 0..<found.count {
            let labels = found.labels(index).description
            func line(_ time: Int64, _ text: String) {
                print("\(labels) \(RFC3339.format(Timestamp(milliseconds: time))) \(text)")
            }
            var columns = SampleColumns()
            do {
                try found.read(index, from: from, through: through, into: &columns)
                for (time, value) in zip(columns.timestamps, columns.values) {
                    line(time, value.isStale ? "stale" : PromNumber.format(value))
                }
                guard found.hasParts(index) else { continue }
                var histograms = HistogramColumns()
                try found.readHistograms(index, from: from, through: through, into: &histograms)
                for (time, histogram) in zip(histograms.timestamps, histograms.histograms) {
                    line(time, histogram.isStale ? "stale" : DumpCommand.text(histogram))
                }
            } catch .unreadable(let reason) {
                Console.writeError("edgewatch: \(labels): \(reason)")
                isDamaged = true
            }
        }
        if isDamaged { Console.exit(1) }
    }

    /// Count, sum and populated buckets with their bounds, as Prometheus writes a histogram.
    private static func text(_ histogram: NativeHistogram) -> String {
        var parts = [
            "count:\(PromNumber.format(histogram.count))", "sum:\(PromNumber.format(histogram.sum))",
        ]
        for bucket in histogram.buckets {
            let (low, high) = (PromNumber.format(bucket.lower), PromNumber.format(bucket.upper))
            let (left, right) = (bucket.lowerInclusive ? "[" : "(", bucket.upperInclusive ? "]" : ")")
            parts.append("\(left)\(low),\(high)\(right):\(PromNumber.format(bucket.count))")
        }
        return "{" + parts.joined(separator: ", ") + "}"
    }
}

extension String {
    /// Spaces behind the text up to a width.
    func padded(to width: Int) -> String {
        self + String(repeating: " ", count: max(1, width - count))
    }
}
