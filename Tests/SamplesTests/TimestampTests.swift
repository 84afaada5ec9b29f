// SPDX-License-Identifier: Apache-2.0

import Samples
import Testing

@Suite struct TimestampTests {
    @Test func advancingSaturates() {
        #expect(Timestamp(milliseconds: 5).advanced(byMilliseconds: -7).milliseconds == -2)
        #expect(Timestamp.max.advanced(byMilliseconds: 1) == .max)
        #expect(Timestamp.min.advanced(byMilliseconds: -1) == .min)
        #expect(Timestamp(milliseconds: 1500).seconds == 1.5)
        #expect(Timestamp.min < Timestamp.max)
    }

    @Test func durationsInMilliseconds() {
        #expect(Duration.seconds(1.5).milliseconds == 1500)
        #expect(Duration.microseconds(1999).milliseconds == 1)
        #expect(Duration.microseconds(-1999).milliseconds == -1)
        #expect(Duration.seconds(Int64.max).milliseconds == .max)
        #expect(Duration.seconds(Int64.min).milliseconds == .min)
        #expect(Duration.milliseconds(250).inSeconds == 0.25)
    }
}

@Suite struct SampleColumnsTests {
    @Test func appendsAndCompares() {
        var columns = SampleColumns(capacity: 2)
        columns.append(1, 0.5)
        columns.append(2, StaleMarker.value)
        #expect(columns.count == 2)
        #expect(columns.values[1].isStale)
        var same = columns
        #expect(same == columns)
        same.values[1] = .nan
        #expect(same != columns)
        columns.removeAll()
        #expect(columns.count == 0 && columns.timestamps.isEmpty)
    }

    @Test func onlyTheMarkerIsStale() {
        #expect(StaleMarker.value.isNaN)
        #expect(!Double.nan.isStale)
        #expect(!PromNumber.normalNaN.isStale)
        #expect(StaleMarker.value.bitPattern == 0x7ff0_0000_0000_0002)
    }
}
