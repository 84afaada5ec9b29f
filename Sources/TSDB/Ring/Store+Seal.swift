// SPDX-License-Identifier: Apache-2.0
//
// Windows become segments. Under the head's lock a due window is only set aside; it is decoded, coded, written and
// synced outside; then, in one step under the lock, the segment appears and the window goes, so that every reader
// sees each row exactly once. Only after that may the log forget the rows.

internal import Bytes
internal import Logging
internal import Platform
internal import Samples
internal import Synchronization

/// What the sealer owns.
struct Sealer: Sendable {
    var ring: Ring
    var tiers: [Tier] = []
    var writer = SegmentWriter()
    /// After a failure no further try before this monotonic time: each costs decoding and coding.
    var retryAt: UInt64 = 0
    var failure: StoreError?
}

/// Which windows to set aside.
enum SealReason: Sendable {
    /// Those that are full or old enough.
    case due
    /// Also those that keep the log's oldest pages.
    case logSpace
    /// All of them, because the log cannot be written.
    case allInLog
    /// All of them, also right after a failure.
    case all
}

extension Store {
    /// Samples gathered into one segment before the next is begun, because windows of one segment share labels.
    static let samplesPerSegment = 1 << 20
    /// Coded bytes gathered; bounds the memory a seal takes.
    static let bytesPerSegment = 1 << 20

    /// Seals what is due; one seal at a time.
    func seal(_ reason: SealReason) throws(StoreError) {
        try sealer.withLock { sealer throws(StoreError) in try seal(reason, &sealer) }
    }

    /// Seals what is due unless somebody is sealing already: an appender need not wait for a slow sync while the log
    /// has room.
    func sealUnlessBusy(_ reason: SealReason) throws(StoreError) {
        let mine: Void? = try sealer.withLockIfAvailable { sealer throws(StoreError) in
            try seal(reason, &sealer)
        }
        if mine == nil, head.withLock({ $0.log.isFull }) { try seal(reason) }
    }

    private func seal(_ reason: SealReason, _ sealer: inout Sealer) throws(StoreError) {
        let now = clock.monotonicNanoseconds()
        if case .all = reason { sealer.retryAt = 0 }
        if let failure = sealer.failure, now < sealer.retryAt { throw failure }
        do throws(StoreError) {
            try sealWindows(reason, &sealer)
            sealer.failure = nil
        } catch {
            if sealer.failure == nil {
                logger.error(
                    "windows cannot be sealed and stay in memory",
                    metadata: ["error": "\(error)"]
                )
            }
            sealer.failure = error
            sealer.retryAt = now + Store.sealRetryNanoseconds
            throw error
        }
    }

    private static let sealRetryNanoseconds: UInt64 = 5_000_000_000

    private func sealWindows(_ reason: SealReason, _ sealer: inout Sealer) throws(StoreError) {
        let now = clock.monotonicNanoseconds()
        let isDoubtful = writer.withLock { $0.syncFailure != nil }
        // What a failure left goes first: tries that cannot succeed must not pile up windows.
        try sealFrozen(isDoubtful ? .all : reason, &sealer)
        let row = head.withLock { head in
            head.setAside(isDoubtful ? .all : reason, at: now)
            return head.nextSequence
        }
        try sealFrozen(isDoubtful ? .all : reason, &sealer)
        if case .logSpace = reason { moveTail() }
        if case .allInLog = reason { moveTail() }
        guard isDoubtful else { return }
        writer.withLock { $0.syncFailure = nil }
        head.withLock { $0.syncedRow = max($0.syncedRow, row) }
    }

    /// Lets the log forget pages that no row in memory needs: exemplars take pages too, and no segment frees those.
    private func moveTail() {
        let tail = head.withLock { head in
            head.log.tail = max(head.log.tail, head.firstNeededPage())
            return head.log.tail
        }
        writer.withLock { $0.file.release(before: tail) }
    }

    private func sealFrozen(_ reason: SealReason, _ sealer: inout Sealer) throws(StoreError) {
        var windows = head.withLock { $0.frozenWindows() }
        if case .due = reason {
            // Until the clock is known; in need of space they go as they are.
            windows.removeAll { $0.window.provisional != nil }
        }
        for window in windows where window.window.provisional != nil {
            metrics.provisionalSealed.add(window.window.rows)
        }
        var rest = windows[...]
        while !rest.isEmpty {
            var (samples, bytes) = (0, 0)
            let batch = rest.prefix { window in
                defer {
                    samples += window.window.samples
                    bytes += window.window.codedBytes
                }
                return samples < Store.samplesPerSegment && bytes < Store.bytesPerSegment
            }
            rest = rest.dropFirst(batch.count)
            try seal(Array(batch), &sealer)
        }
    }

    private func seal(_ windows: [SealingWindow], _ sealer: inout Sealer) throws(StoreError) {
        let gaps = head.withLock { $0.gaps }
        let encoded: SealedSegment
        do {
            encoded = try sealer.writer.encode(windows, gaps: gaps)
        } catch {
            // Memory that does not decode: a defect or a broken machine. Dropping the windows keeps the rest alive.
            logger.error("windows in memory cannot be coded and are dropped", metadata: ["error": "\(error)"])
            metrics.corruptBlocks.add(windows.count)
            logGivenUp(windows.map(\.window.stream))
            publish(nil, of: windows, sealer: &sealer)
            return
        }
        let doomed = sealer.ring.inTheWay(of: encoded.length)
        buildBeforeOverwriting(doomed, &sealer)
        noteGivenUp(doomed)
        guard let gone = sealer.ring.makeRoom(encoded.length) else {
            guard windows.count == 1 else {
                for window in windows { try seal([window], &sealer) }
                return
            }
            logger.error(
                "a window is larger than a file of the ring and is dropped; raise storage.circular_buffer.size",
                metadata: ["group": "\(windows[0].identity)", "bytes": "\(encoded.length)"]
            )
            metrics.droppedWindows.add()
            logGivenUp([windows[0].window.stream])
            publish(nil, of: windows, sealer: &sealer)
            return
        }
        forget(gone, &sealer)
        let place = try write(encoded, &sealer)
        metrics.segmentBytes.add(sealer.ring.storedBytes(encoded.length))
        metrics.sealedWindows.add(windows.count)
        publish((encoded, place), of: windows, sealer: &sealer)
    }

    /// Writes the segment, in another place when the first refuses.
    private func write(
        _ encoded: SealedSegment,
        _ sealer: inout Sealer
    ) throws(StoreError) -> Ring.Place {
        let (fileNumber, offset) = (sealer.ring.fileNumber, sealer.ring.offset)
        do throws(FileError) {
            return try sealer.ring.write(encoded)
        } catch let first {
            metrics.writeErrors.add()
            let left = sealer.ring.skip(encoded.length, after: first)
            noteGivenUp(left + sealer.ring.inTheWay(of: encoded.length))
            forget(left, &sealer)
            forget(sealer.ring.makeRoom(encoded.length) ?? [], &sealer)
            do throws(FileError) {
                return try sealer.ring.write(encoded)
            } catch {
                metrics.writeErrors.add()
                sealer.ring.goBack(toFile: fileNumber, offset: offset)
                throw StoreError(error)
            }
        }
    }

    /// Replaces windows by their segment, and lets the log forget their rows.
    private func publish(
        _ written: (encoded: SealedSegment, place: Ring.Place)?,
        of windows: [SealingWindow],
        sealer: inout Sealer
    ) {
        let ring = sealer.ring
        let (segment, tail) = index.withLock { index in
            var segment: Segment?
            if let written {
                let columns = written.encoded.bundles.map { index.adopt($0.references) }
                segment = Segment(
                    file: written.place.file,
                    fileNumber: ring.fileNumber,
                    offset: written.place.offset,
                    length: written.encoded.length,
                    ringSequence: written.place.sequence,
                    bundles: zip(written.encoded.bundles, columns).map { bundle, columns in
                        SegmentBundle(columns: columns, bounds: bundle.bounds, layout: bundle.layout)
                    }
                )
            }
            return head.withLock { head in
                if let segment { head.segments.append(segment) }
                for window in windows { head.removeFrozen(window) }
                head.log.tail = head.firstNeededPage()
                return (segment, head.log.tail)
            }
        }
        if let segment { sealer.ring.advance(segment) }
        writer.withLock { $0.file.release(before: tail) }
    }

    /// Takes segments that are about to be overwritten out of all readers' sight.
    func forget(_ gone: [Segment], _ sealer: inout Sealer) {
        guard !gone.isEmpty else { return }
        let names = Set(gone.map { ObjectIdentifier($0) })
        let wall = clock.wallMilliseconds()
        index.withLock { index in
            var forgotten: [SeriesReference] = []
            for segment in gone {
                for bundle in segment.bundles { forgotten += index.release(bundle.columns) }
            }
            head.withLock { head in
                head.segments.removeAll { names.contains(ObjectIdentifier($0)) }
                for segment in gone { segment.forEachWindow { head.giveUp(through: $1, wall) } }
                for reference in forgotten { head.setLabels(Labels(), of: reference) }
            }
        }
    }
}

extension Head {
    /// A window small enough to ride along in a segment that is written anyway.
    private static let smallWindowBytes = 32 << 10
    /// Samples set aside in one go; more wait for the next second, which spreads the work.
    private static let samplesSetAside = 8 << 20

    /// Freezes windows for a reason, oldest pages first.
    mutating func setAside(_ reason: SealReason, at now: UInt64) {
        let open = lanes.indices.filter { !lanes[$0].window.isEmpty }
        switch reason {
        case .all, .allInLog:
            for number in open { freeze(number) }
        case .logSpace:
            // Down to half, so that this does not happen again at once.
            let keep = log.sequence - min(log.sequence, UInt64(log.capacity / 2))
            for number in open
            where lanes[number].window.firstPage < keep || lanes[number].isDue(bytes: limits.windowBytes) {
                freeze(number)
            }
        case .due:
            var samples = 0
            let due = open.filter { isDue($0, at: now) }
            for number in due where samples < Head.samplesSetAside {
                samples += lanes[number].window.samples
                freeze(number)
            }
            guard samples > 0 else { return }
            for number in open where lanes[number].isNearlyDue(bytes: limits.windowBytes) {
                if lanes[number].window.byteCount < Head.smallWindowBytes { freeze(number) }
            }
        }
    }

    private mutating func isDue(_ number: Int, at now: UInt64) -> Bool {
        let limit = lanes[number].isOld ? WindowLimit.idleOldNanoseconds : WindowLimit.idleNanoseconds
        return lanes[number].idleTime(at: now) >= limit || lanes[number].isDue(bytes: limits.windowBytes)
    }

    /// All windows that wait for their segment.
    func frozenWindows() -> [SealingWindow] {
        var result: [SealingWindow] = []
        for (number, lane) in lanes.enumerated() {
            for window in lane.frozen {
                let references = window.series.map { handles[$0].reference }
                result.append(
                    SealingWindow(
                        lane: number,
                        identity: groups[Int(lane.group)].identity,
                        window: window,
                        labels: references.map { labels(of: $0) },
                        references: references
                    )
                )
            }
        }
        return result
    }

    /// A frozen window is in a segment now, or given up.
    mutating func removeFrozen(_ sealed: SealingWindow) {
        let stream = sealed.window.stream
        guard lanes[sealed.lane].frozen.contains(where: { $0.stream == stream }) else { return }
        lanes[sealed.lane].frozen.removeAll { $0.stream == stream }
        groups[Int(lanes[sealed.lane].group)].version &+= 1
        for id in sealed.window.series { handles.leaveOther(id) }
    }
}
