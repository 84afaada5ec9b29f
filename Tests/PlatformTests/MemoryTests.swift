// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Platform

@Suite struct MemoryTests {
    @Test func residentMemoryIsWhatThePagesSay() throws {
        let before = try #require(Memory.anonymousBytes())
        let bytes = [UInt8](repeating: 1, count: 64 << 20)
        let during = try #require(Memory.anonymousBytes())
        #expect(bytes.last == 1)
        // Other tests run at the same time and may free a little.
        #expect(during - before > 48 << 20)
    }

    @Test func nothingIsGivenBackWithinTheSlack() {
        #expect(!Memory.trim(beyond: 1 << 40))
    }

    @Test func aPeakBelowALiveAllocationIsGivenBack() throws {
        // Blocks too small for pages of their own, and one on top that stays: what glibc alone keeps for good.
        var blocks = (0..<4096).map { _ in [UInt8](repeating: 1, count: 16 << 10) }
        let top = [UInt8](repeating: 1, count: 16 << 10)
        let peak = try #require(Memory.anonymousBytes())
        blocks.removeAll()
        #expect(Memory.trim(beyond: 16 << 20))
        #expect(try #require(Memory.anonymousBytes()) < peak - (32 << 20))
        #expect(top.last == 1)
    }
}
