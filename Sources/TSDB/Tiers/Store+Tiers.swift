// SPDX-License-Identifier: Apache-2.0
//
// Rows are built from the samples in the store, not on the way in: nothing of a tier is in memory or in the log, and a
// restart goes on where the last whole span ended. A span is built when no more samples are expected for it, a little
// with each call of `maintain`; before samples without rows are overwritten, all at once.
//
// A span counts as built with its last segment. Until then, and after a crash in the middle, its segments are not
// looked at.

internal import Logging
internal import Platform
internal import Samples
internal import Synchronization

extension Store {
    /// Samples read in one call of `maintain`: some ten milliseconds.
    private static let samplesPerCall = 1 << 20
    private static let checkNanoseconds: UInt64 = 10_000_000_000
    private static let retryNanoseconds: UInt64 = 30_000_000_000
    /// How long after its end a span waits for late samples, at least and at most, in milliseconds; those that come
    /// later still have the span built again.
    private static let shortestWait: Int64 = 60_000
    private static let longestWait: Int64 = 3_600_000

    /// Builds what is due, within the bounds of one call.
    func maintainTiers() throws(StoreError) {
        // Rows of a clock that is not trusted will be moved.
        guard !options.tiers.isEmpty, trust.withLock({ $0.isTrusted }) else { return }
        try sealer.withLock { sealer throws(StoreError) in
            var budget = Store.samplesPerCall
            for number in sealer.tiers.indices where budget > 0 {
                try maintain(&sealer.tiers[number], &budget)
            }
        }
    }

    /// Notes samples that came after the rows of their time were built.
    func noteLateForTiers(_ time: Int64, _ samples: Int) {
        guard time <= tierNewest.load(ordering: .relaxed), samples > 0 else { return }
        let now = clock.monotonicNanoseconds()
        for number in head.withLock({ $0.noteLate(time, at: now, tierLengths) }) {
            tierCounters[number].late.add(samples)
        }
    }

    /// Builds rows of all samples that are about to be overwritten.
    func buildBeforeOverwriting(_ doomed: [Segment], _ sealer: inout Sealer) {
        guard !doomed.isEmpty else { return }
        for number in sealer.tiers.indices {
            let coverage = seen(sealer.tiers[number])
            guard doomed.contains(where: { coverage.firstUncovered($0.minTime...$0.maxTime) != nil }) else {
                continue
            }
            do throws(StoreError) {
                try buildAll(in: doomed, &sealer.tiers[number])
            } catch {
                sealer.tiers[number].counters.missed.add()
                logger.error(
                    "samples are overwritten before their rows are built",
                    metadata: ["tier": "\(sealer.tiers[number].options.name)", "error": "\(error)"]
                )
            }
        }
    }

    /// Builds spans now, whole or not, until nothing in the segments is without rows that could have some.
    private func buildAll(in segments: [Segment], _ tier: inout Tier) throws(StoreError) {
        tier.build = nil
        // What is overwritten was sealed by a clock that was trusted, whatever it says now.
        let isTrusted = trust.withLock { $0.isTrusted }
        let now = isTrusted ? clock.wallMilliseconds() - Store.shortestWait : .max
        let end = TierGrid.down(now, tier.resolution)
        var windows: [ClosedRange<Int64>] = []
        for segment in segments { segment.forEachWindow { windows.append($0...$1) } }
        // Each turn covers at least one more window, so it ends; a turn is a span.
        while let time = windows.compactMap({ seen(tier).firstUncovered($0) }).min() {
            var span = tier.span(for: time)
            span.through = min(span.through, end)
            guard span.from < span.through, time <= span.through else {
                tier.counters.missed.add()
                return
            }
            begin(span, &tier)
            tier.build?.isLastChance = true
            var budget = Int.max
            try proceed(&tier, &budget)
        }
    }

    private func maintain(_ tier: inout Tier, _ budget: inout Int) throws(StoreError) {
        let now = clock.monotonicNanoseconds()
        if tier.build == nil {
            guard now >= tier.checkAt else { return }
            tier.checkAt = now &+ Store.checkNanoseconds
            guard let span = nextSpan(&tier, now) else { return }
            begin(span, &tier)
        }
        do throws(StoreError) {
            try proceed(&tier, &budget)
        } catch {
            tier.build = nil
            tier.checkAt = now &+ Store.retryNanoseconds
            throw error
        }
        guard tier.build == nil else { return }
        // More may be due; after a day without power there are several spans.
        tier.checkAt = tier.unread == nil ? now : now &+ Store.retryNanoseconds
    }

    /// The oldest span that is due.
    private func nextSpan(_ tier: inout Tier, _ now: UInt64) -> TierSpan? {
        let wall = clock.wallMilliseconds()
        let wait = max(Store.shortestWait, min(Store.longestWait, options.outOfOrderWindow.milliseconds))
        let number = tier.number
        if let oldest = oldestUncovered(tier) {
            let span = tier.span(for: oldest)
            if span.through <= wall - wait, span.through < .max { return span }
        }
        // Nothing new; what came late then, once nothing more has come for a while.
        return head.withLock { head in
            let spans = head.tiers[number].late
            guard let due = spans.first(where: { now >= $0.value &+ UInt64(wait) * 1_000_000 }) else {
                return nil
            }
            head.tiers[number].late[due.key] = nil
            // From where samples begin: a span that began before would say of earlier times that there were some.
            var oldest = Int64.max
            head.forEachWindow { low, _ in oldest = min(oldest, low) }
            let first = TierGrid.down(min(oldest, due.key).subtractingClamped(1), tier.resolution)
            let span = TierSpan(
                from: max(due.key.subtractingClamped(tier.spanLength), first),
                through: due.key
            )
            // Samples that are gone cannot be counted again.
            guard span.from >= head.givenUp ?? .min, span.through <= wall - wait else { return nil }
            return span
        }
    }

    /// The time of the oldest sample that may have no row yet.
    private func oldestUncovered(_ tier: Tier) -> Int64? {
        head.withLock { head in
            var oldest: Int64?
            let seen = tier.coverage.union(head.tiers[tier.number].gaps)
            head.forEachWindow { low, high in
                guard let time = seen.firstUncovered(low...high) else { return }
                oldest = min(oldest ?? time, time)
            }
            return oldest
        }
    }

    // MARK: - A span

    private func begin(_ span: TierSpan, _ tier: inout Tier) {
        tier.build = TierBuild(
            span: span,
            sets: head.withLock { $0.series(in: span) }.sortedIntoSets(),
            writer: TierSegmentWriter(span, resolution: tier.resolution)
        )
    }

    /// Goes on with a build until it is complete or the budget, counted in samples, is used up.
    private func proceed(_ tier: inout Tier, _ budget: inout Int) throws(StoreError) {
        guard var build = tier.build else { return }
        let range = TimeRange(
            Timestamp(milliseconds: build.span.from + 1),
            Timestamp(milliseconds: build.span.through)
        )
        let known = head.withLock { $0.knownSegments(range) }
        var columns = SampleColumns()
        var rows: [CoarseRow] = []
        while !build.isComplete, budget > 0 {
            let set = build.sets[build.place.set]
            if build.place.series == 0 { build.writer.beginSet() }
            let series = set[build.place.series]
            columns.removeAll()
            rows.removeAll(keepingCapacity: true)
            let leftOut = readForTier(series, range, known, into: &columns)
            if leftOut.error != nil, !goesOn(without: leftOut, &build, &tier) { return }
            budget -= columns.count + Store.samplesPerSeries
            let behind = TierRows.append(columns, build.span, resolution: tier.resolution, to: &rows)
            if let behind { build.behind = min(build.behind ?? behind, behind) }
            // No row is better than one that tells of half its samples.
            rows.removeAll { leftOut.overlaps(after: $0.end - tier.resolution, through: $0.end) }
            if !rows.isEmpty {
                if build.writer.isFull(tier.segmentBytes) {
                    try write(&build, isLast: false, &tier)
                    build.writer.beginSet()
                }
                build.writer.append(series.labels, rows)
            }
            build.place.series += 1
            if build.place.series == set.count { build.place = (build.place.set + 1, 0) }
        }
        guard build.isComplete else {
            tier.build = build
            return
        }
        tier.build = nil
        tier.unread = nil
        if build.writer.isEmpty {
            skip(emptySpan(build, tier), tier)
        } else {
            try write(&build, isLast: true, &tier)
            cover(build.span, &tier)
            replaceOlder(build, &tier)
        }
    }

    private func cover(_ span: TierSpan, _ tier: inout Tier) {
        tier.coverage.insert(span)
        expectLate(through: span.through)
        head.withLock { $0.tiers[tier.number].coverage = tier.coverage }
    }

    /// Notes that there is nothing to make rows of, so that a gap of a year is passed over at once.
    private func skip(_ span: TierSpan, _ tier: Tier) {
        expectLate(through: span.through)
        head.withLock { $0.tiers[tier.number].gaps.insert(span) }
    }

    private func expectLate(through time: Int64) {
        tierNewest.store(max(time, tierNewest.load(ordering: .relaxed)), ordering: .relaxed)
    }

    /// What needs no look any more.
    private func seen(_ tier: Tier) -> TierCoverage {
        head.withLock { tier.coverage.union($0.tiers[tier.number].gaps) }
    }

    /// How often samples are read in vain before rows are built without them.
    private static let readTries = 3

    /// What looking a series up costs, in samples.
    private static let samplesPerSeries = 64

    private func readForTier(
        _ series: TierSeries,
        _ range: TimeRange,
        _ known: KnownSegments,
        into columns: inout SampleColumns
    ) -> LeftOut {
        let sources = head.withLock { head in
            // A forgotten series' reference may name another one by now.
            head.labels(of: series.reference) == series.labels
                ? head.sources(of: series.reference, range, known: known) : SeriesSources()
        }
        var leftOut = LeftOut()
        // To the end of the blocks, which are decoded whole: that tells how far a gap goes.
        read(sources, TimeRange(from: range.from, through: .max), into: &columns, &leftOut)
        return leftOut
    }

    /// Whether a span is built although some of its samples cannot be read: not before that was tried a few times, as
    /// long as there is time, because a disk may only have been too slow or too hot.
    private func goesOn(without leftOut: LeftOut, _ build: inout TierBuild, _ tier: inout Tier) -> Bool {
        if build.isWithoutSome { return true }
        let tries = tier.unread.flatMap { $0.span == build.span ? $0.tries : nil } ?? 0
        let goesOn = build.isLastChance || tries >= Store.readTries
        logger.warning(
            goesOn
                ? "rows are built without samples that cannot be read"
                : "rows wait for samples that cannot be read",
            metadata: [
                "tier": "\(tier.options.name)", "error": "\(leftOut.error.map { "\($0)" } ?? "")",
            ]
        )
        if goesOn {
            build.isWithoutSome = true
            tier.counters.unreadable.add()
        } else {
            tier.unread = (build.span, tries + 1)
            tier.build = nil
        }
        return goesOn
    }

    /// How far there are no samples to make rows of, so that the next span begins where there are.
    private func emptySpan(_ build: TierBuild, _ tier: Tier) -> TierSpan {
        let span = build.span
        // What cannot be read may be anywhere.
        if build.isWithoutSome { return span }
        var next = build.behind ?? .max
        head.withLock { head in
            var end = Int64.min
            head.forEachWindow { low, high in
                if low > span.through { next = min(next, low) } else { end = max(end, high) }
            }
            // No sample behind the span and none in it: what there is cannot be read.
            if next == .max { next = max(end, span.through) }
        }
        // A sample beyond what rows are built for can be behind.
        let end = TierGrid.down(min(next.subtractingClamped(1), TierGrid.times.upperBound), tier.resolution)
        return TierSpan(from: span.from, through: max(span.through, end))
    }

    // MARK: - Segments

    private func write(_ build: inout TierBuild, isLast: Bool, _ tier: inout Tier) throws(StoreError) {
        let givenUp = head.withLock { $0.givenUp ?? .min }
        let first = build.written.first?.build ?? tier.ring.nextSequence
        let finished = build.writer.finish(build: first, isLast: isLast, givenUp: givenUp)
        guard let gone = tier.ring.makeRoom(finished.length) else {
            logger.error(
                "rows of a tier are larger than a file of its ring and are dropped; give it more room",
                metadata: ["tier": "\(tier.options.name)", "bytes": "\(finished.length)"]
            )
            tier.counters.missed.add()
            return
        }
        forget(gone, &tier)
        let place = try write(finished, &tier)
        let segment = index.withLock { index in
            head.withLock { head in
                let segment = TierSegment(
                    place: Segment(
                        file: place.file,
                        fileNumber: tier.ring.fileNumber,
                        offset: place.offset,
                        length: finished.length,
                        ringSequence: place.sequence,
                        bundles: []
                    ),
                    finished.head,
                    columns: finished.sets.map { index.adopt(labels: $0, &head) },
                    directoryLength: finished.directoryLength
                )
                head.tiers[tier.number].segments.append(segment)
                return segment
            }
        }
        tier.segments[ObjectIdentifier(segment.place)] = segment
        tier.ring.advance(segment.place)
        build.written.append(segment)
        tier.counters.rows.add(Int(clamping: segment.rows))
        tier.counters.bytes.add(tier.ring.storedBytes(finished.length))
    }

    /// Writes a segment, in another place when the first refuses.
    private func write(
        _ finished: FinishedTierSegment,
        _ tier: inout Tier
    ) throws(StoreError) -> Ring.Place {
        let (fileNumber, offset) = (tier.ring.fileNumber, tier.ring.offset)
        do throws(FileError) {
            return try tier.ring.write { finished.bytes(ringSequence: $0) }
        } catch let first {
            metrics.writeErrors.add()
            forget(tier.ring.skip(finished.length, after: first), &tier)
            forget(tier.ring.makeRoom(finished.length) ?? [], &tier)
            do throws(FileError) {
                return try tier.ring.write { finished.bytes(ringSequence: $0) }
            } catch {
                metrics.writeErrors.add()
                tier.ring.goBack(toFile: fileNumber, offset: offset)
                throw StoreError(error)
            }
        }
    }

    /// Takes segments that are about to be overwritten out of all readers' sight.
    private func forget(_ gone: [Segment], _ tier: inout Tier) {
        let segments = gone.compactMap { tier.segments.removeValue(forKey: ObjectIdentifier($0)) }
        let wall = clock.wallMilliseconds()
        remove(segments, tier.number)
        head.withLock { head in
            for segment in segments where segment.span.through <= wall {
                head.tiers[tier.number].giveUp(through: segment.span.through, wall)
            }
        }
    }

    /// Rows that were built again replace those of before.
    private func replaceOlder(_ build: TierBuild, _ tier: inout Tier) {
        guard let number = build.written.first?.build else { return }
        let older = tier.segments.values.filter { $0.build < number && $0.span.isWithin(build.span) }
        for segment in older { tier.segments[ObjectIdentifier(segment.place)] = nil }
        remove(older, tier.number)
    }

    private func remove(_ segments: [TierSegment], _ number: Int) {
        guard !segments.isEmpty else { return }
        let names = Set(segments.map { ObjectIdentifier($0) })
        index.withLock { index in
            var forgotten: [SeriesReference] = []
            for segment in segments { for set in segment.columns { forgotten += index.release(set) } }
            head.withLock { head in
                head.tiers[number].segments.removeAll { names.contains(ObjectIdentifier($0)) }
                for reference in forgotten { head.setLabels(Labels(), of: reference) }
            }
        }
    }
}
