// SPDX-License-Identifier: Apache-2.0
//
// libFuzzer targets for what reads bytes of others: block codecs, row coder, log pages, whole store files, and the
// bodies of pushes and scrapes; queries and test scripts are in FuzzPromQL.swift, OpenMetrics in FuzzOpenMetrics.swift.
// A target must end without trapping, whatever the bytes; where bytes decode, what they say must survive being coded
// again. EDGEWATCH_FUZZ names the target; scripts/fuzz runs them all.

import Foundation
import Logging
import Platform
import Samples
import Synchronization
import Wire

@testable import Bytes
@testable import TSDB

/// The targets by name.
private let targets: [(name: String, run: @Sendable ([UInt8]) -> Void)] = [
    ("block", Targets.block), ("roundtrip", Targets.roundTrip), ("integers", Targets.integers),
    ("column", Targets.column), ("row", Targets.row), ("page", Targets.page), ("log", Targets.log),
    ("ring", Targets.ring), ("envelope", Targets.envelope), ("tier", Targets.tier),
    ("staging", Targets.staging), ("snappy", Targets.snappy), ("zstd", Targets.zstd),
    ("write1", Targets.writeV1), ("write2", Targets.writeV2), ("exposition", Targets.exposition),
    ("exemplars", Targets.exemplars), ("metadata", Targets.metadata), ("histogram", Targets.histogram),
    ("openmetrics", Targets.openMetrics), ("lint", Targets.lint), ("promql", Targets.promql),
    ("script", Targets.script), ("read", Targets.remoteRead),
    ("scrape-om", Targets.scrapeOpenMetrics), ("scrape-proto", Targets.scrapeProtobuf),
    ("nut", Targets.nut),
    ("otlp", Targets.otlp), ("otlp-json", Targets.otlpJSON), ("gzip", Targets.gzip),
    ("kubernetes", Targets.kubernetes), ("kubeconfig", Targets.kubeconfig),
    ("import", Targets.textImport), ("gateway-path", Targets.gatewayPath),
    ("sd-json", Targets.targetGroups), ("dns", Targets.dns),
    ("host", Targets.host), ("textfile", Targets.textfile), ("smart", Targets.smart),
    ("selector", Targets.selector),
]

private let chosen: (@Sendable ([UInt8]) -> Void)? = {
    let name = ProcessInfo.processInfo.environment["EDGEWATCH_FUZZ"] ?? ""
    return targets.first { $0.name == name }?.run
}()

/// Called by libFuzzer with each input.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let chosen else {
        print("EDGEWATCH_FUZZ must name a target")
        exit(2)
    }
    chosen(Array(UnsafeBufferPointer(start: bytes, count: count)))
    return 0
}

/// What is done with the bytes.
enum Targets {
    /// The first two bytes are the number of values, the rest a block.
    private static func split(_ input: [UInt8]) -> (count: Int, rest: [UInt8])? {
        guard input.count >= 2 else { return nil }
        return ((Int(input[0]) | Int(input[1]) << 8) % 4097, Array(input[2...]))
    }

    @Sendable static func block(_ input: [UInt8]) {
        guard let (count, rest) = split(input) else { return }
        var decoder = BlockDecoder()
        var values = [Double](repeating: 0, count: count)
        var reader = ByteReader(rest)
        var span = values.mutableSpan
        try? decoder.read(&reader, into: &span)
    }

    /// The bytes are values; what is coded from them must be them again.
    @Sendable static func roundTrip(_ input: [UInt8]) {
        let values = stride(from: 0, to: input.count / 8 * 8, by: 8).map { start in
            Double(bitPattern: (0..<8).reduce(UInt64(0)) { $0 | UInt64(input[start + $1]) << UInt64($1 * 8) })
        }
        guard !values.isEmpty else { return }
        for effort in [CodingEffort.head, .segment] {
            var encoder = BlockEncoder()
            var decoder = BlockDecoder()
            var out: [UInt8] = []
            encoder.append(values, effort: effort, to: &out)
            var back = [Double](repeating: 0, count: values.count)
            var reader = ByteReader(out)
            var span = back.mutableSpan
            do {
                try decoder.read(&reader, into: &span)
            } catch {
                fatalError("a block that was just written does not decode: \(error)")
            }
            precondition(back.map { $0.bitPattern } == values.map { $0.bitPattern }, "not the same bits")
        }
    }

    @Sendable static func integers(_ input: [UInt8]) {
        guard let (count, rest) = split(input) else { return }
        var decoder = BlockDecoder()
        var reader = ByteReader(rest)
        _ = try? decoder.readIntegers(count, from: &reader)
    }

    @Sendable static func column(_ input: [UInt8]) {
        guard let (count, rest) = split(input) else { return }
        var cells = ColumnCells()
        var reader = ByteReader(rest)
        try? ColumnBlock.read(&reader, rows: count, into: &cells)
        precondition(cells.states.count <= count && cells.values.count <= count, "more cells than rows")
    }

    /// Rows of one window, one behind the other.
    @Sendable static func row(_ input: [UInt8]) {
        var coder = RowCoder()
        var row = RowScratch()
        for record in input.split(separator: 0xff, maxSplits: 64, omittingEmptySubsequences: true) {
            var reader = ByteReader(Array(record))
            guard let flags = try? reader.byte() else { return }
            guard (try? coder.read(&reader, flags: flags, into: &row)) != nil else { return }
        }
    }

    @Sendable static func page(_ input: [UInt8]) {
        for encryption in [nil, Targets.encryption] {
            var sessions = LogSessions(encryption)
            guard let header = LogPage.header(input, &sessions) else { return }
            for fragment in LogPage.fragments(input, header, &sessions).list {
                precondition(fragment.payload.count <= LogPage.size, "a fragment within the page")
            }
        }
    }

    /// Records of a log, in a page whose checksums hold.
    @Sendable static func log(_ input: [UInt8]) {
        var image = [UInt8](repeating: 0, count: LogPage.headerSize)
        for record in input.split(separator: 0xff, maxSplits: 100, omittingEmptySubsequences: true) {
            guard image.count + record.count + LogPage.fragmentHeaderSize <= LogPage.size else { break }
            LogPage.append(.whole, record, sequence: 1, seed: LogPage.seed(1), to: &image)
        }
        LogPage.finish(&image, sequence: 1, tail: 1, firstRow: 0)
        image += [UInt8](repeating: 0, count: LogPage.size - image.count)
        open(["log": image + [UInt8](repeating: 0, count: 15 * LogPage.size)])
    }

    /// A ring file as it is, and with a checksum that holds, so that what is behind it is reached.
    @Sendable static func ring(_ input: [UInt8]) {
        var files = ["ring-00": input]
        if let header = SegmentHeader(input), header.directoryLength + SegmentHeader.size <= input.count {
            var whole = input
            whole.overwrite(
                littleEndian: CRC32C.checksum(input[8..<(SegmentHeader.size + header.directoryLength)]),
                at: 4
            )
            files["ring-01"] = whole
        }
        open(files)
    }

    /// A directory of a tier and the blocks behind it, and a tier's file whose checksums hold.
    @Sendable static func tier(_ input: [UInt8]) {
        var decoder = BlockDecoder()
        let bytes = [UInt8](repeating: 0, count: SegmentHeader.size) + input
        if let directory = try? TierDirectory(bytes, &decoder) {
            let head = directory.head
            for (number, shape) in directory.shapes.enumerated() {
                precondition(shape.states.count <= TierShape.windowLimit, "windows within the limit")
                var reader = ByteReader(Array(input.dropFirst(number)))
                var rows: [CoarseRow] = []
                var block = TierBlock()
                try? block.read(
                    &reader,
                    shape,
                    head.span,
                    resolution: head.resolution,
                    &decoder,
                    into: &rows
                )
                for row in rows where row.summary != nil {
                    precondition(head.span.overlaps(row.end, row.end), "a row of the span")
                }
                let summaries = rows.compactMap(\.summary)
                guard var joined = summaries.first else { continue }
                for summary in summaries.dropFirst() { joined.append(summary) }
                precondition(joined.count >= summaries.count, "at least a sample a row")
            }
        }
        guard input.count >= SegmentHeader.size else { return }
        var file = input
        if let header = SegmentHeader(file), header.directoryLength + SegmentHeader.size <= file.count {
            let end = SegmentHeader.size + header.directoryLength
            file.overwrite(littleEndian: CRC32C.checksum(file[8..<end]), at: 4)
        } else {
            file = header(of: input)
        }
        open(["warm-00": file])
    }

    /// A segment of a tier with this directory, and the same bytes again as its data.
    private static func header(of directory: [UInt8]) -> [UInt8] {
        var header = SegmentHeader(
            ringSequence: 1,
            length: SegmentHeader.size + 2 * directory.count,
            directoryLength: directory.count,
            dataChecksum: CRC32C.checksum(directory),
            windowCount: 1,
            times: 0...300_000,
            sequences: 0...0
        )
        header.version = TierDirectory.version
        let bytes = header.bytes(directory: directory) + directory + directory
        return bytes + [UInt8](repeating: 0, count: SegmentHeader.padded(bytes.count) - bytes.count)
    }

    private static let encryption = StoreKey(bytes: Array(0..<32)).map {
        StoreEncryption(key: $0, acceptsPlaintext: true)
    }

    /// A ring file of a store with a key: sealed as a whole, and with a head whose checksum holds.
    @Sendable static func envelope(_ input: [UInt8]) {
        guard let key = encryption?.key else { return }
        let (_, sealed) = Envelope.seal(input[...], with: key)
        precondition(Envelope.open(sealed, with: key) == input, "not the same bytes")
        if let first = input.first {
            var changed = sealed
            changed[Envelope.size + Int(first) % (sealed.count - Envelope.size)] ^= 1
            precondition(Envelope.open(changed, with: key) == nil, "changed bytes open")
        }
        var files = ["ring-00": input, "ring-01": sealed]
        if input.count >= Envelope.size {
            var whole = input
            whole.replaceSubrange(0..<4, with: sealed[0..<4])
            whole.replaceSubrange(24..<32, with: key.fingerprint)
            whole.overwrite(littleEndian: CRC32C.checksum(whole[8..<Envelope.size]), at: 4)
            _ = Envelope.open(whole, with: key)
            files["ring-00"] = whole
        }
        open(files, encryption: encryption)
    }

    @Sendable static func staging(_ input: [UInt8]) {
        open(["log": [UInt8](repeating: 0, count: 16 * LogPage.size)], staging: input)
    }

    @Sendable static func snappy(_ input: [UInt8]) {
        if let plain = try? Snappy.decompress(input, limit: 1 << 20) { precondition(plain.count <= 1 << 20) }
        precondition((try? Snappy.decompress(Snappy.compress(input), limit: input.count)) == input)
    }

    @Sendable static func zstd(_ input: [UInt8]) {
        if let plain = try? Zstd.decompress(input[...], limit: 1 << 20) {
            precondition(plain.count <= 1 << 20)
        }
    }

    @Sendable static func writeV1(_ input: [UInt8]) { write(input, .v1) }
    @Sendable static func writeV2(_ input: [UInt8]) { write(input, .v2) }

    private static func write(_ input: [UInt8], _ version: RemoteWriteVersion) {
        var request = RemoteWriteRequest()
        try? request.decode(input.span, version)
        for histogram in request.histograms {
            _ = (try? NativeHistogram(histogram.message))?.storable()
        }
    }

    /// What follows the kind in a record of exemplars.
    @Sendable static func exemplars(_ input: [UInt8]) {
        var reader = ByteReader(input)
        guard let found = try? LogRecord.readExemplars(&reader) else { return }
        var ring = ExemplarRing(limit: 4)
        for entry in found { _ = ring.add(entry.exemplar, of: entry.series) }
        _ = ring.select([[]], TimeRange(.min, .max))
        precondition(ring.count <= 4 && ring.seriesCount <= ring.count, "within the limit")
        var again: [LoggedExemplar] = []
        for record in LogRecord.exemplars(found) {
            var reader = ByteReader(Array(record.dropFirst()))
            again += (try? LogRecord.readExemplars(&reader)) ?? []
        }
        precondition(again == found, "other exemplars")
    }

    /// The file of metadata, as it is and with a checksum that holds; then a store that has it.
    @Sendable static func metadata(_ input: [UInt8]) {
        var whole = input
        if whole.count >= FamilyFile.headerSize {
            whole.overwrite(littleEndian: CRC32C.checksum(input[8...]), at: 4)
        }
        for bytes in [input, whole] {
            guard let found = try? FamilyFile.read(bytes) else { continue }
            var families = Families()
            for entry in found { families.set(entry) }
            let again = try? FamilyFile.read(FamilyFile.bytes(families.byName))
            precondition(again?.count == families.byName.count, "other families")
            for entry in again ?? [] { precondition(families.byName[entry.family] == entry, "another text") }
        }
        open(["metadata": whole])
    }

    /// Ten bytes for each value of a part: which, in which row, its bits.
    @Sendable static func histogram(_ input: [UInt8]) {
        var columns: [SeriesPart: SampleColumns] = [:]
        for start in stride(from: 0, to: input.count / 10 * 10, by: 10) {
            let index = Int32(Int8(bitPattern: input[start + 1] & 0xf0)) / 16
            let parts: [SeriesPart] = [
                .layout, .count, .sum, .zeroCount, .zeroThreshold, .start, .bound(index), .positive(index),
                .negative(index),
            ]
            let bits = (0..<8).reduce(UInt64(0)) { $0 | UInt64(input[start + 2 + $1]) << UInt64($1 * 8) }
            let part = parts[Int(input[start]) % parts.count]
            let time = (columns[part]?.timestamps.last ?? 0) + Int64(input[start + 1] & 15) + 1
            // A layout of plausible size, or none would ever be found.
            let value = part == .layout ? Double(bits & 0xff_ffff_ffff) : Double(bitPattern: bits)
            columns[part, default: SampleColumns()].append(time, value)
        }
        var assembly = HistogramAssembly()
        let found = assembly.histograms(columns.map { ($0.key, $0.value) })
        for (time, histogram) in zip(found.timestamps, found.histograms) {
            guard histogram.storable() == histogram else { continue }
            var parts: [(part: SeriesPart, columns: SampleColumns)] = []
            histogram.forEachPart { part, bits in
                var columns = SampleColumns()
                columns.append(time, Double(bitPattern: bits))
                parts.append((part, columns))
            }
            let again = assembly.histograms(parts)
            precondition(again.timestamps == [time] && again.histograms == [histogram], "another histogram")
        }
    }

    @Sendable static func exposition(_ input: [UInt8]) {
        var parser = ExpositionParser(input)
        var samples = 0
        while let sample = try? parser.next() {
            _ = try? parser.labels(of: sample)
            samples += 1
            precondition(samples <= input.count, "more samples than bytes")
        }
        _ = parser.metadata()
    }

    /// Opens a store on files, reads everything, and writes a little.
    private static func open(
        _ contents: [String: [UInt8]],
        staging: [UInt8]? = nil,
        encryption: StoreEncryption? = nil
    ) {
        let files = MemoryFileStore()
        for (name, bytes) in contents {
            files.withFile("/data/\(name)") { $0 = .init(written: bytes, synced: bytes) }
        }
        var options = StoreOptions(
            directory: "/data",
            ringBytes: 256 << 10,
            ringFiles: 2,
            logBytes: 16 * 4096,
            tiers: [TierOptions(name: "warm", resolution: .seconds(300), ringBytes: 256 << 10)]
        )
        if let staging {
            files.withFile("/shm/staging") { $0 = .init(written: staging, synced: staging) }
            options.stagingPath = "/shm/staging"
        }
        options.encryption = encryption
        let logger = Logger(label: "fuzz") { _ in SwiftLogNoOpLogHandler() }
        let clock = ManualClock(wallMilliseconds: 1_800_000_000_000)
        do {
            let store = try Store(options, files: files, clock: clock, telemetry: Telemetry(), logger: logger)
            let all = try store.select([], from: .min, through: .max)
            var columns = SampleColumns()
            for index in 0..<min(all.count, 64) {
                columns.removeAll()
                try? all.read(index, from: .min, through: .max, into: &columns)
                var rows: [CoarseRow] = []
                try? all.readRows(index, from: .min, through: .max, into: &rows)
            }
            _ = try? store.read(from: LogPosition(sequence: 0), sampleLimit: 1000)
            _ = try? store.exemplars([[]], from: .min, through: .max)
            _ = store.metadata()
            let group = try store.group(Labels([("job", "fuzz")]))
            let id = try store.series(Labels([("__name__", "fuzz")]), in: group)
            var batch = SampleBatch(group: group, timestamp: Timestamp(milliseconds: 1_800_000_000_000))
            batch.append(id, 1)
            _ = try store.append(batch)
            try store.sealAll()
            store.close()
        } catch StoreError.keyMissing, StoreError.wrongKey {
            // Bytes that ask for a key.
            return
        } catch let error as StoreError {
            fatalError("a store must open whatever is in its files: \(error)")
        } catch {
            return
        }
    }
}
