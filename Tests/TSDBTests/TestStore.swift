// SPDX-License-Identifier: Apache-2.0
//
// A store on a file system in memory, and short ways to look into it.

import Logging
import Platform
import Samples
import Synchronization

@testable import TSDB

/// A store with what stands behind it.
struct TestStore {
    let files: MemoryFileStore
    let clock: ManualClock
    let telemetry: Telemetry
    let store: Store

    init(
        files: MemoryFileStore = MemoryFileStore(),
        clock: ManualClock = ManualClock(wallMilliseconds: 1_700_000_000_000),
        warnings: Warnings? = nil,
        _ change: (inout StoreOptions) -> Void = { _ in }
    ) throws(StoreError) {
        var options = StoreOptions(directory: "/data", ringBytes: 4 << 20, ringFiles: 4, logBytes: 1 << 20)
        change(&options)
        self.files = files
        self.clock = clock
        telemetry = Telemetry()
        store = try Store(
            options,
            files: files,
            clock: clock,
            telemetry: telemetry,
            logger: Logger(label: "test") { _ -> any LogHandler in
                if let warnings { return WarningHandler(warnings: warnings) }
                return SwiftLogNoOpLogHandler()
            }
        )
    }

    func counter(_ name: String) -> Double {
        telemetry.families().first { $0.name == "edgewatch_storage_\(name)" }?.samples.first?.value ?? -1
    }
}

/// What was logged as a warning or worse.
final class Warnings: Sendable {
    let lines = Mutex<[String]>([])

    var all: [String] { lines.withLock { $0 } }
}

private struct WarningHandler: LogHandler {
    let warnings: Warnings
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.warning

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        warnings.lines.withLock { $0.append("\(event.message)") }
    }
}

extension Store {
    /// All samples of the one series with this metric name.
    func all(_ name: String) throws -> SampleColumns {
        try all([LabelMatcher("__name__", equals: name)])
    }

    /// All samples of the first series the matchers find.
    func all(
        _ matchers: [LabelMatcher],
        from: Timestamp = .min,
        through: Timestamp = .max
    ) throws -> SampleColumns {
        let selection = try select(matchers, from: from, through: through)
        var columns = SampleColumns()
        if selection.count > 0 { try selection.read(0, from: from, through: through, into: &columns) }
        return columns
    }
}
