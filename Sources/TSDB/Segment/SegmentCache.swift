// SPDX-License-Identifier: Apache-2.0
//
// Parts of segments that were read and verified. A query goes through the windows of one series, then through the
// same windows of the next: when that is more than fits, the part used longest ago would always be the one needed
// next, so what gives way is chosen at random.

internal import Samples

/// Recently used parts, within a bound of bytes.
struct SegmentCache {
    enum Part: Hashable {
        case bundle(Int)
        case run(bundle: Int, run: Int)
        case timestamps(window: Int)
        case summaries(bundle: Int)
        case joined(bundle: Int, place: Int)
    }

    enum Value {
        case bundle(OpenedBundle)
        case run([UInt8])
        case timestamps([Int64])
        case grid(TimeGrid)
        case summaries([BlockSummary])
        /// What all samples of a series in a bundle come to; empty when there are none.
        case joined([SampleSummary])

        fileprivate var byteCount: Int {
            switch self {
            case .bundle(let bundle): bundle.byteCount
            case .run(let bytes): bytes.count + 64
            case .timestamps(let times): times.count * 8 + 64
            case .grid: 64
            case .joined: 192
            case .summaries(let summaries): summaries.count * MemoryLayout<BlockSummary>.stride + 64
            }
        }
    }

    private struct Key: Hashable {
        let segment: ObjectIdentifier
        let part: Part
    }

    private struct Entry {
        let key: Key
        /// Keeps the identifier from being given to another segment.
        let segment: Segment
        let value: Value
        let bytes: Int
    }

    /// Bytes of all parts at most.
    private let limit: Int

    private var entries: [Entry] = []
    private var places: [Key: Int] = [:]
    private var bytes = 0
    private var random: UInt64 = 0x9e37_79b9_7f4a_7c15

    init(limit: Int) {
        self.limit = limit
    }

    func find(_ segment: Segment, _ part: Part) -> Value? {
        places[Key(segment: ObjectIdentifier(segment), part: part)].map { entries[$0].value }
    }

    mutating func insert(_ segment: Segment, _ part: Part, _ value: Value) {
        let key = Key(segment: ObjectIdentifier(segment), part: part)
        let size = value.byteCount
        // Two readers may have read the same; one part must not take the place of all others.
        guard places[key] == nil, size <= limit / 4 else { return }
        while bytes + size > limit, !entries.isEmpty { removeAny() }
        places[key] = entries.count
        entries.append(Entry(key: key, segment: segment, value: value, bytes: size))
        bytes += size
    }

    private mutating func removeAny() {
        // xorshift64, Marsaglia 2003.
        random ^= random << 13
        random ^= random >> 7
        random ^= random << 17
        let place = Int(random % UInt64(entries.count))
        let last = entries.count - 1
        bytes -= entries[place].bytes
        places[entries[place].key] = nil
        if place != last {
            entries[place] = entries[last]
            places[entries[place].key] = place
        }
        entries.removeLast()
    }
}
