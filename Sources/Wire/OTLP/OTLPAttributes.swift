// SPDX-License-Identifier: Apache-2.0
//
// The attributes of a resource, a scope or a data point, bounded while they are read: a few kilobytes of gzip may hold a
// million of them, and what is made of them is sorted and joined. What has more is of no use, because no series may have
// that many labels; so the first attribute beyond a bound ends the gathering, and the rest is passed over unread.

/// Attributes by key, as many as are taken.
struct OTLPAttributes: Sendable {
    /// Bytes of all keys and values, each with its length: as many as a series' labels may have.
    static let byteLimit = RemoteWriteRequest.Limits().keyBytes

    /// Those read so far; nothing of them is to be used when there is an `excess`.
    private(set) var pairs: [(key: String, value: String)] = []
    private var bytes = 0
    /// What there is too much of, as the end of a sentence; nil when all are here.
    private(set) var excess: String?

    /// Forgets all of them and keeps the memory.
    mutating func removeAll() {
        pairs.removeAll(keepingCapacity: true)
        bytes = 0
        excess = nil
    }

    /// Takes another, unless it is one too many.
    ///
    /// - Parameters:
    ///   - pair: the attribute.
    ///   - limit: how many there may be; 0 is no limit.
    mutating func append(_ pair: (key: String, value: String), limit: Int = 0) {
        guard excess == nil else { return }
        bytes += pair.key.utf8.count + pair.value.utf8.count + 2
        if limit > 0, pairs.count >= limit {
            excess = "more than \(limit) attributes (push.label_limit)"
        } else if bytes > OTLPAttributes.byteLimit {
            excess = "attributes of more than \(OTLPAttributes.byteLimit) bytes"
        } else {
            pairs.append(pair)
        }
    }

    /// Puts them in the order of their keys, those of one key in the order they came.
    mutating func sort() { OTLPAttributes.sort(&pairs) }

    /// Likewise pairs of whatever use.
    static func sort(_ pairs: inout [(key: String, value: String)]) {
        let keys = pairs.map { $0.key.utf8 }
        let isSorted = keys.indices.dropFirst().allSatisfy {
            !keys[$0].lexicographicallyPrecedes(keys[$0 - 1])
        }
        guard !isSorted else { return }
        let order = keys.indices.sorted { left, right in
            if keys[left].lexicographicallyPrecedes(keys[right]) { return true }
            return left < right && !keys[right].lexicographicallyPrecedes(keys[left])
        }
        let unsorted = pairs
        pairs = order.map { unsorted[$0] }
    }

    /// Leaves out what does not pass.
    func filter(_ isKept: (String) -> Bool) -> OTLPAttributes {
        var result = self
        result.pairs.removeAll { !isKept($0.key) }
        return result
    }
}
