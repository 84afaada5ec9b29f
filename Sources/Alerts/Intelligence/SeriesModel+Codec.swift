// SPDX-License-Identifier: Apache-2.0
//
// A model as bytes in the state store:
//
//     u8 version = 1 · u8 kind (1 seasonal, 2 predictive) · labels (varint length, encoded label set)
//     · zigzag lastTick + 1 (0: none) · zigzag utcOffset
//     · u8 isRaised, f64 score, expected, secondsToCrossing (NaN: none)
//     · kind 1: u8 hasWeekend, u8 exceeded, u8 calm, f64 level, globalSpread, globalCount,
//               zigzag open bucket, f64 sum, deviations, count, then per bucket f32 mean, f32 spread, u8 visits, u16 day
//     · kind 2: u8 calm, varint capacity, zigzag lastHour, zigzag openHour (-1: none),
//               varint n, f32 × n medians, varint n, f64 × n recent, varint n, f64 × n open samples
//     · u32 CRC32C of all before
//
// Little endian. Anything else is refused: the model then starts anew.

internal import Bytes
internal import Samples

extension SeriesModel {
    private static let version: UInt8 = 1
    /// Bounds what a damaged record can make the reader allocate.
    private static let longest = 4096

    /// The model and the series it belongs to as bytes.
    func encoded(labels: Labels) -> [UInt8] {
        var out: [UInt8] = [Self.version]
        switch core {
        case .seasonal: out.append(1)
        case .predictive: out.append(2)
        }
        out.append(prefixed: labels.bytes)
        out.append(zigzag: lastTick.map { $0 + 1 } ?? 0)
        out.append(zigzag: utcOffset)
        out.append(finding.isRaised ? 1 : 0)
        for value in [finding.score, finding.expected, finding.secondsToCrossing] {
            out.append(double: value ?? .nan)
        }
        switch core {
        case .seasonal(let profile, let alarm): Self.append(profile, alarm, to: &out)
        case .predictive(let history, let calm):
            out.append(calm)
            Self.append(history, to: &out)
        }
        out.append(littleEndian: CRC32C.checksum(out))
        return out
    }

    private static func append(_ profile: SeasonalProfile, _ alarm: SeasonalAlarm, to out: inout [UInt8]) {
        out += [profile.hasWeekend ? 1 : 0, alarm.exceeded, alarm.calm]
        out.append(double: profile.level)
        out.append(double: profile.globalSpread)
        out.append(double: profile.globalCount)
        out.append(zigzag: Int64(profile.open.index))
        out.append(double: profile.open.sum)
        out.append(double: profile.open.deviations)
        out.append(double: profile.open.count)
        for bucket in profile.mean.indices {
            out.append(littleEndian: profile.mean[bucket].bitPattern)
            out.append(littleEndian: profile.spread[bucket].bitPattern)
            out.append(profile.visits[bucket])
            out.append(littleEndian: profile.lastDay[bucket])
        }
    }

    private static func append(_ history: HourlyHistory, to out: inout [UInt8]) {
        out.append(varint: UInt64(history.capacity))
        out.append(zigzag: history.lastHour ?? -1)
        out.append(zigzag: history.openHour ?? -1)
        out.append(varint: UInt64(history.medians.count))
        for median in history.medians { out.append(littleEndian: median.bitPattern) }
        for values in [history.recent, history.openSamples] {
            out.append(varint: UInt64(values.count))
            for value in values { out.append(double: value) }
        }
    }

    /// Reads a model back.
    ///
    /// - Throws: `CorruptionError` for anything but what `encoded` wrote.
    static func decode(_ bytes: [UInt8]) throws(CorruptionError) -> (labels: Labels, model: SeriesModel) {
        guard bytes.count > 4 else { throw CorruptionError("a model", at: bytes.count) }
        var tail = ByteReader(bytes, in: (bytes.count - 4)..<bytes.count)
        guard try tail.integer(UInt32.self) == CRC32C.checksum(bytes[..<(bytes.count - 4)]) else {
            throw CorruptionError("a matching checksum", at: bytes.count - 4)
        }
        var reader = ByteReader(bytes, in: 0..<(bytes.count - 4))
        guard try reader.byte() == version else { throw CorruptionError("version 1", at: 0) }
        let kind = try reader.byte()
        guard let labels = Labels(encoded: Array(try reader.prefixed(limit: longest))) else {
            throw CorruptionError("a label set", at: reader.offset)
        }
        let tick = try reader.zigzag()
        let utcOffset = try reader.zigzag()
        let finding = try finding(&reader)
        let core: Core
        switch kind {
        case 1: core = try seasonal(&reader, isRaised: finding.isRaised)
        case 2:
            let calm = min(try reader.byte(), calmTicks)
            core = .predictive(try history(&reader), calm: calm)
        default: throw CorruptionError("a known kind of model", at: 1)
        }
        guard reader.isAtEnd else { throw CorruptionError("the end of the model", at: reader.offset) }
        let lastTick = tick == 0 ? nil : tick &- 1
        return (labels, SeriesModel(core: core, lastTick: lastTick, utcOffset: utcOffset, finding: finding))
    }

    private static func finding(_ reader: inout ByteReader) throws(CorruptionError) -> ModelFinding {
        let isRaised = try reader.byte() == 1
        let score = try reader.double()
        let expected = try reader.double()
        let seconds = try reader.double()
        return ModelFinding(
            isRaised: isRaised,
            score: score.isNaN ? nil : score,
            expected: expected.isNaN ? nil : expected,
            secondsToCrossing: seconds.isNaN ? nil : seconds
        )
    }

    private static func seasonal(
        _ reader: inout ByteReader,
        isRaised: Bool
    ) throws(CorruptionError) -> Core {
        let hasWeekend = try reader.byte() == 1
        let alarm = SeasonalAlarm(
            isRaised: isRaised,
            exceeded: try reader.byte(),
            calm: try reader.byte()
        )
        let level = try reader.double()
        let globalSpread = try reader.double()
        let globalCount = try reader.double()
        let index = try reader.zigzag()
        let open = SeasonalProfile.OpenBucket(
            index: Int(clamping: index),
            sum: try reader.double(),
            deviations: try reader.double(),
            count: try reader.double()
        )
        var buckets: [(mean: Float, spread: Float, visits: UInt8, lastDay: UInt16)] = []
        for _ in 0..<(SeasonalProfile.bucketsPerDay * (hasWeekend ? 2 : 1)) {
            buckets.append(
                (
                    Float(bitPattern: try reader.integer(UInt32.self)),
                    Float(bitPattern: try reader.integer(UInt32.self)),
                    try reader.byte(), try reader.integer(UInt16.self)
                )
            )
        }
        guard
            let profile = SeasonalProfile(
                hasWeekend: hasWeekend,
                buckets: buckets,
                level: level,
                globalSpread: globalSpread,
                globalCount: globalCount,
                open: open
            )
        else { throw CorruptionError("a seasonal profile", at: reader.offset) }
        return .seasonal(profile, alarm)
    }

    private static func history(_ reader: inout ByteReader) throws(CorruptionError) -> HourlyHistory {
        let capacity = try reader.count(limit: longest)
        let lastHour = try reader.zigzag()
        let openHour = try reader.zigzag()
        var medians: [Float] = []
        for _ in 0..<(try reader.count(limit: longest)) {
            medians.append(Float(bitPattern: try reader.integer(UInt32.self)))
        }
        var lists: [[Double]] = []
        for _ in 0..<2 {
            var values: [Double] = []
            for _ in 0..<(try reader.count(limit: longest)) { values.append(try reader.double()) }
            lists.append(values)
        }
        guard
            let history = HourlyHistory(
                capacity: capacity,
                medians: medians,
                lastHour: lastHour < 0 ? nil : lastHour,
                recent: lists[0],
                openHour: openHour < 0 ? nil : openHour,
                openSamples: lists[1]
            )
        else { throw CorruptionError("an hourly history", at: reader.offset) }
        return history
    }
}
