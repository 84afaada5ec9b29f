// SPDX-License-Identifier: Apache-2.0

import Samples
import Testing

@testable import HTTPAPI

struct ParametersTests {
    @Test func decodesAsGoDoes() {
        let parameters = Parameters("query=sum%28up%29&a+b=c%2Bd+e&match%5B%5D=x&match[]=y&flag&=nameless")
        #expect(parameters["query"] == "sum(up)")
        #expect(parameters["a b"] == "c+d e")
        #expect(parameters.all("match[]") == ["x", "y"])
        #expect(parameters["flag"] == "")
        #expect(parameters.problem == nil)
        #expect(Parameters("v=%ff")["v"] == "\u{fffd}")
        #expect(Parameters("v=%C3%A9")["v"] == "é")
    }

    @Test(arguments: ["v=%", "v=%4", "v=%zz", "%g0=1", "a=1;b=2"])
    func leavesOutWhatCannotBeDecoded(_ text: String) {
        let parameters = Parameters(Substring("first=1&\(text)&last=2"))
        #expect(parameters["first"] == "1")
        #expect(parameters["v"] == "")
        #expect(parameters["last"] == "2")
        #expect(parameters.problem != nil)
    }

    @Test func bodyComesBeforeURL() {
        var form = Parameters("query=body&only=1")
        form.append("query=url&time=2")
        #expect(form["query"] == "body")
        #expect(form["only"] == "1")
        #expect(form["time"] == "2")
    }

    @Test func boundsTheNumberOfPairs() {
        let many = Parameters(Substring(String(repeating: "a=1&", count: Parameters.limit + 1)))
        #expect(many.all("a").count == Parameters.limit)
        #expect(many.problem == "more than 4096 parameters")
    }

    @Test(arguments: [
        ("1435781451.781", 1_435_781_451_781), ("4", 4000), ("-1.5", -1500), ("1e3", 1_000_000),
        ("0.0004", 0), ("0.0006", 1), ("1e300", 8_640_000_000_000_000), ("-Inf", -8_640_000_000_000_000),
        ("2015-07-01T20:10:51.781Z", 1_435_781_451_781), ("2015-07-01T22:10:51+02:00", 1_435_781_451_000),
        ("292277025-08-18T07:12:54.999999999Z", 8_640_000_000_000_000),
    ])
    func readsTimes(_ text: String, _ milliseconds: Int64) throws {
        #expect(try Parameters.time(text).milliseconds == milliseconds)
    }

    @Test(arguments: ["", "NaN", "yesterday", "2015-13-01T00:00:00Z", "1s"])
    func refusesTimes(_ text: String) {
        #expect(throws: APIError(.badData, "cannot parse \"\(text)\" to a valid timestamp")) {
            try Parameters.time(text)
        }
    }

    @Test func readsDurations() throws {
        #expect(try Parameters.duration("0.5") == .milliseconds(500))
        #expect(try Parameters.duration("1h30m") == .seconds(5400))
        #expect(try Parameters.duration("-15") == .seconds(-15))
        #expect(throws: APIError(.badData, "cannot parse \"1e10\" to a valid duration. It overflows int64")) {
            try Parameters.duration("1e10")
        }
        #expect(throws: APIError(.badData, "cannot parse \"x\" to a valid duration")) {
            try Parameters.duration("x")
        }
    }

    @Test func readsLimits() throws {
        #expect(try Parameters("limit=3").limit() == 3)
        #expect(try Parameters("limit=0").limit() == nil)
        #expect(try Parameters("").limit() == nil)
        #expect(throws: APIError.invalid("limit", "limit must be non-negative")) {
            try Parameters("limit=-1").limit()
        }
        #expect(throws: APIError.invalid("limit", "strconv.Atoi: parsing \"ten\": invalid syntax")) {
            try Parameters("limit=ten").limit()
        }
        #expect(
            throws: APIError.invalid(
                "limit",
                "strconv.Atoi: parsing \"99999999999999999999\": value out of range"
            )
        ) {
            try Parameters("limit=99999999999999999999").limit()
        }
    }

    @Test(arguments: [
        ("127.0.0.1:9090", "127.0.0.1", 9090), (":80", "0.0.0.0", 80), ("[::1]:0", "::1", 0),
        ("localhost:65535", "localhost", 65_535),
    ])
    func readsListenAddresses(_ text: String, _ host: String, _ port: Int) {
        #expect(ListenAddress(text) == ListenAddress(host: host, port: port))
    }

    @Test(arguments: ["localhost", "", "::1:9090", "host:", "host:65536", "host:-1", "host:http"])
    func refusesListenAddresses(_ text: String) {
        #expect(ListenAddress(text) == nil)
    }

    @Test(arguments: [
        ("U__http_2e_status__code", "http.status_code"), ("plain_name", "plain_name"),
        ("U__a_zz_b", "U__a_zz_b"),
        ("U___e9_", "é"), ("U__tail_", "U__tail_"),
    ])
    func unescapesLabelNames(_ escaped: String, _ name: String) {
        #expect(API.unescaped(escaped) == name)
    }

    @Test(
        arguments: [
            (1.0, "1e+00"), (1.5, "1.5e+00"), (85, "8.5e+01"), (-0.00025, "-2.5e-04"), (1e21, "1e+21"),
            (0, "0e+00"),
            (123_456_789, "1.23456789e+08"), (.leastNonzeroMagnitude, "5e-324"),
            (1.7976931348623157e308, "1.7976931348623157e+308"),
            (.infinity, "+Inf"), (0.1, "1e-01"), (1e100, "1e+100"),
        ] as [(Double, String)]
    )
    func writesAlertValuesAsGoDoes(_ value: Double, _ text: String) {
        #expect(ScientificNumber.format(value) == text)
    }

    @Test(arguments: [
        (0, "0B"), (1 << 30, "1GiB"), (3 << 29, "1536MiB"), (1025, "1025B"), (1 << 62, "4194304TiB"),
    ])
    func writesSizes(_ bytes: Int64, _ text: String) {
        #expect(API.size(bytes) == text)
    }

    @Test func writesHTTPDates() {
        #expect(HTTPDate.format(784_111_777) == "Sun, 06 Nov 1994 08:49:37 GMT")
    }
}
