// SPDX-License-Identifier: Apache-2.0

import Samples
import Testing
import Wire

@Test(arguments: [
    (0, "1970-01-01T00:00:00Z"),
    (1_767_322_985_123, "2026-01-02T03:03:05.123Z"),
    (1_709_210_096_100, "2024-02-29T12:34:56.1Z"),
    (-1, "1969-12-31T23:59:59.999Z"),
    (-62_135_596_800_000, "0001-01-01T00:00:00Z"),
    (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
])
func timesAreFormattedAndRead(_ milliseconds: Int64, _ text: String) {
    let time = Timestamp(milliseconds: milliseconds)
    #expect(RFC3339.format(time) == text)
    #expect(RFC3339.parse(text) == time)
}

@Test func offsetsAndFractionsAreRead() {
    let expected = Timestamp(milliseconds: 1_767_322_985_123)
    #expect(RFC3339.parse("2026-01-02T05:33:05.123456789+02:30") == expected)
    #expect(RFC3339.parse("2026-01-01t22:03:05.123-05:00") == expected)
    #expect(RFC3339.format(.min) == "-292275055-05-16T16:47:04.192Z")
    #expect(RFC3339.format(.max) == "292278994-08-17T07:12:55.807Z")
}

@Test(arguments: [
    "", "2026-01-02", "2026-01-02T03:04:05", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z",
    "2026-00-01T00:00:00Z",
    "2026-01-00T00:00:00Z", "2026-01-02T24:00:00Z", "2026-01-02T00:60:00Z", "2026-01-02T00:00:60Z",
    "2026-01-02T00:00:00.Z", "2026-01-02T00:00:00Zx", "2026-01-02 00:00:00Z", "26-01-02T00:00:00Z",
    "2026-01-02T00:00:00+24:00", "2026-01-02T00:00:00+0100", "2026-04-31T00:00:00Z", "2100-02-29T00:00:00Z",
])
func malformedTimesAreRefused(_ text: String) {
    #expect(RFC3339.parse(text) == nil)
}
