// SPDX-License-Identifier: Apache-2.0
//
// Damage that readers come upon. They only note it: a query must not wait for a copy to be written. Upkeep keeps each
// part aside once, before the ring comes round and takes the evidence with it.

internal import Logging
internal import Platform
internal import Synchronization

/// Parts of segments that could not be read, until upkeep has looked at them.
final class FoundDamage: Sendable {
    /// A part of a segment, in bytes from its start.
    struct Part: Sendable {
        let segment: Segment
        let range: Range<Int>
    }

    private struct Key: Hashable {
        /// Keeps nothing alive; one that is used again only costs a copy.
        let segment: ObjectIdentifier
        let offset: Int
    }

    private struct State {
        var known: Set<Key> = []
        var waiting: [Part] = []
    }

    /// Beyond, damage is counted and not kept aside: there are more such parts than copies that are kept.
    private static let knownLimit = 1024
    private static let waitingLimit = 64

    private let state = Mutex(State())

    /// Notes a part of a segment that is still in the ring.
    func note(_ segment: Segment, _ range: Range<Int>) {
        guard !segment.isEvicted.load(ordering: .acquiring) else { return }
        state.withLock { state in
            guard state.waiting.count < FoundDamage.waitingLimit, state.known.count < FoundDamage.knownLimit
            else { return }
            let key = Key(segment: ObjectIdentifier(segment), offset: range.lowerBound)
            if state.known.insert(key).inserted { state.waiting.append(Part(segment: segment, range: range)) }
        }
    }

    /// What was noted since the last call.
    func take() -> [Part] {
        state.withLock { state in
            defer { state.waiting = [] }
            return state.waiting
        }
    }
}

extension Store {
    /// Copies what readers found damaged; part of upkeep.
    func keepFoundDamage() {
        let parts = damage.take()
        // Read through the cipher it would be a copy in the clear.
        guard !parts.isEmpty, options.encryption == nil, let existing = try? files.list(options.directory)
        else { return }
        var quarantine = Quarantine(files, options, existing: Set(existing), logger: logger)
        // So that no segment goes while it is copied.
        sealer.withLock { sealer in
            for part in parts where !part.segment.isEvicted.load(ordering: .acquiring) {
                let rings = sealer.tiers.map { $0.ring } + [sealer.ring]
                guard let ring = rings.first(where: { $0.segments.contains { $0 === part.segment } })
                else { continue }
                quarantine.keep(
                    part.segment.file,
                    ring.name(part.segment.fileNumber),
                    at: part.segment.offset + Int64(part.range.lowerBound),
                    length: part.range.count,
                    "a part of a segment is damaged"
                )
            }
        }
        metrics.quarantined.add(quarantine.copies)
    }
}
