// SPDX-License-Identifier: Apache-2.0
//
// Expected texts are those of Prometheus' own template tests (template/template_test.go) and of the alert generator
// compliance suite's list of functions.

import Samples
import Testing

@testable import Alerts

private func expand(
    _ text: String,
    set: Labels = labels(["instance": "web:9100", "job": "node"]),
    value: Double = 42,
    query: [TemplateValue]? = nil
) async -> String {
    var data = TemplateData(labels: set, value: value)
    data.externalLabels = labels(["site": "berlin"])
    data.externalURL = "http://testhost:9090/path/prefix"
    if let query { data.query = { _ in .success(query) } }
    do {
        return try await Template(text).expand(data)
    } catch {
        return "ERROR \(error)"
    }
}

private let samples: [TemplateValue] = [
    .sample(labels(["__name__": "metric", "instance": "b", "__value__": "x"]), 21),
    .sample(labels(["__name__": "metric", "instance": "a"]), 11),
]

@Test(arguments: [
    ("plain text", "plain text"),
    ("{{ 1 }}", "1"),
    ("{{ \"<b>\" }}", "<b>"),
    ("{{define \"x\"}}{{.arg0}} {{.arg1}}{{end}}{{template \"x\" (args 1 \"2\")}}", "1 2"),
    ("{{ $labels.instance }} of {{ .Labels.job }}", "web:9100 of node"),
    ("{{ $labels.missing }}|{{ .Foo }}", "|<no value>"),
    ("{{ $value }} {{ .Value }}", "42 42"),
    ("{{ $externalLabels.site }} {{ $externalURL }}", "berlin http://testhost:9090/path/prefix"),
    ("a {{- 1 -}} b", "a1b"),
    ("a{{/* nothing */}}b", "ab"),
    ("{{ if gt $value 40.0 }}high{{ else }}low{{ end }}", "high"),
    ("{{ if lt $value 40 }}a{{ else if eq $value 42.0 }}b{{ else }}c{{ end }}", "b"),
    ("{{ if and (gt $value 1.0) (eq $labels.job \"node\") }}yes{{ end }}", "yes"),
    ("{{ or \"\" \"fallback\" }} {{ not true }}", "fallback false"),
    (
        "{{ with $labels.instance }}<{{ . }}>{{ end }}{{ with $labels.nope }}x{{ else }}none{{ end }}",
        "<web:9100>none"
    ),
    ("{{ range $name, $v := $labels }}{{ $name }}={{ $v }};{{ end }}", "instance=web:9100;job=node;"),
    ("{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ end }}{{ $x }}", "2"),
    ("{{ len \"abc\" }} {{ index $labels \"job\" }}", "3 node"),
    (
        "{{ printf \"%.2f|%5d|%-4s|%q|%v|%d\" 1.005 42 \"ab\" \"c\" true 1.5 }}",
        "1.00|   42|ab  |\"c\"|true|%!d(float64=1.5)"
    ),
    ("{{ printf \"%.1f%%\" $value }}", "42.0%"),
    ("{{ printf \"%s\" }}", "%!s(MISSING)"),
    ("{{ print 1 2 \"x\" 3 }}", "1 2x3"),
    (
        "{{ 1000000.0 }} {{ 123456.0 }} {{ 0.00001 }} {{ 1234567.5 }} {{ 0.25 }}",
        "1e+06 123456 1e-05 1.2345675e+06 0.25"
    ),
    ("{{ reReplaceAll \"(a)b\" \"x$1\" \"ab\" }}", "xa"),
    ("{{ match \"a+\" \"aa\" }} {{ match \"a+\" \"b\" }}", "true false"),
    (
        "{{ \"aa bb CC\" | title }} {{ \"aa bb CC\" | toUpper }} {{ \"aA bB CC\" | toLower }}",
        "Aa Bb CC AA BB CC aa bb cc"
    ),
    (
        "{{ graphLink \"up\" }} {{ tableLink \"up == 0\" }}",
        "/graph?g0.expr=up&g0.tab=0 /graph?g0.expr=up+%3D%3D+0&g0.tab=1"
    ),
    ("{{ pathPrefix }} {{ externalURL }}", "/path/prefix http://testhost:9090/path/prefix"),
    ("{{ printf \"%0.2f\" (parseDuration \"1h2m10ms\") }} {{ parseDuration \"2h10m15s\" }}", "3720.01 7815"),
    (
        "{{ \"foo.example.com:12345\" | stripDomain }} {{ \"192.0.2.1:12345\" | stripDomain }}",
        "foo:12345 192.0.2.1:12345"
    ),
])
func expandsAsGoDoes(text: String, expected: String) async {
    #expect(await expand(text) == expected)
}

@Test(arguments: [
    ("foo.example.com", "foo.example.com"), ("foo.example.com:12345", "foo.example.com"),
    ("192.0.2.1", "192.0.2.1"), ("192.0.2.1:12345", "192.0.2.1"), ("2001:0DB8::1", "2001:0DB8::1"),
    ("[2001:0DB8::1]:12345", "2001:0DB8::1"), ("[2001:0DB8::1]::12345", "[2001:0DB8::1]::12345"),
    ("[::1]:6006", "::1"),
])
func stripsPorts(text: String, expected: String) async {
    #expect(await expand("{{ \"\(text)\" | stripPort }}") == expected)
}

@Test func humanizesNumbers() async {
    func each(_ function: String, _ values: [String]) async -> [String] {
        var out: [String] = []
        for value in values { out.append(await expand("{{ \(function) \(value) }}")) }
        return out
    }
    #expect(
        await each("humanize", ["0.0", "1.0", "1234567.0", ".12", "\"1048576\"", "9223372036854775807"])
            == ["0", "1", "1.235M", "120m", "1.049M", "9.223E"]
    )
    #expect(await each("humanize1024", ["0.0", "1.0", "1048576.0", ".12"]) == ["0", "1", "1Mi", "0.12"])
    let durations = [
        "0", "1", "60", "3600", "86400", "90000", "-183845", "899.99", ".1", ".0001", ".12345", "60.5",
        "1.2345",
        "12.345", "135.3563",
    ]
    #expect(
        await each("humanizeDuration", durations) == [
            "0s", "1s", "1m 0s", "1h 0m 0s", "1d 0h 0m 0s", "1d 1h 0m 0s", "-2d 3h 4m 5s", "14m 59s", "100ms",
            "100us", "123.5ms", "1m 0s", "1.234s", "12.35s", "2m 15s",
        ]
    )
    #expect(
        await each("humanizePercentage", ["-0.22222", "0.0", "0.1234567", "1.23456", "0.959", "1234567"])
            == ["-22.22%", "0%", "12.35%", "123.5%", "95.9%", "1.235e+08%"]
    )
    #expect(
        await each("humanizeTimestamp", ["1435065584.128", "-1", "1643114203", "9223372036"]) == [
            "2015-06-23 13:19:44.128 +0000 UTC", "1969-12-31 23:59:59 +0000 UTC",
            "2022-01-25 12:36:43 +0000 UTC", "2262-04-11 23:47:16 +0000 UTC",
        ]
    )
    for function in ["humanize", "humanize1024", "humanizeDuration", "humanizeTimestamp"] {
        #expect(await each(function, ["\"+Inf\"", "\"-Inf\"", "\"NaN\""]) == ["+Inf", "-Inf", "NaN"])
    }
}

@Test func queriesFeedTemplates() async {
    #expect(await expand("{{ query \"metric\" | first | value }}", query: samples) == "21")
    #expect(await expand("{{ query \"metric\" | first | label \"instance\" }}", query: samples) == "b")
    #expect(await expand("{{ query \"metric\" | first | strvalue }}", query: samples) == "x")
    #expect(await expand("{{ $x := query \"metric\" | first }}{{ $x.Labels.foo }}!", query: samples) == "!")
    let range =
        "{{ range query \"metric\" | sortByLabel \"instance\" }}{{.Labels.instance}}:{{.Value}}: {{end}}"
    #expect(await expand(range, query: samples) == "a:11: b:21: ")
    let with = "{{ with query \"metric\" }}{{ . | first | value | humanize }}{{ else }}none{{ end }}"
    #expect(await expand(with, query: samples) == "21")
    #expect(await expand(with, query: []) == "none")
}

@Test(arguments: [
    ("{{", "unclosed action"), ("{{ }}", "missing value for command"),
    ("{{\u{a0}}}", "unrecognized character in action: U+00A0"),
    ("{{ if true }}x", "unexpected EOF"), ("{{ end }}", "unexpected {{end}}"),
    ("{{ \"abc }}", "unterminated quoted string"), ("{{ (1 }}", "unclosed left paren"),
])
func refusesWhatGoRefuses(text: String, message: String) {
    #expect(throws: TemplateError(message)) { try Template(text) }
}

@Test(arguments: [
    ("{{ query \"missing\" | first }}", "error calling first: first() called on vector with no elements"),
    ("{{ humanize \"one\" }}", "error calling humanize: strconv.ParseFloat: parsing \"one\": invalid syntax"),
    ("{{ nosuch 1 }}", "function \"nosuch\" not defined"),
    ("{{ (query \"missing\").banana }}", "can't evaluate field banana in type template.queryResult"),
    ("{{ $nope }}", "undefined variable \"$nope\""),
    (
        "{{ humanizeTimestamp 9223372036854775807 }}",
        "error calling humanizeTimestamp: 9.223372036854776e+18 cannot be represented as a nanoseconds timestamp "
            + "since it overflows int64"
    ),
    (
        "{{ define \"a\" }}{{ template \"a\" }}{{ end }}{{ template \"a\" }}",
        "templates call each other too deeply"
    ),
])
func failsWithAReason(text: String, message: String) async {
    #expect(await expand(text, query: []) == "ERROR \(message)")
}

@Test func runawayTemplatesAreStopped() async {
    let many = [TemplateValue](repeating: .string("12345678"), count: 400)
    let nested = "{{ range query \"a\" }}{{ range query \"a\" }}{{ . }}{{ end }}{{ end }}"
    #expect(await expand(nested, query: many) == "ERROR template output exceeds 65536 bytes")
    let silent = "{{ range query \"a\" }}{{ range query \"a\" }}{{ if false }}{{ end }}{{ end }}{{ end }}"
    #expect(await expand(silent, query: many) == "ERROR template runs too long")
    let deep = String(repeating: "{{ if true }}", count: 40) + String(repeating: "{{ end }}", count: 40)
    #expect(throws: TemplateError("nested too deeply")) { try Template(deep) }
}
