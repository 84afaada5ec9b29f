// SPDX-License-Identifier: Apache-2.0
//
// The ring as a start finds it: which segments count, which are kept aside, and whether the newest one can be trusted.
//
// A segment is left out only when it cannot be read or when the log still has its rows.

internal import Bytes
internal import Logging
internal import Platform
internal import Samples

extension StoreOpening {
    mutating func loadSegments() {
        let scan = RingScan.scan(&ring, existing: existing)
        noteBlockedFiles(unreadable: scan.unreadable)
        regions = scan.regions
        rests = scan.rests
        var found = scan.found[...]
        // Each is synced before the next is begun, so a power cut can have left one half written.
        if let newest = found.last {
            let state = state(ofNewest: newest)
            if state != .kept { found.removeLast() }
            if state == .torn {
                regions.append(RingScan.Region(newest))
                report.damagedSegments += 1
            }
        }
        var segments: [Segment] = []
        var known = KnownLabels()
        // Newest first: of two copies of a window the older belongs to a try that had failed.
        for found in found.reversed() {
            guard let bundles = load(found, &known) else {
                regions.append(RingScan.Region(found))
                report.damagedSegments += 1
                continue
            }
            // Of a newer version's segment only the place is known; it stays until the ring comes round.
            guard !bundles.isEmpty || !found.header.isKnown else { continue }
            segments.append(
                Segment(
                    file: found.readable,
                    fileNumber: found.fileNumber,
                    offset: found.offset,
                    length: found.header.length,
                    ringSequence: found.header.ringSequence,
                    bundles: bundles
                )
            )
        }
        countGarbage(scan)
        segments.reverse()
        // The torn newest segment and what lies beneath it cannot be told from damage; both are counted.
        report.damagedSegments += scan.damaged
        report.segments = segments.count
        ring.resume(segments, nextSequence: (scan.found.last?.header.ringSequence ?? 0) + 1)
        head.segments = segments
        keep(regions)
        regions = []
    }

    /// Counts files that begin with something that is no segment and have none.
    ///
    /// Of a segment that was cut off when its file was new the first sector may be missing; half a header is none.
    mutating func countGarbage(_ scan: RingScan) {
        let found = Set(scan.found.map { $0.fileNumber })
        for region in scan.regions where region.offset == 0 && !found.contains(region.fileNumber) {
            guard let bytes = try? region.file.read(at: 0, count: LogPage.sector) else { continue }
            var reader = ByteReader(bytes)
            // What begins like a segment is counted already.
            guard bytes.contains(where: { $0 != 0 }), !RingScan.isMagic(try? reader.integer(UInt32.self))
            else { continue }
            report.damagedSegments += 1
            logger.warning(
                "a ring file has no segment but other data",
                metadata: ["file": "\(ring.name(region.fileNumber))"]
            )
        }
    }

    mutating func keep(_ regions: [RingScan.Region]) {
        for region in regions {
            quarantine.keep(
                region.file,
                ring.name(region.fileNumber),
                at: region.offset,
                length: region.length,
                "a part of the ring is no segment"
            )
        }
        report.quarantined = quarantine.copies
    }

    mutating func noteBlockedFiles(unreadable: Int) {
        report.unreadableFiles += ring.blocked.count
        report.damagedSegments += unreadable
        for (number, blockage) in ring.blocked.sorted(by: { $0.key < $1.key }) {
            logger.error(
                "a ring file cannot be read and is passed over, its samples are not there; make it readable and restart",
                metadata: ["file": "\(ring.name(number))", "error": "\(blockage.error)"]
            )
        }
    }

    enum NewestState {
        case kept
        /// The data is not what was written, and the log still has the rows.
        case torn
        /// The data cannot be made durable, and the log still has the rows.
        case unsynced
    }

    /// What to make of the newest segment.
    ///
    /// A segment that was synced once and is damaged since is kept: its good blocks may be all there is.
    func state(ofNewest found: RingScan.Found) -> NewestState {
        guard let first = log.scan.pages.first, found.header.minSequence >= first.firstRow,
            found.header.isKnown
        else { return .kept }
        // Whole in the page cache is not whole on the disk: a process killed between write and sync leaves it so, and
        // the log's pages are given up once the segment counts.
        guard found.hasWholeData() else { return .torn }
        do throws(FileError) {
            do throws(FileError) { try found.file.syncData() } catch { try found.rewrite() }
            return .kept
        } catch {
            // It may have been synced long ago, and the log never have had its last rows.
            let reaches =
                log.file.map { log.scan.endRow(of: $0, options.encryption) > found.header.maxSequence }
                ?? false
            logger.error(
                "the newest segment cannot be synced",
                metadata: ["error": "\(error)", "rows_in_log": "\(reaches)"]
            )
            return reaches ? .unsynced : .kept
        }
    }
}
