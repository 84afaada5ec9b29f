// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Platform

@Suite struct MemoryTests {
    @Test func residentMemoryIsWhatThePagesSay() throws {
        let bytes = [UInt8](repeating: 1, count: 64 << 20)
        #expect(try #require(Memory.anonymousBytes()) >= 64 << 20)
        #expect(bytes.last == 1)
    }

    @Test func nothingIsGivenBackWithinTheSlack() {
        #expect(!Memory.trim(beyond: 1 << 40))
    }

    @Test func aPeakBelowALiveAllocationIsGivenBack() throws {
        // Blocks too small for pages of their own, and one on top that stays: what glibc alone keeps for good.
        var blocks = (0..<4096).map { _ in [UInt8](repeating: 1, count: 16 << 10) }
        let top = [UInt8](repeating: 1, count: 16 << 10)
        blocks.removeAll()
        #expect(Memory.trim(beyond: 16 << 20))
        // Other tests run at the same time and may have freed some.
        #expect(!Memory.trim(beyond: 48 << 20))
        #expect(top.last == 1)
    }
}
