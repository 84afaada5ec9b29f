// SPDX-License-Identifier: Apache-2.0

import Bytes
import Platform
import Samples
import Testing

@testable import Alerts

private let series = labels(["device": "sda", "mountpoint": "/"])

private func trained(_ judgement: Judgement, days: Int) throws -> SeriesModel {
    var model = try #require(SeriesModel(for: judgement))
    for (index, value) in dailySeries(days * 288 + 5, seed: 8).enumerated() {
        let time = Timestamp(milliseconds: Int64(index) * 300_000)
        _ = model.observe(value, at: time, judgement, utcOffset: 3600, seed: 5)
    }
    return model
}

private let predictive = Judgement.predictive(
    PredictiveOptions(question: Forecast.Question(threshold: 90, isBelow: false, horizon: 24))
)

@Test(arguments: [
    Judgement.seasonal(SeasonalOptions()), .seasonal(SeasonalOptions(hasWeekend: true)), predictive,
])
func modelsSurviveTheStateStore(judgement: Judgement) throws {
    let model = try trained(judgement, days: 3)
    let bytes = model.encoded(labels: series)
    let (labels, restored) = try SeriesModel.decode(bytes)
    #expect(labels == series)
    #expect(restored.core == model.core)
    #expect(restored.lastTick == model.lastTick)
    #expect(restored.utcOffset == 3600)
    #expect(restored.fits(judgement))
    #expect(!restored.fits(.expression))
    // The restored model goes on exactly where the saved one would have.
    var first = model
    var second = restored
    for step in 0..<400 {
        let time = Timestamp(milliseconds: Int64(3 * 288 + 5 + step) * 300_000)
        let value = Double(step % 7)
        #expect(
            first.observe(value, at: time, judgement, utcOffset: 3600, seed: 5)
                == second.observe(value, at: time, judgement, utcOffset: 3600, seed: 5)
        )
    }
}

@Test func savedModelsAreSmall() throws {
    #expect(try trained(.seasonal(SeasonalOptions()), days: 3).encoded(labels: series).count < 700)
    #expect(try trained(predictive, days: 8).encoded(labels: series).count < 1000)
}

@Test func damagedModelsAreRefusedWithoutATrap() throws {
    for judgement in [Judgement.seasonal(SeasonalOptions()), predictive] {
        let bytes = try trained(judgement, days: 3).encoded(labels: series)
        for index in bytes.indices {
            var damaged = bytes
            damaged[index] ^= 0x41
            #expect(throws: CorruptionError.self) { try SeriesModel.decode(damaged) }
            #expect(throws: CorruptionError.self) { try SeriesModel.decode(Array(bytes[..<index])) }
            // Also when the checksum was made to fit: any answer but a trap.
            damaged.removeLast(4)
            damaged.append(littleEndian: CRC32C.checksum(damaged))
            _ = try? SeriesModel.decode(damaged)
        }
    }
}

@Test func aChangeOfTheClocksOffsetMutesTheProfileForAnHour() throws {
    let judgement = Judgement.seasonal(SeasonalOptions())
    var model = try trained(judgement, days: 5)
    let start = Int64(5 * 288 + 5) * 300_000
    var scored: [Int64] = []
    for step in 0..<20 {
        let time = Timestamp(milliseconds: start + Int64(step) * 300_000)
        let finding = model.observe(500, at: time, judgement, utcOffset: 7200, seed: 5)
        if (finding.score ?? 0) > 100 { scored.append(Int64(step)) }
    }
    // Muted from the first step with the new offset to just before one hour later.
    #expect(scored.first == 12)
}

@Test func modelsTickEveryFiveMinutesOnly() throws {
    let judgement = Judgement.seasonal(SeasonalOptions())
    var model = try #require(SeriesModel(for: judgement))
    _ = model.observe(1, at: Timestamp(milliseconds: 0), judgement, utcOffset: 0, seed: 0)
    let once = model
    for second in stride(from: Int64(15), to: 300, by: 15) {
        _ = model.observe(99, at: Timestamp(milliseconds: second * 1000), judgement, utcOffset: 0, seed: 0)
    }
    _ = model.observe(.nan, at: Timestamp(milliseconds: 300_000), judgement, utcOffset: 0, seed: 0)
    #expect(model == once)
}
