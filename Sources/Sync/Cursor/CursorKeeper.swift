// SPDX-License-Identifier: Apache-2.0
//
// Loads and saves one destination's cursor. After each delivered stretch the record is written without waiting for the
// flash: it survives a kill of the process at once. It is made durable every half minute and at the end, so a power cut
// repeats half a minute of samples at most, which receivers recognise, and the card is spared an fsync per request.

internal import Platform
internal import Samples
internal import StateStore

struct CursorKeeper {
    /// How much a power cut may repeat.
    static let durableInterval = Duration.seconds(30)

    let name: String
    let state: StateStore
    let clock: any EdgeClock
    private var lastDurable: UInt64
    private var unsaved = false

    init(name: String, state: StateStore, clock: any EdgeClock) {
        self.name = name
        self.state = state
        self.clock = clock
        lastDurable = clock.monotonicNanoseconds()
    }

    /// Where to begin, given what the log held when the process started.
    ///
    /// A destination without a record is new and gets everything the log still has: the store is the outbox. A record
    /// beyond the log's end is of rows that a power cut took (or of another data directory); their numbers will be
    /// given again to other rows, so the cursor goes back to the end.
    func load(oldest: LogPosition, end: LogPosition) throws(StateStoreError) -> CursorRecord {
        guard let bytes = try state.get(CursorRecord.table, name), var record = CursorRecord(bytes) else {
            return CursorRecord(position: oldest, lastSuccess: nil)
        }
        record.position = min(record.position, end)
        return record
    }

    /// Saves after a delivered stretch.
    mutating func save(_ record: CursorRecord) throws(StateStoreError) {
        let now = clock.monotonicNanoseconds()
        let isDue = now - lastDurable >= UInt64(Self.durableInterval.milliseconds) * 1_000_000
        unsaved = true
        try state.put(CursorRecord.table, name, record.bytes, isDurable: isDue)
        if isDue {
            lastDurable = now
            unsaved = false
        }
    }

    /// Makes the last save durable.
    mutating func finish(_ record: CursorRecord) throws(StateStoreError) {
        guard unsaved else { return }
        try state.put(CursorRecord.table, name, record.bytes, isDurable: true)
        unsaved = false
    }
}
