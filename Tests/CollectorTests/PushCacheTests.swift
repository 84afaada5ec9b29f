// SPDX-License-Identifier: Apache-2.0

import Platform
import Samples
import Testing

@testable import Collector

struct PushCacheTests {
    private func place(_ cache: inout PushCache, _ key: String, version: UInt8 = 1) -> UInt32? {
        cache.find(Array(key.utf8).span, version: version).map { cache.entries[$0].id.rawValue }
    }

    private func insert(_ cache: inout PushCache, _ key: String, _ id: UInt32, version: UInt8 = 1) {
        _ = cache.insert(
            Array(key.utf8).span,
            version: version,
            SeriesID(rawValue: id),
            GroupID(rawValue: id / 10),
            description: 0
        )
    }

    @Test func keysOfTheTwoVersionsAreApart() {
        var cache = PushCache(entryLimit: 10, byteLimit: 1000)
        cache.begin()
        insert(&cache, "a", 1)
        insert(&cache, "a", 2, version: 2)
        insert(&cache, "", 3)
        do {
            let found = place(&cache, "a")
            #expect(found == 1)
        }
        do {
            let found = place(&cache, "a", version: 2)
            #expect(found == 2)
        }
        do {
            let found = place(&cache, "")
            #expect(found == 3)
        }
        do {
            let found = place(&cache, "b")
            #expect(found == nil)
        }
        #expect(cache.entries.map(\.group.rawValue) == [0, 0, 0])
    }

    /// Whatever the order of keys, the cache answers as a dictionary does.
    @Test func findsWhatADictionaryFinds() {
        var generator = SeededGenerator(seed: 1)
        var cache = PushCache(entryLimit: 1000, byteLimit: 100_000)
        var model: [String: UInt32] = [:]
        for _ in 0..<300 {
            cache.begin()
            var keys = (0..<20).map { _ in "key\(Int.random(in: 0..<400, using: &generator))" }
            if Bool.random(using: &generator) { keys.sort() }
            for key in keys {
                let found = place(&cache, key)
                #expect(found == model[key])
                guard model[key] == nil else { continue }
                model[key] = UInt32(model.count)
                insert(&cache, key, UInt32(model.count - 1))
            }
        }
        #expect(cache.entries.count == model.count)
        #expect(cache.evictions == 0)
    }

    @Test func aSeriesTwiceInARequestIsNoticedUnderTwoKeys() throws {
        var cache = PushCache(entryLimit: 10, byteLimit: 1000)
        cache.begin()
        insert(&cache, "a", 7)
        insert(&cache, "alias of a", 7)
        insert(&cache, "b", 300)
        for _ in 0..<2 {
            cache.begin()
            let places = ["a", "b", "alias of a", "b"].compactMap { key in
                cache.find(Array(key.utf8).span, version: 1)
            }
            var isFirst: [Bool] = []
            for place in places { isFirst.append(cache.markSeen(place)) }
            #expect(isFirst == [true, true, false, false])
        }
    }

    @Test func boundsHoldWhateverComes() {
        var generator = SeededGenerator(seed: 2)
        var cache = PushCache(entryLimit: 50, byteLimit: 600)
        for number in 0..<2000 {
            cache.begin()
            let key = String(repeating: "k", count: Int.random(in: 0..<30, using: &generator)) + "\(number)"
            insert(&cache, key, UInt32(number))
            do {
                let found = place(&cache, key)
                #expect(found == UInt32(number))
            }
            #expect(cache.entries.count <= 50)
            #expect(cache.byteCount <= 600)
        }
        #expect(cache.evictions > 1800)
    }

    @Test func sweepsForgetWhatNobodyPushes() {
        var cache = PushCache(entryLimit: 1000, byteLimit: 100_000)
        cache.begin()
        for number in 0..<200 { insert(&cache, "old\(number)", UInt32(number)) }
        cache.begin()
        for number in 0..<100 { insert(&cache, "new\(number)", UInt32(1000 + number)) }
        let early = cache.sweep()
        #expect(early.isEmpty)
        #expect(cache.entries.count == 300)
        for _ in 0..<3 {
            cache.begin()
            for number in 0..<100 {
                if let place = cache.find(Array("new\(number)".utf8).span, version: 1) {
                    let isFirst = cache.markSeen(place)
                    #expect(isFirst)
                }
            }
        }
        let uses = cache.sweep()
        #expect(uses.isEmpty, "requests that found them are under way")
        #expect(cache.entries.count == 100)
        cache.begin()
        for number in [2, 5, 4, 3] as [UInt64] {
            let uses = cache.finish(number)
            #expect(uses.isEmpty)
        }
        let last = cache.finish(1)
        let ids = last.map { $0.id.rawValue }
        #expect(ids == (0..<200).map { UInt32($0) })
        #expect(last.allSatisfy { $0.group.rawValue == $0.id.rawValue / 10 })
        let nothing = cache.finish(6)
        #expect(nothing.isEmpty)
        do {
            let found = place(&cache, "new99")
            #expect(found == 1099)
        }
        do {
            let found = place(&cache, "old0")
            #expect(found == nil)
        }
    }
}
