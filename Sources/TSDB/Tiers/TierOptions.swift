// SPDX-License-Identifier: Apache-2.0

internal import Samples

/// The bounds of one tier: a ring of rows that stand for the samples of a window each.
public struct TierOptions: Sendable, Equatable {
    /// What its files are called: `warm` gives `warm-00`, `warm-01`, ….
    public var name: String
    /// The length of a window; of several tiers each is a multiple of the one before.
    public var resolution: Duration
    /// Bytes of its ring on disk.
    public var ringBytes: Int64
    /// Files the ring is cut into.
    public var ringFiles: Int
    /// Rows older than this are no longer answered; nil keeps what the ring holds.
    public var retention: Duration?

    /// Creates options; four files are enough for what is written a few times a day.
    public init(
        name: String,
        resolution: Duration,
        ringBytes: Int64,
        ringFiles: Int = TierOptions.defaultFiles,
        retention: Duration? = nil
    ) {
        self.name = name
        self.resolution = resolution
        self.ringBytes = ringBytes
        self.ringFiles = ringFiles
        self.retention = retention
    }

    /// Enough for what is written a few times a day.
    public static let defaultFiles = 4

    /// Windows in one span, which is what is built and written in one go: six hours of five minutes, three days of
    /// hours.
    ///
    /// Longer ones code little better and would have to wait longer.
    static let spanRows: Int64 = 72
    /// The shortest and the longest window.
    static let resolutions: ClosedRange<Int64> = 1000...(7 * 24 * 3600 * 1000)

    /// Refuses bounds a tier cannot work within; `finer` is the tier before, if any.
    func check(after finer: TierOptions?) throws(StoreError) {
        guard StoreOptions.tierNames.contains(name), name != finer?.name else {
            throw .invalidOption("a tier is called warm or cold, and each only once")
        }
        let length = resolution.milliseconds
        guard TierOptions.resolutions.contains(length) else {
            throw .invalidOption("the windows of tier \(name) must be from one second to seven days long")
        }
        if let finer {
            let shorter = finer.resolution.milliseconds
            guard length > shorter, length % shorter == 0 else {
                throw .invalidOption(
                    "the windows of tier \(name) must be a multiple of those of tier \(finer.name)"
                )
            }
        }
        guard ringFiles >= 2, ringBytes / Int64(ringFiles) >= StoreOptions.smallestRingFileBytes else {
            throw .invalidOption(
                "tier \(name) needs at least two files of \(StoreOptions.smallestRingFileBytes) bytes"
            )
        }
    }
}

extension StoreOptions {
    /// The names a tier may have; files of one that is no longer configured are removed, so that the bound on the
    /// disk holds.
    static let tierNames: Set<String> = ["warm", "cold"]
}

/// Arithmetic on window ends, clamped to what a time can be.
enum TierGrid {
    /// The times that rows are built for.
    ///
    /// 73 million years around 1970: no sum or difference of two of them and a span overflows. Samples may have any
    /// time; those beyond are only samples.
    static let times: ClosedRange<Int64> = -(1 << 61)...(1 << 61)

    /// What of a window of samples may have rows; nil when nothing.
    static func clamp(_ low: Int64, _ high: Int64) -> ClosedRange<Int64>? {
        low <= high && times.overlaps(low...high) ? (low...high).clamped(to: times) : nil
    }

    /// The largest multiple of `length` that is not after `time`.
    static func down(_ time: Int64, _ length: Int64) -> Int64 {
        let rest = time % length
        let (result, overflow) = time.subtractingReportingOverflow(rest < 0 ? rest + length : rest)
        return overflow ? .min : result
    }

    /// The smallest multiple of `length` that is not before `time`: the end of the window a sample of that time is in.
    static func up(_ time: Int64, _ length: Int64) -> Int64 {
        let below = down(time, length)
        guard below != time else { return time }
        let (result, overflow) = below.addingReportingOverflow(length)
        return overflow ? .max : result
    }
}
