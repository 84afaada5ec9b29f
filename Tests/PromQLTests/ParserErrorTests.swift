// SPDX-License-Identifier: Apache-2.0
//
// What the parser refuses, with Prometheus' words and places (promql/parser, 3.14).

import PromQL
import Testing

@Suite struct ParserErrorTests {
    private func message(_ query: String) -> String? {
        do {
            _ = try Parser.parse(query)
            return nil
        } catch {
            #expect(error.kind == .badData)
            return error.message
        }
    }

    @Test(arguments: [
        ("", "unknown position: parse error: no expression found in input"),
        ("# just a comment\n\n", "1:1: parse error: no expression found in input"),
        ("1+", "1:3: parse error: unexpected end of input"),
        (".", "1:1: parse error: unexpected character: '.'"),
        ("2.5.", "1:1: parse error: bad number or duration syntax: \"2.5.\""),
        ("100..4", "1:1: parse error: bad number or duration syntax: \"100..\""),
        ("0deadbeef", "1:1: parse error: bad number or duration syntax: \"0de\""),
        ("1 /", "1:4: parse error: unexpected end of input"),
        ("*1", "1:1: parse error: unexpected <op:*>"),
        ("(1))", "1:5: parse error: unexpected right parenthesis ')'"),
        ("((1)", "1:5: parse error: unclosed left parenthesis"),
        ("(", "1:2: parse error: unclosed left parenthesis"),
        ("1 and 1", "1:1: parse error: set operator \"and\" not allowed in binary scalar expression"),
        ("1 == 1", "1:3: parse error: comparisons between scalars must use BOOL modifier"),
        ("1 or 1", "1:1: parse error: set operator \"or\" not allowed in binary scalar expression"),
        ("1 !~ 1", "1:3: parse error: unexpected character after '!': '~'"),
        ("1 =~ 1", "1:3: parse error: unexpected character after '=': '~'"),
        ("foo + bool bar", "1:5: parse error: bool modifier can only be used on comparison operators"),
        (
            "-\"string\"",
            "1:1: parse error: unary expression only allowed on expressions of type scalar or instant vector, got \"string\""
        ),
        (
            "-test[5m]",
            "1:1: parse error: unary expression only allowed on expressions of type scalar or instant vector, got \"range vector\""
        ),
        (
            "1 offset 1d",
            "1:1: parse error: offset modifier must be preceded by an instant vector selector or range vector selector or a subquery"
        ),
        ("foo offset 1s offset 2s", "1:1: parse error: offset may not be set multiple times"),
        ("a - on(b) ignoring(c) d", "1:11: parse error: unexpected <ignoring>"),
        ("foo and 1", "1:1: parse error: set operator \"and\" not allowed in binary scalar expression"),
        ("foo or on(bar) group_left() baz", "1:1: parse error: no grouping allowed for \"or\" operation"),
        ("1 + on(bar) foo", "1:1: parse error: vector matching only allowed between instant vectors"),
        (
            "foo == on(bar) group_left(bar) baz",
            "1:5: parse error: label \"bar\" must not occur in ON and GROUP clause at once"
        ),
        ("{}", "1:1: parse error: vector selector must contain at least one non-empty matcher"),
        ("{x=\"\"}", "1:1: parse error: vector selector must contain at least one non-empty matcher"),
        ("{x=~\".*\"}", "1:1: parse error: vector selector must contain at least one non-empty matcher"),
        ("foo{__name__=\"bar\"}", "1:1: parse error: metric name must not be set twice: \"foo\" or \"bar\""),
        ("some_metric[5m] OFFSET 1mm", "1:24: parse error: bad number or duration syntax: \"1mm\""),
        ("foo[5mm]", "1:5: parse error: bad number or duration syntax: \"5mm\""),
        ("foo[5m1]", "1:5: parse error: bad number or duration syntax: \"5m1\""),
        ("foo[5m:1m1]", "1:8: parse error: bad number or duration syntax: \"1m1\""),
        ("foo[5hs]", "1:5: parse error: unknown unit \"hs\" in duration \"5hs\""),
        ("foo[1m1h]", "1:5: parse error: not a valid duration string: \"1m1h\""),
        ("foo[\"5m\"]", "1:5: parse error: unexpected character in duration expression: '\"'"),
        (
            "foo[]",
            "1:5: parse error: unexpected \"]\" in subquery or range selector, expected number, duration, step(), or range()"
        ),
        ("foo[1]]", "1:7: parse error: unexpected right bracket ']'"),
        ("foo[0]", "1:5: parse error: duration must be greater than 0"),
        ("foo[-1m]", "1:5: parse error: duration must be greater than 0"),
        (
            "foo[5 5]",
            "1:7: parse error: unexpected number \"5\" in subquery or range, expected \":\" or \"]\""
        ),
        (
            "foo[5m:5m 5]",
            "1:11: parse error: unexpected number \"5\" in subquery selector, expected \"]\""
        ),
        ("foo[5m::]", "1:8: parse error: unexpected colon ':'"),
        ("foo[:5m]", "1:5: parse error: unexpected colon before duration in duration expression"),
        ("foo[5m", "1:7: parse error: unclosed left bracket"),
        ("(foo + bar)[5m]", "1:12: parse error: ranges only allowed for vector selectors"),
        ("foo offset 5m[5m]", "1:14: parse error: no offset modifiers allowed before range"),
        ("foo @ 5[5m]", "1:8: parse error: no @ modifiers allowed before range"),
        ("foo @ 1 @ 2", "1:1: parse error: @ <timestamp> may not be set multiple times"),
        ("foo @ Inf", "1:1: parse error: timestamp out of bounds for @ modifier: +Inf"),
        ("foo @ bar", "1:7: parse error: unexpected identifier \"bar\" in @, expected timestamp"),
        (
            "foo offset bar",
            "1:12: parse error: unexpected identifier \"bar\" in offset, expected number, duration, step(), or range()"
        ),
        ("sum_over_time(5m[5m])", "1:17: parse error: ranges only allowed for vector selectors"),
        ("1[5m:1m]", "1:1: parse error: subquery is only allowed on instant vector, got scalar instead"),
        ("foo{a=b}", "1:7: parse error: unexpected identifier \"b\" in label matching, expected string"),
        ("foo{a>\"b\"}", "1:6: parse error: unexpected character inside braces: '>'"),
        ("foo{a!b}", "1:6: parse error: unexpected character after '!' inside braces: 'b'"),
        (
            "foo{a b}",
            "1:7: parse error: unexpected identifier \"b\" in label matching, expected label matching operator"
        ),
        (
            "foo{a=\"b\" c=\"d\"}",
            "1:11: parse error: unexpected identifier \"c\" in label matching, expected \",\" or \"}\""
        ),
        ("foo{,}", "1:5: parse error: unexpected \",\" in label matching, expected identifier or \"}\""),
        ("foo{", "1:5: parse error: unexpected end of input inside braces"),
        (
            "foo{__name__ == \"bar\"}",
            "1:15: parse error: unexpected \"=\" in label matching, expected string"
        ),
        ("foo{a=\"\u{fffd}\"}", "1:7: parse error: invalid UTF-8 rune"),
        ("MIN keep_common (some_metric)", "1:5: parse error: unexpected identifier \"keep_common\""),
        ("MIN (some_metric) keep_common", "1:19: parse error: unexpected identifier \"keep_common\""),
        (
            "rate(avg)",
            "1:6: parse error: expected type range vector in call to function \"rate\", got instant vector"
        ),
        ("`\\``", "1:4: parse error: unterminated raw string"),
        ("\"\\", "1:1: parse error: escape sequence not terminated"),
        ("\"\\c\"", "1:1: parse error: unknown escape sequence U+0063 'c'"),
        ("foo{bar=\"baz\"}[", "1:16: parse error: unexpected end of input in duration expression"),
        (
            "some_metric[5m] OFFSET",
            "1:23: parse error: unexpected end of input in offset, expected number, duration, step(), or range()"
        ),
        ("sum()", "1:1: parse error: no arguments for aggregate expression provided"),
        (
            "sum(foo, bar)",
            "1:1: parse error: wrong number of arguments for aggregate expression provided, expected 1, got 2"
        ),
        (
            "topk(foo)",
            "1:1: parse error: wrong number of arguments for aggregate expression provided, expected 2, got 1"
        ),
        (
            "topk(foo, bar)",
            "1:6: parse error: expected type scalar in aggregation parameter, got instant vector"
        ),
        (
            "count_values(5, bar)",
            "1:14: parse error: expected type string in aggregation parameter, got scalar"
        ),
        ("sum(1)", "1:5: parse error: expected type instant vector in aggregation expression, got scalar"),
        (
            "sum(foo) by bar",
            "1:13: parse error: unexpected identifier \"bar\" in grouping opts, expected \"(\""
        ),
        (
            "sum by (a b) (foo)",
            "1:11: parse error: unexpected identifier \"b\" in grouping opts, expected \",\" or \")\""
        ),
        ("sum by (5) (foo)", "1:9: parse error: unexpected number \"5\" in grouping opts, expected label"),
        ("sum(foo) by (a) by (b)", "1:17: parse error: unexpected <by>"),
        ("sum(1 2)", "1:7: parse error: unexpected number \"2\" in aggregation"),
        (
            "limitk(1, foo)",
            "1:1: parse error: limitk() is experimental and must be enabled with --enable-feature=promql-experimental-functions"
        ),
        ("floor()", "1:1: parse error: expected 1 argument(s) in call to \"floor\", got 0"),
        ("floor(a, b)", "1:1: parse error: expected 1 argument(s) in call to \"floor\", got 2"),
        (
            "floor(1)",
            "1:7: parse error: expected type instant vector in call to function \"floor\", got scalar"
        ),
        ("hour(a, b)", "1:1: parse error: expected at most 1 argument(s) in call to \"hour\", got 2"),
        (
            "label_join(foo)",
            "1:1: parse error: expected at least 3 argument(s) in call to \"label_join\", got 1"
        ),
        (
            "rate(foo)",
            "1:6: parse error: expected type range vector in call to function \"rate\", got instant vector"
        ),
        ("time(1, )", "1:7: parse error: trailing commas not allowed in function call args"),
        ("non_existent(foo)", "1:1: parse error: unknown function with name \"non_existent\""),
        ("mad_over_time(foo[5m])", "1:1: parse error: function \"mad_over_time\" is not enabled"),
        ("foo anchored", "1:1: parse error: anchored modifier is experimental and not enabled"),
        ("foo[5m] smoothed", "1:1: parse error: smoothed modifier is experimental and not enabled"),
        ("foo + fill(0) bar", "1:1: parse error: binop fill modifiers are experimental and not enabled"),
        (
            "foo[5m] + 1",
            "1:1: parse error: binary expression must contain only scalar and instant vector types"
        ),
        (
            "\"a\" + 1",
            "1:1: parse error: binary expression must contain only scalar and instant vector types"
        ),
        ("1 \"a\"", "1:3: parse error: unexpected string \"\\\"a\\\"\""),
        ("foo bar", "1:5: parse error: unexpected identifier \"bar\""),
        ("foo\n+\n)", "3:2: parse error: unexpected right parenthesis ')'"),
        ("\"\\xq\"", "1:1: parse error: illegal character U+0071 'q' in escape sequence"),
        ("\"abc", "1:1: parse error: unterminated quoted string"),
        ("`abc", "1:1: parse error: unterminated raw string"),
        ("foo$", "1:4: parse error: unexpected character: '$'"),
        ("foo{a=~\"(\"}", "1:5: parse error: error parsing regexp: missing closing ): `(`"),
        ("foo{a=~\"a)\"}", "1:5: parse error: error parsing regexp: unexpected ): `a)`"),
        (
            "foo{a=~\"*\"}",
            "1:5: parse error: error parsing regexp: missing argument to repetition operator: `*`"
        ),
        (
            "foo{a=~\"a**\"}",
            "1:5: parse error: error parsing regexp: invalid nested repetition operator: `**`"
        ),
        ("foo{a=~\"[a\"}", "1:5: parse error: error parsing regexp: missing closing ]: `[a`"),
        ("foo{a=~\"[z-a]\"}", "1:5: parse error: error parsing regexp: invalid character class range: `z-a`"),
        ("foo{a=~\"\\\\q\"}", "1:5: parse error: error parsing regexp: invalid escape sequence: `\\q`"),
        ("foo{a=~\"a{1001}\"}", "1:5: parse error: error parsing regexp: invalid repeat count: `{1001}`"),
        (
            "foo{a=~\"a\\\\\"}",
            "1:5: parse error: error parsing regexp: trailing backslash at end of expression: ``"
        ),
        (
            "999e999",
            "1:1: parse error: error parsing number: strconv.ParseFloat: parsing \"999e999\": value out of range"
        ),
        ("1 \u{1}", "1:3: parse error: unexpected character: '\\x01'"),
        ("1 \u{1b}", "1:3: parse error: unexpected character: '\\x1b'"),
        ("1 \u{200b}", "1:3: parse error: unexpected character: '\\u200b'"),
        ("\"\\\u{1}\"", "1:1: parse error: unknown escape sequence U+0001"),
        ("foo[5m/0]", "1:7: parse error: division by zero"),
        ("foo[5m%0]", "1:7: parse error: modulo by zero"),
        ("foo[400000000000]", "1:5: parse error: duration out of range"),
    ])
    func refuses(_ query: String, _ expected: String) {
        #expect(message(query) == expected)
    }

    @Test func boundsNesting() {
        let count = 10_000
        let nested = String(repeating: "(", count: count) + "1" + String(repeating: ")", count: count)
        #expect(message(nested) == "1:257: parse error: expression is nested more than 256 levels deep")
        let chain = "1" + String(repeating: "+1", count: count)
        #expect(message(chain) == "1:514: parse error: expression is nested more than 256 levels deep")
        let signs = String(repeating: "-", count: count) + "a"
        #expect(message(signs) == "1:257: parse error: expression is nested more than 256 levels deep")
        let lengths =
            "a[" + String(repeating: "(", count: count) + "1" + String(repeating: ")", count: count) + "]"
        #expect(message(lengths) == "1:259: parse error: expression is nested more than 256 levels deep")
        let calls = String(repeating: "abs(", count: count) + "a" + String(repeating: ")", count: count)
        #expect(message(calls)?.hasSuffix("expression is nested more than 256 levels deep") == true)
    }

    @Test func boundsSize() {
        let long = String(repeating: "a", count: 1 << 20)
        #expect(message(long) == "query is 1048576 bytes long, more than the 65536 allowed")
    }
}
