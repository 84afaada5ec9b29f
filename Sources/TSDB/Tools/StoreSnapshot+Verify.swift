// SPDX-License-Identifier: Apache-2.0
//
// Checks everything: the files first, as they lie there, so that also what a start passes over is looked at; then
// every block that a query could ask for is decoded. The same damage may be told twice, by its place in a file and by
// what it costs.

internal import Bytes
internal import Platform
internal import Samples
internal import Synchronization

extension StoreSnapshot {
    /// What a verification went through.
    public struct Verification: Sendable {
        /// Segments, windows of groups, blocks and samples that were decoded.
        public var segments = 0, windows = 0, blocks = 0, samples: UInt64 = 0
        /// Pages of the log that count, and the rows and samples that are taken from them.
        public var logPages = 0, logRows = 0, logSamples = 0
        /// Segments, blocks and rows of tiers that were decoded.
        public var tierSegments = 0, tierBlocks = 0, tierRows: UInt64 = 0
        /// Metric families in the file of metadata.
        public var families = 0
        /// What is wrong, a line each, at most `limit` of them.
        public var damage: [String] = []
        /// Further damage beyond the limit.
        public var more = 0
        /// What a power cut leaves and damage may look like, a line each.
        public var notes: [String] = []
        /// The damage that was found in files, without decoding anything.
        fileprivate var fileLines: Set<String> = []

        /// Lines of damage kept.
        public static let limit = 1000

        mutating func note(_ line: String) {
            if damage.count < Verification.limit { damage.append(line) } else { more += 1 }
        }
    }

    /// Checks every checksum and decodes every block, of segments, tiers, the log and metadata.
    ///
    /// Of a directory in use, what was overwritten while it was read is no damage.
    ///
    /// Cost: reads everything twice and decodes it twice; of a directory in use the files once more.
    public func verify() -> Verification {
        var result = Verification()
        verifyFiles(&result)
        var overwritten = 0
        for segment in store.head.withLock({ $0.segments }) {
            result.segments += 1
            let before = result
            for bundle in segment.bundles.indices { verify(segment, bundle, &result) }
            overwritten += forgive(segment, since: before, &result)
        }
        for (number, tier) in store.options.tiers.enumerated() {
            overwritten += verifyTier(number, tier.name, &result)
        }
        verifySeries(&result)
        if isInUse {
            // Damage stays where it is; what is being written is soon whole.
            var again = Verification()
            verifyFiles(&again)
            let lasting = Set(again.damage)
            let changed = result.fileLines.filter { !lasting.contains($0) }
            result.damage.removeAll { changed.contains($0) }
            overwritten += changed.count
        } else {
            noteRecovery(&result)
        }
        if overwritten > 0 {
            result.notes.append(
                "\(overwritten) parts were overwritten while they were read; the directory is in use, and this is no damage"
            )
        }
        return result
    }

    /// Forgets what is wrong with a segment whose place has been given to another one meanwhile; returns whether.
    private func forgive(_ segment: Segment, since before: Verification, _ result: inout Verification) -> Int
    {
        let isDamaged = result.damage.count + result.more > before.damage.count + before.more
        guard isInUse, isDamaged,
            SegmentHeader((try? segment.file.read(at: segment.offset, count: SegmentHeader.size)) ?? [])?
                .ringSequence != segment.ringSequence
        else { return 0 }
        (result.damage, result.more) = (before.damage, before.more)
        return 1
    }

    // MARK: - Files

    private func verifyFiles(_ result: inout Verification) {
        let existing = Set((try? files.list(directory)) ?? [])
        let options = store.options
        verifyRing(Ring.samples, options.ringFiles, options.ringBytes, existing, &result)
        for tier in options.tiers {
            verifyRing(tier.name, tier.ringFiles, tier.ringBytes, existing, &result)
        }
        verifyLog(&result)
        verifyMetadata(existing, &result)
        result.fileLines = Set(result.damage)
    }

    private func verifyRing(
        _ name: String,
        _ count: Int,
        _ bytes: Int64,
        _ existing: Set<String>,
        _ result: inout Verification
    ) {
        var ring = Ring(
            files: files,
            directory: directory,
            prefix: name,
            fileCount: count,
            ringBytes: bytes,
            encryption: store.options.encryption
        )
        let scan = RingScan.scan(&ring, existing: existing)
        for (number, blockage) in ring.blocked.sorted(by: { $0.key < $1.key }) {
            result.note("\(ring.name(number)): cannot be read: \(blockage.error)")
        }
        if scan.unreadable > 0 { result.note("\(name): \(scan.unreadable) places cannot be read") }
        for region in scan.regions {
            result.note(
                "\(ring.name(region.fileNumber)) at \(region.offset): \(region.length) bytes are no segment"
            )
        }
        // Before the ring has come round nothing can have been left behind its last segment.
        if scan.found.first?.header.ringSequence == 1 {
            for (number, rest) in scan.rests.sorted(by: { $0.key < $1.key }) {
                result.note("\(ring.name(number)) at \(rest.offset): what follows the last segment is none")
            }
        }
        for found in scan.found where !found.hasWholeData() {
            result.note(
                "\(ring.name(found.fileNumber)) at \(found.offset): the segment's checksum does not hold"
            )
        }
    }

    private func verifyLog(_ result: inout Verification) {
        let encryption = store.options.encryption
        result.logRows = store.recovery.rows
        result.logSamples = store.recovery.samples
        guard let file = try? files.open("\(directory)/log", .read) else {
            return result.note("log: the file is missing or cannot be read")
        }
        guard let scan = try? LogScan.scan(file, encryption) else {
            return result.note("log: the file cannot be read")
        }
        let size = (try? file.size()) ?? 0
        if scan.isCut(to: size) { result.note("log at \(size): the file was cut off here") }
        if size == 0 { result.note("log: the file is empty") }
        for slot in scan.garbage {
            result.note("log at \(slot * LogPage.size): \(LogPage.size) bytes are no page")
        }
        result.more += max(0, scan.damaged - scan.garbage.count)
        if scan.unreadable > 0 { result.note("log: \(scan.unreadable) pages cannot be read") }
        result.logPages = scan.pages.count
        var sessions = LogSessions(encryption)
        for (number, page) in scan.pages.enumerated() where !page.isWhole {
            let offset = page.slot * LogPage.size
            guard let bytes = try? file.read(at: Int64(offset), count: LogPage.size),
                let header = LogPage.header(bytes, &sessions)
            else { continue }
            let fragments = LogPage.fragments(bytes, header, &sessions)
            let isLast = number + 1 == scan.pages.count || begins(scan.pages[number + 1], file, &sessions)
            if isLast, fragments.holes.isEmpty, !fragments.endWithClosed, !fragments.isForeign {
                result.notes.append(
                    "log at \(offset): the page ends at byte \(fragments.end), as after a power cut, or is damaged there"
                )
            } else {
                let place =
                    fragments.holes.isEmpty
                    ? "its checksum does not hold" : "records in its middle are damaged"
                result.note("log at \(offset): page \(page.sequence): \(place)")
            }
        }
    }

    /// Whether a process began with a page.
    private func begins(_ page: LogScan.Page, _ file: any StorageFile, _ sessions: inout LogSessions) -> Bool
    {
        guard let bytes = try? file.read(at: Int64(page.slot) * Int64(LogPage.size), count: LogPage.size),
            let header = LogPage.header(bytes, &sessions)
        else { return false }
        return LogPage.fragments(bytes, header, &sessions).beginWithGap
    }

    private func verifyMetadata(_ existing: Set<String>, _ result: inout Verification) {
        guard existing.contains(FamilyFile.name) else { return }
        do throws(FileError) {
            let file = try files.open("\(directory)/\(FamilyFile.name)", .read)
            let limit = Envelope.sealedLength(FamilyFile.headerSize + FamilyFile.bodyLimit)
            let bytes = try file.read(at: 0, count: min(Int(clamping: file.size()), limit))
            do throws(CorruptionError) {
                result.families = try FamilyFile.read(bytes, store.options.encryption).families.count
            } catch {
                result.note("\(FamilyFile.name): \(error)")
            }
        } catch {
            result.note("\(FamilyFile.name): cannot be read: \(error)")
        }
    }

    /// What the start has lost beyond what was found in the files.
    private func noteRecovery(_ result: inout Verification) {
        let report = store.recovery
        func note(_ count: Int, _ what: String) { if count > 0 { result.note("\(count) \(what)") } }
        note(report.damagedSegments, "places in ring files whose segment cannot be read")
        note(report.damagedBundles, "directories of segments that cannot be read")
        note(report.unknownSegments, "segments that a newer edgewatch wrote")
        note(report.damagedPages, "damaged or missing pages of the log")
        note(report.skippedRows, "rows of the log that cannot be read")
        note(Int(clamping: report.missingRows), "rows are in no segment and not in the log")
        note(report.unreadableFiles, "files are missing, empty or cannot be read")
    }

    // MARK: - Blocks

    private func verify(_ segment: Segment, _ bundle: Int, _ result: inout Verification) {
        let place = "ring-\(segment.fileNumber < 10 ? "0" : "")\(segment.fileNumber) at \(segment.offset)"
        do throws(SourceError) {
            for (number, window) in try store.reader.windows(segment, bundle: bundle) {
                result.windows += 1
                let times = try store.reader.times(segment, number)
                if times.count != Int(window.rows) { result.note("\(place): window \(number) has lost rows") }
                for column in 0..<Int(window.columns) {
                    verify(segment, number, column, rows: times.count, place, &result)
                }
            }
        } catch {
            result.note("\(place): \(error.words)")
        }
    }

    private func verify(
        _ segment: Segment,
        _ window: Int,
        _ column: Int,
        rows: Int,
        _ place: String,
        _ result: inout Verification
    ) {
        var cells = ColumnCells()
        do throws(SourceError) {
            try store.reader.cells(segment, window, column, into: &cells)
            result.blocks += 1
            result.samples += UInt64(cells.states.count { $0 != CellState.absent })
            if cells.states.count != rows {
                result.note(
                    "\(place): window \(window), series \(column) has \(cells.states.count) of \(rows) rows"
                )
            }
            let summary = try store.reader.summary(segment, window, column)
            if let summary, summary.count != cells.values.count {
                result.note("\(place): window \(window), series \(column) is not what its summary says")
            }
        } catch {
            result.note("\(place): window \(window), series \(column): \(error.words)")
        }
    }

    /// Returns how many segments were overwritten meanwhile.
    private func verifyTier(_ number: Int, _ name: String, _ result: inout Verification) -> Int {
        let segments = store.head.withLock {
            $0.tiers.indices.contains(number) ? $0.tiers[number].segments : []
        }
        var overwritten = 0
        for segment in segments {
            result.tierSegments += 1
            let before = result
            let file = "\(name)-\(segment.place.fileNumber < 10 ? "0" : "")\(segment.place.fileNumber)"
            let blocks = segment.columns.reduce(0) { $0 + $1.references.count }
            var rows: [CoarseRow] = []
            for block in 0..<blocks {
                rows.removeAll(keepingCapacity: true)
                do throws(SourceError) {
                    try store.tierReader.rows(segment, block, .min, .max, into: &rows)
                    result.tierBlocks += 1
                    result.tierRows += UInt64(rows.count)
                } catch {
                    result.note("\(file) at \(segment.place.offset): series \(block): \(error.words)")
                }
            }
            overwritten += forgive(segment.place, since: before, &result)
        }
        return overwritten
    }

    /// Reads every series once, which takes memory and the tiers in as well.
    private func verifySeries(_ result: inout Verification) {
        do throws(SourceError) {
            let all = try store.select([], from: .min, through: .max)
            var columns = SampleColumns()
            for index in 0..<all.count {
                columns.removeAll()
                do throws(SourceError) {
                    try all.read(index, from: .min, through: .max, into: &columns)
                } catch {
                    // The blocks were looked at; those of a directory in use may be gone by now.
                    if !isInUse { result.note("\(all.labels(index)): \(error.words)") }
                    continue
                }
                for place in columns.timestamps.indices.dropFirst()
                where columns.timestamps[place] <= columns.timestamps[place - 1] {
                    result.note("\(all.labels(index)): times do not ascend at \(columns.timestamps[place])")
                    break
                }
            }
        } catch {
            if !isInUse { result.note(error.words) }
        }
    }
}
