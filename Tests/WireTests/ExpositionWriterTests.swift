// SPDX-License-Identifier: Apache-2.0

import Samples
import Testing
import Wire

@Test func familiesAreRenderedAsText() {
    var out: [UInt8] = []
    ExpositionWriter.append(
        MetricMetadata(
            family: "edgewatch_things_total",
            kind: .counter,
            help: "Things \\ seen.\nTwice \"quoted\"."
        ),
        [
            .init("edgewatch_things_total", [("kind", "a\"b\\c\nd"), ("x", "1")], 3),
            .init("edgewatch_things_total", [], .infinity, at: Timestamp(milliseconds: 1500)),
        ],
        to: &out
    )
    ExpositionWriter.append(
        MetricMetadata(family: "my.metric", kind: .unknown, help: ""),
        [.init("my.metric", [("a.b", "c")], 0.25), .init("my.metric", [], -1)],
        to: &out
    )
    #expect(
        String(decoding: out, as: UTF8.self) == #"""
            # HELP edgewatch_things_total Things \\ seen.\nTwice "quoted".
            # TYPE edgewatch_things_total counter
            edgewatch_things_total{kind="a\"b\\c\nd",x="1"} 3
            edgewatch_things_total +Inf 1500
            # TYPE "my.metric" untyped
            {"my.metric","a.b"="c"} 0.25
            {"my.metric"} -1

            """#
    )
}
