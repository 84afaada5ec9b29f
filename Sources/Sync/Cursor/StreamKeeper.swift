// SPDX-License-Identifier: Apache-2.0
//
// Keeps one stream's record in the state store. A recipe is there before the first byte of its batch leaves; settling
// one and freezing the next is one transaction; what a division has come to is there before its next part leaves. A
// change survives a kill of the process at once. It is made durable every half minute or some batches, at the start and
// at the end, so a power cut repeats half a minute of samples at most, and the card is spared an fsync per request.
//
// When nothing can be written delivery goes on: after a restart some samples are sent again, which receivers recognise.

internal import Platform
internal import Samples
internal import StateStore

/// Where state is kept; the state store, or a test's.
protocol StateKeeping: Sendable {
    /// The value of a key, nil when there is none.
    func get(_ table: String, _ key: String) throws(StateStoreError) -> [UInt8]?
    /// Makes several changes in one transaction.
    func apply(_ changes: [StateChange], isDurable: Bool) throws(StateStoreError)
}

extension StateStore: StateKeeping {}

struct StreamKeeper {
    /// How much a power cut may repeat.
    static let durableInterval = Duration.seconds(30)
    /// The same in batches: while catching up half a minute is many.
    static let durableBatches = 32
    /// Batches after a power cut in which every row is tried: beyond, samples are refused for another reason than that
    /// they are there.
    ///
    /// Twice what a power cut may repeat, because batches may be cut smaller.
    static let doubtfulBatches: UInt8 = 64

    let key: String
    /// What changes only through the verbs below.
    private(set) var record: StreamRecord
    /// Why the last change could not be written; nil when it was.
    private(set) var failure: StateStoreError?
    private var isUnsaved = false
    private var lastDurable: UInt64?
    private var batchesSinceDurable = 0
    private let state: any StateKeeping
    private let clock: any EdgeClock

    /// Loads a stream's record.
    ///
    /// A stream without one is new and owes everything the log still has: the store is the outbox. A record beyond the
    /// log's end is of another data directory, or of one that lost everything; its numbers are given to other rows.
    ///
    /// - Parameters:
    ///   - key: `StreamRecord.key`.
    ///   - destination: under whose name an older version kept a cursor.
    ///   - oldest: the oldest row of the log.
    ///   - end: the log's end when the process started.
    ///   - state: where the record is.
    ///   - clock: for boots, and for how long ago the record was made durable.
    /// - Throws: what the state store reports.
    init(
        key: String,
        destination: String,
        oldest: LogPosition,
        end: LogPosition,
        state: any StateKeeping,
        clock: any EdgeClock
    ) throws(StateStoreError) {
        (self.key, self.state, self.clock) = (key, state, clock)
        let boot = clock.bootIdentifier()
        if let bytes = try state.get(StreamRecord.table, key), let found = StreamRecord(bytes) {
            record = found
            if found.boot != boot { record.doubtful = Self.doubtfulBatches }
        } else if let bytes = try state.get(CursorRecord.table, destination), let old = CursorRecord(bytes) {
            record = StreamRecord(from: old.position)
            record.lastSuccess = old.lastSuccess
            // The older version kept no boot, and what it had sent of its last stretch is not known.
            record.doubtful = Self.doubtfulBatches
        } else {
            record = StreamRecord(from: oldest)
        }
        record.boot = boot
        record.comeBack(to: end.sequence)
    }

    /// What is not certain of a batch that is cut now.
    var doubt: SyncState.Doubt { record.doubtful > 0 ? .regressed : .none }
    /// The same of one that was frozen by an earlier process.
    var doubtOfFrozen: SyncState.Doubt { record.doubtful > 0 ? .regressed : .lastAttempt }

    // MARK: - Changes

    /// Freezes a recipe, and keeps what was settled before.
    ///
    /// - Parameters:
    ///   - recipe: gets its number.
    ///   - changes: made in the same transaction.
    /// - Returns: the recipe as it is kept.
    mutating func freeze(_ recipe: Recipe, with changes: [StateChange] = []) -> Recipe {
        var frozen = recipe
        frozen.number = record.nextNumber
        frozen.attempts = 1
        let isFrozen = record.freeze(frozen)
        precondition(isFrozen, "a recipe is cut from what remains, one at a time")
        if record.doubtful > 0 { record.doubtful -= 1 }
        batchesSinceDurable += 1
        save(with: changes)
        return frozen
    }

    /// Keeps what a division has come to.
    mutating func note(_ progress: PartProgress, of number: UInt64, isDurable: Bool) {
        guard let place = record.recipes.firstIndex(where: { $0.number == number }) else { return }
        let fits = progress.left.count <= PartProgress.partLimit
        record.recipes[place].progress = fits ? progress : nil
        if !fits { record.recipes[place].isAmbiguous = true }
        save(isDurable: isDurable)
    }

    /// A frozen batch was made again with other bytes.
    mutating func rebuild(_ number: UInt64, crc: UInt32) {
        guard let place = record.recipes.firstIndex(where: { $0.number == number }) else { return }
        record.recipes[place].crc = crc
        record.recipes[place].progress = nil
        record.recipes[place].isAmbiguous = true
        isUnsaved = true
    }

    /// A batch is done; kept with the next recipe, or by `saveSettled`.
    mutating func settle(_ number: UInt64) {
        record.settle(number)
        isUnsaved = true
    }

    /// Ordinals are done without a batch; kept with the next recipe, or by `saveSettled`.
    mutating func pass(_ ordinals: Range<UInt64>) {
        // From the lower end of a range, so there is always room.
        _ = record.remaining.remove(ordinals)
        isUnsaved = true
    }

    /// The receiver accepted something.
    mutating func noteAccepted(_ time: Timestamp) { record.lastSuccess = time }

    /// Writes what was settled and not kept yet.
    mutating func saveSettled() {
        if isUnsaved { save() }
    }

    /// Makes the last change durable.
    mutating func finish() {
        save(isDurable: true)
    }

    private mutating func save(with changes: [StateChange] = [], isDurable: Bool = false) {
        let now = clock.monotonicNanoseconds()
        let interval = UInt64(Self.durableInterval.milliseconds) * 1_000_000
        let isDue =
            lastDurable.map { now - min(now, $0) >= interval } ?? true
            || batchesSinceDurable >= Self.durableBatches
        do {
            let own = StateChange(StreamRecord.table, key, record.bytes)
            try state.apply([own] + changes, isDurable: isDurable || isDue)
            failure = nil
            isUnsaved = false
            if isDurable || isDue { (lastDurable, batchesSinceDurable) = (now, 0) }
        } catch {
            failure = error
            isUnsaved = true
        }
    }
}

extension StreamRecord {
    /// Goes back to the log's end where the record is beyond it.
    mutating func comeBack(to end: UInt64) {
        let lowest = position
        let isBeyond =
            recipes.contains { $0.ordinals.upperBound > end }
            || remaining.ranges.contains {
                $0.isOpen ? $0.ordinals.lowerBound > end : $0.ordinals.upperBound > end
            }
        guard isBeyond else { return }
        recipes = []
        remaining = RangeSet(from: min(lowest, end))
    }
}
