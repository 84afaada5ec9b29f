// SPDX-License-Identifier: Apache-2.0
//
// Cases from prometheus/common model/time_test.go and the notation's own rules.

import Samples
import Testing

@Suite struct PromDurationTests {
    @Test(arguments: [
        ("0", 0), ("0w", 0), ("0s", 0), ("324ms", 324), ("3s", 3000), ("5m", 300_000), ("1h", 3_600_000),
        ("4d", 345_600_000), ("4d1h", 349_200_000), ("14d", 1_209_600_000), ("3w", 1_814_400_000),
        ("3w2d1h", 1_990_800_000), ("10y", 315_360_000_000), ("1m30s", 90_000), ("1h500ms", 3_600_500),
        ("1d12h", 129_600_000), ("90s", 90_000), ("007s", 7000), ("106751d23h47m16s854ms", 9_223_372_036_854),
    ])
    func reads(text: String, milliseconds: Int64) {
        #expect(PromDuration.parse(text) == .milliseconds(milliseconds))
    }

    @Test(arguments: [
        "", "1", "1y1m1d", "-1w", "1.5d", "d", "0x1s", "1s1m", "1s1s", "1 s", " 1s", "1s ", "1S", "1us",
        "1m1",
        "294y", "200y10400w", "107675d", "2584200h", "9223372036855ms", "99999999999999999999ms", "00", "1µs",
        "1sm",
    ])
    func refuses(text: String) {
        #expect(PromDuration.parse(text) == nil)
    }

    @Test(arguments: [
        (0, "0s"), (324, "324ms"), (3000, "3s"), (300_000, "5m"), (3_600_000, "1h"), (345_600_000, "4d"),
        (349_200_000, "4d1h"), (1_209_600_000, "2w"), (1_814_400_000, "3w"), (1_990_800_000, "23d1h"),
        (315_360_000_000, "10y"), (90_000, "1m30s"), (129_600_000, "1d12h"), (7_776_000_000, "90d"),
        (1001, "1s1ms"),
        (-90_000, "-1m30s"), (3_600_500, "1h500ms"),
    ])
    func writes(milliseconds: Int64, text: String) {
        #expect(PromDuration.format(.milliseconds(milliseconds)) == text)
    }
}
