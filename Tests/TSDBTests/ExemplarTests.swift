// SPDX-License-Identifier: Apache-2.0
//
// Exemplars and metadata: bounded, and there again after a restart.

import Bytes
import Platform
import Samples
import Synchronization
import Testing

@testable import TSDB

struct ExemplarTests {
    static func exemplar(_ time: Int64, _ value: Double = 1, trace: String = "abc") -> Exemplar {
        let labels = Labels([(name: "trace_id", value: trace)])
        guard let exemplar = Exemplar(labels: labels, value: value, timestamp: Timestamp(milliseconds: time))
        else { preconditionFailure("short labels") }
        return exemplar
    }

    private func all(_ store: Store) throws -> [String: [Exemplar]] {
        var result: [String: [Exemplar]] = [:]
        for entry in try store.exemplars([[]], from: .min, through: .max) {
            result[entry.labels.metricName ?? ""] = entry.exemplars
        }
        return result
    }

    @discardableResult
    private func append(_ store: Store, _ name: String, _ exemplars: [Exemplar]) throws -> AppendResult {
        let (_, series) = try store.ids(name)
        return try store.append(exemplars: exemplars.map { ExemplarSample(series, $0) })
    }

    @Test func repeatedAndOlderOnesAreNotStored() throws {
        let test = try TestStore()
        let first = Self.exemplar(1000, 2)
        #expect(try append(test.store, "a", [first]) == AppendResult(appended: 1))
        #expect(try append(test.store, "a", [first]) == AppendResult())
        #expect(try append(test.store, "a", [Self.exemplar(999)]) == AppendResult(outOfOrder: 1))
        #expect(try append(test.store, "a", [Self.exemplar(1000, 1)]) == AppendResult(outOfOrder: 1))
        #expect(
            try append(test.store, "a", [Self.exemplar(1000, 2, trace: "abb")]) == AppendResult(outOfOrder: 1)
        )
        #expect(
            try append(test.store, "a", [Self.exemplar(1000, 2, trace: "abd")]) == AppendResult(appended: 1)
        )
        #expect(try append(test.store, "a", [Self.exemplar(1000, 3)]) == AppendResult(appended: 1))
        #expect(try all(test.store)["a"]?.map { $0.value } == [2, 2, 3])
        #expect(test.counter("appended_exemplars_total") == 3)
        #expect(test.counter("out_of_order_exemplars_total") == 3)
    }

    /// A request whose answer was lost comes again, whole.
    @Test func aRequestSentAgainChangesNothing() throws {
        let test = try TestStore { $0.maxExemplars = 100 }
        let all = (Int64(1)...80).map { Self.exemplar($0) }
        #expect(try append(test.store, "a", all) == AppendResult(appended: 80))
        #expect(try append(test.store, "a", Array(all.suffix(64))) == AppendResult())
        #expect(try append(test.store, "a", Array(all.prefix(16))) == AppendResult(outOfOrder: 16))
        #expect(try append(test.store, "a", [Self.exemplar(79, 2)]) == AppendResult(outOfOrder: 1))
        // Also where the ring is full and the oldest of the series are gone.
        #expect(try append(test.store, "b", (Int64(1)...60).map { Self.exemplar($0) }).appended == 60)
        #expect(try append(test.store, "a", Array(all.suffix(41))) == AppendResult(outOfOrder: 1))
        #expect(try append(test.store, "a", Array(all.suffix(40))) == AppendResult())
    }

    @Test func selectorsAndTimesChoose() throws {
        let test = try TestStore()
        for name in ["b", "a", "c"] { try append(test.store, name, (1...5).map { Self.exemplar($0 * 1000) }) }
        let a = LabelMatcher("__name__", equals: "a")
        let b = LabelMatcher("__name__", equals: "b")
        let web = LabelMatcher("job", equals: "web")
        let found = try test.store.exemplars(
            [[b, web], [a]],
            from: Timestamp(milliseconds: 2000),
            through: Timestamp(milliseconds: 3000)
        )
        #expect(found.map { $0.labels.metricName } == ["a", "b"])
        #expect(
            found.map { $0.exemplars.map { $0.timestamp.milliseconds } } == [[2000, 3000], [2000, 3000]]
        )
        #expect(try test.store.exemplars([[a, b]], from: .min, through: .max).isEmpty)
        #expect(try test.store.exemplars([], from: .min, through: .max).isEmpty)
        #expect(try test.store.exemplars([[a]], from: Timestamp(milliseconds: 6000), through: .max).isEmpty)
    }

    /// Against the plain meaning: a list of which the last `limit` are kept.
    @Test func theRingForgetsTheOldest() {
        for limit in [1, 2, 3, 7, 20] {
            var random = SeededGenerator(seed: UInt64(limit))
            var ring = ExemplarRing(limit: limit)
            var model: [(name: String, exemplar: Exemplar)] = []
            for time in Int64(1)...200 {
                let name = "s\(Int.random(in: 0..<5, using: &random))"
                let exemplar = Self.exemplar(time)
                let outcome = ring.add(exemplar, of: Labels([(name: "__name__", value: name)]))
                #expect(outcome == .added)
                model.append((name, exemplar))
                if model.count > limit { model.removeFirst() }
                #expect(ring.count == model.count && ring.seriesCount == Set(model.map { $0.name }).count)
                guard time % 17 == 0 else { continue }
                let found = ring.select([[]], TimeRange(.min, .max))
                #expect(found.count == Set(model.map { $0.name }).count)
                for entry in found {
                    let wanted = model.filter { $0.name == entry.labels.metricName }.map { $0.exemplar }
                    #expect(entry.exemplars == wanted)
                }
            }
        }
    }

    @Test func aRestartBringsThemBack() throws {
        let test = try TestStore()
        try test.store.append("a", 1000, 1.0)
        try append(test.store, "a", [Self.exemplar(1000), Self.exemplar(1500, .nan)])
        try append(test.store, "b", [Self.exemplar(700, trace: "ü")])
        let wanted = try all(test.store)
        #expect(wanted.mapValues { $0.count } == ["a": 2, "b": 1])
        let killed = try TestStore(files: test.files.afterKill())
        #expect(try all(killed.store) == wanted)
        #expect(!killed.store.recovery.isDamaged)
        #expect(try append(killed.store, "a", [Self.exemplar(1500, .nan)]) == AppendResult())
        let small = try TestStore(files: test.files.afterKill()) { $0.maxExemplars = 2 }
        #expect(try all(small.store).mapValues { $0.count } == ["a": 1, "b": 1])
        let none = try TestStore(files: test.files.afterKill()) { $0.maxExemplars = 0 }
        #expect(try all(none.store).isEmpty)
        #expect(try append(none.store, "a", [Self.exemplar(9000)]) == AppendResult(refused: 1))
    }

    @Test func aLargeBatchIsSeveralRecords() throws {
        let test = try TestStore { ($0.logBytes, $0.maxExemplars) = (64 * 4096, 3000) }
        let all = (Int64(1)...4000).map { Self.exemplar($0) }
        #expect(try append(test.store, "a", all) == AppendResult(appended: 4000))
        let killed = try TestStore(files: test.files.afterKill()) {
            ($0.logBytes, $0.maxExemplars) = (64 * 4096, 3000)
        }
        #expect(try self.all(killed.store)["a"] == Array(all.suffix(3000)))
        let series = Labels([(name: "__name__", value: "a")])
        let logged = all.map { LoggedExemplar(series: series, exemplar: $0) }
        let records = LogRecord.exemplars(logged)
        #expect(records.count == 7 && records.allSatisfy { $0.count < LogRecord.exemplarBytes + 256 })
        var read: [LoggedExemplar] = []
        for record in records {
            var reader = ByteReader(Array(record.dropFirst()))
            read += try LogRecord.readExemplars(&reader)
        }
        #expect(read == logged)
    }

    @Test func anExemplarNeedsASeries() {
        var reader = ByteReader([1, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0])
        #expect(throws: CorruptionError.self) { try LogRecord.readExemplars(&reader) }
    }

    @Test func theyNeverFillTheLog() throws {
        let test = try TestStore { ($0.logBytes, $0.maxExemplars) = (16 * 4096, 100) }
        try test.store.append("a", 1000, 1.0)
        for time in Int64(1)...3000 {
            #expect(try append(test.store, "a", [Self.exemplar(time * 10)]) == AppendResult(appended: 1))
            if time % 100 == 0 { try test.store.append("a", time * 1000, Double(time)) }
        }
        #expect(test.store.statistics.logFill <= 1)
        let killed = try TestStore(files: test.files.afterKill()) {
            ($0.logBytes, $0.maxExemplars) = (16 * 4096, 100)
        }
        #expect(try killed.store.all("a").count == 31)
        let kept = try all(killed.store)["a"] ?? []
        #expect(kept.last == Self.exemplar(30_000) && kept.count > 50)
    }

    @Test func recordsAreReadBackAndRefusedWhenCut() throws {
        let series = Labels([(name: "__name__", value: "a")])
        let entries = [
            LoggedExemplar(series: series, exemplar: Self.exemplar(-5, .infinity)),
            LoggedExemplar(series: series, exemplar: Self.exemplar(7)),
            LoggedExemplar(series: Labels([(name: "__name__", value: "b")]), exemplar: Self.exemplar(.max)),
        ]
        let bytes = try #require(LogRecord.exemplars(entries).first)
        var reader = ByteReader(Array(bytes.dropFirst()))
        #expect(try LogRecord.readExemplars(&reader) == entries)
        for length in 1..<bytes.count {
            var cut = ByteReader(Array(bytes[1..<length]))
            #expect(throws: CorruptionError.self) { try LogRecord.readExemplars(&cut) }
        }
        let golden = "12030b085f5f6e616d655f5f01610d0874726163655f69640361626309000000000000f07f00"
        #expect(FormatTests.hex(bytes.prefix(38)) == golden)
    }
}

struct FamilyTests {
    private let temperature = MetricMetadata(family: "temp", kind: .gauge, help: "Air.", unit: "celsius")
    private let requests = MetricMetadata(family: "requests", kind: .counter, help: "Länge")

    private func reopened(_ files: MemoryFileStore) throws -> TestStore { try TestStore(files: files) }

    @Test func aRestartBringsThemBack() throws {
        let test = try TestStore()
        test.store.describe([temperature, requests])
        try test.store.maintain()
        let killed = try reopened(test.files.afterKill())
        #expect(killed.store.metadata() == ["temp": temperature, "requests": requests])
        let cut = try reopened(test.files.afterPowerCut { _, _, _ in 0 })
        #expect(cut.store.metadata() == ["temp": temperature, "requests": requests])
    }

    @Test func theyAreWrittenOnceAMinuteAndAtTheEnd() throws {
        let test = try TestStore()
        test.store.describe([temperature])
        try test.store.maintain()
        let first = test.files.contents("/data/metadata")
        #expect(try FamilyFile.read(first) == [temperature])
        test.store.describe([requests])
        test.clock.advance(milliseconds: 59_000)
        try test.store.maintain()
        #expect(test.files.contents("/data/metadata") == first)
        test.clock.advance(milliseconds: 1000)
        try test.store.maintain()
        #expect(try FamilyFile.read(test.files.contents("/data/metadata")) == [requests, temperature])
        let newer = MetricMetadata(family: "temp", kind: .gauge, help: "Water.", unit: "celsius")
        test.store.describe([newer])
        test.store.close()
        #expect(try reopened(test.files.afterKill()).store.metadata()["temp"] == newer)
    }

    @Test func twoTextsForOneFamilyAreWrittenOnceAnHour() throws {
        let test = try TestStore()
        test.store.describe([temperature])
        try test.store.maintain()
        var sizes: Set<Int> = []
        var writes = 0
        for pass in 1...240 {
            let text = pass % 2 == 0 ? "Air." : "Air or water."
            test.store.describe([MetricMetadata(family: "temp", kind: .gauge, help: text, unit: "celsius")])
            test.clock.advance(milliseconds: 15_000)
            let before = test.files.contents("/data/metadata")
            try test.store.maintain()
            let now = test.files.contents("/data/metadata")
            sizes.insert(now.count)
            if now != before { writes += 1 }
            if pass == 239 { #expect(writes == 0) }
        }
        // The last pass was an hour after the file, and said what the file says.
        #expect(writes == 0 && sizes.count == 1)
        test.store.describe([requests])
        try test.store.maintain()
        #expect(try FamilyFile.read(test.files.contents("/data/metadata")).count == 1)
        test.clock.advance(milliseconds: 60_000)
        try test.store.maintain()
        #expect(try FamilyFile.read(test.files.contents("/data/metadata")).count == 2)
    }

    @Test func whatDidNotChangeIsNotWritten() throws {
        let test = try TestStore()
        test.store.describe([temperature])
        try test.store.maintain()
        test.files.withFile("/data/metadata") { $0.written = [] }
        test.store.describe([temperature])
        test.clock.advance(milliseconds: 3_600_000)
        try test.store.maintain()
        #expect(test.files.contents("/data/metadata").isEmpty)
    }

    @Test func damageIsPutAside() throws {
        let test = try TestStore()
        test.store.describe([temperature, requests])
        test.store.close()
        let whole = test.files.contents("/data/metadata")
        for length in 0..<whole.count {
            for flip in [false, true] {
                let files = test.files.afterKill()
                files.withFile("/data/metadata") { file in
                    if flip {
                        file.written[length] ^= 0x10
                    } else {
                        file.written = Array(whole.prefix(length))
                    }
                }
                let read = try reopened(files)
                #expect(read.store.metadata().isEmpty)
                let isPutAside = !files.contents("/data/metadata.damaged").isEmpty
                #expect(isPutAside == (flip || length > 0))
                // And it goes on.
                read.store.describe([temperature])
                read.store.close()
                #expect(try reopened(files.afterKill()).store.metadata() == ["temp": temperature])
            }
        }
    }

    @Test func thereIsABound() {
        var families = Families()
        func metadata(_ name: String, _ length: Int) -> MetricMetadata {
            MetricMetadata(family: name, kind: .gauge, help: String(repeating: "x", count: length))
        }
        var taken = 0
        for number in 0..<(Families.countLimit + 5) where families.set(metadata("f\(number)", 1)) {
            taken += 1
        }
        #expect(taken == Families.countLimit)
        var answers: [Bool] = []
        answers.append(families.set(metadata("more", 0)))
        answers.append(families.set(metadata("f0", 1 << 20)))
        answers.append(families.set(metadata("f1", 3 << 20)))
        answers.append(families.set(metadata("f0", 0)))
        answers.append(families.set(metadata("f1", 3 << 20)))
        #expect(answers == [false, true, false, true, true])
        #expect(families.byName["more"] == nil && families.byName["f1"]?.help.utf8.count == 3 << 20)
    }

    @Test func theFileOfVersionOneIsWrittenAndRead() throws {
        let golden = """
            45574d312a8587eb01000000020000000872657175657374730100064cc3a46e67650474656d7002\
            0763656c73697573044169722e
            """
        let bytes = FamilyFile.bytes(["temp": temperature, "requests": requests])
        #expect(FormatTests.hex(bytes) == golden)
        #expect(try FamilyFile.read(FormatTests.bytes(golden)) == [requests, temperature])
    }
}
