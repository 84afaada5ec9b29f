// SPDX-License-Identifier: Apache-2.0
//
// Finds the rows of a tier when the store opens. What was not finished is left out and built again from the samples,
// which are still there: they are given up only after their rows are whole.

internal import Bytes
internal import Logging
internal import Platform
internal import Samples

/// The tiers of a store while it opens.
struct TierOpening {
    private(set) var tiers: [Tier] = []
    /// Segments whose labels cannot be read, or torn ones.
    private(set) var damaged = 0
    /// Segments of a version that this program does not know.
    private(set) var unknown = 0
    /// Files that cannot be read.
    private(set) var unreadableFiles = 0
    /// What to keep aside, by the name of the file it is in.
    private(set) var regions: [(name: String, region: RingScan.Region)] = []

    init(
        _ options: StoreOptions,
        files: any FileStore,
        existing: Set<String>,
        wall: Int64,
        telemetry: Telemetry,
        head: inout Head,
        index: inout SeriesIndex
    ) {
        // A machine without a clock of its own starts before its samples.
        let wall = head.segments.reduce(wall) { max($0, $1.maxTime) }
        for (number, tier) in options.tiers.enumerated() {
            var state = Tier(
                number: number,
                options: tier,
                ring: Ring(
                    files: files,
                    directory: options.directory,
                    prefix: tier.name,
                    fileCount: tier.ringFiles,
                    ringBytes: tier.ringBytes,
                    encryption: options.encryption
                ),
                telemetry: telemetry
            )
            var view = TierView(
                resolution: state.resolution,
                retention: tier.retention?.milliseconds
            )
            load(&state, &view, existing, wall, &head, &index)
            tiers.append(state)
            head.tiers.append(view)
        }
        noteGivenUpSamples(&head, wall)
        for number in tiers.indices { head.tiers[number].coverage = tiers[number].coverage }
    }

    private mutating func load(
        _ tier: inout Tier,
        _ view: inout TierView,
        _ existing: Set<String>,
        _ wall: Int64,
        _ head: inout Head,
        _ index: inout SeriesIndex
    ) {
        let scan = RingScan.scan(&tier.ring, existing: existing)
        damaged += scan.damaged + scan.unreadable
        unreadableFiles += tier.ring.blocked.count
        var regions = scan.regions
        defer { for region in regions { self.regions.append((tier.ring.name(region.fileNumber), region)) } }
        var places: [Segment] = []
        var found: [(place: Segment, head: TierDirectory.Head, found: RingScan.Found)] = []
        for (number, candidate) in scan.found.enumerated() {
            let place = candidate.place
            places.append(place)
            guard candidate.header.version == TierDirectory.version else {
                unknown += 1
                continue
            }
            // Each is synced before the next is begun, so a power cut can have left the newest one half written.
            let isTorn = number == scan.found.count - 1 && !candidate.hasWholeData()
            guard !isTorn, let directory = candidate.tierDirectory else {
                damaged += 1
                regions.append(RingScan.Region(candidate))
                continue
            }
            // The tier was configured otherwise once; it begins anew.
            guard directory.resolution == tier.resolution else { continue }
            found.append((place, directory, candidate))
        }
        let next = (scan.found.last?.header.ringSequence ?? 0) + 1
        tier.ring.resume(places, nextSequence: next)
        let complete = Set(found.filter { $0.head.isLast }.map { $0.head.build })
        var spans: [(build: UInt64, span: TierSpan)] = []
        var kept: [TierSegment] = []
        for entry in found.reversed() where complete.contains(entry.head.build) {
            let (build, span) = (entry.head.build, entry.head.span)
            if spans.contains(where: { $0.build > build && span.isWithin($0.span) }) { continue }
            guard let sets = labels(entry.found, entry.head) else {
                damaged += 1
                regions.append(RingScan.Region(entry.found))
                continue
            }
            if spans.last?.build != build { spans.append((build, span)) }
            let segment = TierSegment(
                place: entry.place,
                entry.head,
                columns: sets.map { index.adopt(labels: $0, &head) },
                directoryLength: SegmentHeader.size + entry.found.header.directoryLength
            )
            kept.append(segment)
            tier.segments[ObjectIdentifier(segment.place)] = segment
            tier.coverage.insert(span)
            if entry.head.givenUp <= wall, entry.head.givenUp > head.givenUp ?? .min {
                head.givenUp = entry.head.givenUp
            }
        }
        view.segments = kept.reversed()
        // Once the ring went round, what is older than its oldest rows had rows, and must not be built once more.
        if let oldest = found.first(where: { $0.head.span.through <= wall }), oldest.place.ringSequence > 1 {
            tier.coverage.insert(TierSpan(from: .min, through: oldest.head.span.from))
            view.giveUp(through: oldest.head.span.from, wall)
        }
    }

    /// The labels of a segment's series, by sets.
    private func labels(_ found: RingScan.Found, _ head: TierDirectory.Head) -> [[Labels]]? {
        let offset = found.offset + Int64(found.header.length - head.labelLength)
        guard head.labelLength <= found.header.length,
            let stored = try? found.readable.read(at: offset, count: head.labelLength),
            stored.count == head.labelLength, CRC32C.checksum(stored) == head.labelChecksum,
            let plain = try? TierDirectory.contents(stored[...]),
            var rest = (try? LabelSection.read(plain, count: head.sets.reduce(0, +)))?[...]
        else { return nil }
        return head.sets.map { count in
            defer { rest = rest.dropFirst(count) }
            return Array(rest.prefix(count))
        }
    }

    /// What went from the ring of samples was older than the end of the oldest segment that is left.
    private func noteGivenUpSamples(_ head: inout Head, _ wall: Int64) {
        guard !tiers.isEmpty, let oldest = head.segments.first, oldest.ringSequence > 1 else { return }
        head.giveUp(through: oldest.maxTime, wall)
    }
}

extension RingScan.Found {
    /// What a segment of a tier says of itself, if that is what was written.
    var tierDirectory: TierDirectory.Head? {
        let count = SegmentHeader.size + header.directoryLength
        guard header.version == TierDirectory.version,
            let bytes = try? readable.read(at: offset, count: count), bytes.count == count,
            SegmentHeader.isWhole(bytes)
        else { return nil }
        return try? TierDirectory.head(bytes).head
    }

    fileprivate var place: Segment {
        Segment(
            file: readable,
            fileNumber: fileNumber,
            offset: offset,
            length: header.length,
            ringSequence: header.ringSequence,
            bundles: []
        )
    }
}
