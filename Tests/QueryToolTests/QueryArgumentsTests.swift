// SPDX-License-Identifier: Apache-2.0

import QueryTool
import Testing

struct QueryArgumentsTests {
    @Test(arguments: [
        ("query instant -1", "query instant -- -1"),
        ("query instant -load --time -1h", "query instant --time -1h -- -load"),
        ("query instant --time -1h -load", "query instant --time -1h -- -load"),
        ("query instant -t -1h -temperature", "query instant -t -1h -- -temperature"),
        ("query instant -t=-1h -(a-b)", "query instant -t=-1h -- -(a-b)"),
        ("query instant --insecure -1", "query instant --insecure -- -1"),
        (
            "query range --start=-1h --step 1m -{a=\"b\"} --format csv",
            "query range --start=-1h --step 1m --format csv -- -{a=\"b\"}"
        ),
        ("query range -s -2h -e -1h -start", "query range -s -2h -e -1h -- -start"),
        ("query instant --1", "query instant -- --1"),
        ("query instant --(1)", "query instant -- --(1)"),
    ])
    func queriesThatBeginWithAMinus(_ given: String, _ expected: String) {
        let found = QueryArguments.terminated(given.split(separator: " ").map(String.init))
        #expect(found.joined(separator: " ") == expected)
    }

    @Test(arguments: [
        "query instant load --time -1h", "query instant -- -1", "query instant -h",
        "query range -s -2h -e=-1h load", "query instant --nosuch",
        "query instant --time", "query series -1", "query instant", "tsdb export -x",
        "query instant a-1 -t -2h",
        "query instant --format json load", "query range load --end -1h --insecure",
    ])
    func othersStayAsTheyAre(_ given: String) {
        let arguments = given.split(separator: " ").map(String.init)
        #expect(QueryArguments.terminated(arguments) == arguments)
    }
}
