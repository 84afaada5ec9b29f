// SPDX-License-Identifier: Apache-2.0
//
// What is kept of a ledger, written with the recipe whose bytes are set aside: a head and, of the 97 slots, those that
// changed. Drawn in docs/formats/sync-spend.md. A row that does not verify counts as none.

internal import Bytes

struct ByteLedgerRecord: Sendable {
    var time: CertainTime
    var month: Int64?
    var monthSpend = Spend()
    /// What of it was spent under a date that nothing vouched for.
    var doubtful = Spend()
    /// What is set aside, together.
    var open = Spend()
    var slots: [(place: Int, slot: SpendSlots.Slot)] = []

    private static let version: UInt8 = 1
    private static let headSize = 102
    private static let slotSize = 29

    /// The head as it is kept.
    var head: [UInt8] {
        var out: [UInt8] = [Self.version]
        out.append(littleEndian: time.elapsed)
        out.append(littleEndian: time.last?.boot ?? 0)
        out.append(littleEndian: time.last?.monotonic ?? 0)
        out.append(littleEndian: time.date)
        out.append(littleEndian: time.horizon)
        out.append(month != nil ? 1 : 0)
        out.append(littleEndian: month ?? 0)
        for spend in [monthSpend, doubtful, open] {
            out.append(littleEndian: spend.alerts)
            out.append(littleEndian: spend.others)
        }
        out.append(littleEndian: CRC32C.checksum(out))
        return out
    }

    /// A slot as it is kept.
    static func bytes(of slot: SpendSlots.Slot) -> [UInt8] {
        var out: [UInt8] = [version]
        out.append(littleEndian: slot.number)
        out.append(littleEndian: slot.spend.alerts)
        out.append(littleEndian: slot.spend.others)
        out.append(littleEndian: CRC32C.checksum(out))
        return out
    }

    /// Reads a head and the slots by their places; nil when the head is damaged.
    init?(head: [UInt8], slots rows: [(place: Int, bytes: [UInt8])]) {
        guard var reader = Self.reader(head, size: Self.headSize) else { return nil }
        do throws(CorruptionError) {
            let elapsed = try reader.integer(UInt64.self)
            let boot = try reader.integer(UInt64.self)
            let monotonic = try reader.integer(UInt64.self)
            let date = try reader.integer(Int64.self)
            let horizon = try reader.integer(Int64.self)
            let hasMonth = try reader.byte() == 1
            let month = try reader.integer(Int64.self)
            monthSpend = try Self.spend(&reader)
            doubtful = try Self.spend(&reader)
            open = try Self.spend(&reader)
            self.month = hasMonth ? month : nil
            time = CertainTime(
                elapsed: elapsed,
                boot: boot,
                monotonic: monotonic,
                date: date,
                horizon: horizon
            )
        } catch {
            return nil
        }
        for (place, bytes) in rows {
            guard var reader = Self.reader(bytes, size: Self.slotSize),
                let number = try? reader.integer(UInt64.self), let spend = try? Self.spend(&reader)
            else { continue }
            slots.append((place, SpendSlots.Slot(number: number, spend: spend)))
        }
    }

    init(
        time: CertainTime,
        month: Int64?,
        monthSpend: Spend,
        doubtful: Spend,
        open: Spend,
        slots: [(place: Int, slot: SpendSlots.Slot)]
    ) {
        self.time = time
        self.month = month
        self.monthSpend = monthSpend
        self.doubtful = doubtful
        self.open = open
        self.slots = slots
    }

    /// Behind the version; nil when size, version or checksum are not right.
    private static func reader(_ bytes: [UInt8], size: Int) -> ByteReader? {
        guard bytes.count == size, bytes[0] == version else { return nil }
        let body = Array(bytes.dropLast(4))
        var sum: [UInt8] = []
        sum.append(littleEndian: CRC32C.checksum(body))
        guard sum.elementsEqual(bytes.suffix(4)) else { return nil }
        return ByteReader(Array(body.dropFirst()))
    }

    private static func spend(_ reader: inout ByteReader) throws(CorruptionError) -> Spend {
        Spend(
            alerts: try reader.integer(Int64.self),
            others: try reader.integer(Int64.self)
        )
    }
}
