// SPDX-License-Identifier: Apache-2.0
//
// Queries may begin with a minus, `-1` or `-(a - b)`, which argument parsers take for options. The commands that take a query
// know their options: one letter behind one dash, or letters behind two. What is neither is the query.

/// Arguments of `edgewatch query instant` and `range`.
public enum QueryArguments {
    /// Options that have no value.
    private static let flags: Set<String> = ["--insecure", "--help", "--help-hidden", "--version", "-h"]

    /// The arguments of the program with a query that begins with `-` behind `--`, where parsers leave it alone.
    public static func terminated(_ arguments: [String]) -> [String] {
        guard arguments.count > 2, arguments[0] == "query", ["instant", "range"].contains(arguments[1]) else {
            return arguments
        }
        var index = 2
        while index < arguments.count {
            let argument = arguments[index]
            if argument == "--" { return arguments }
            if isQuery(argument) {
                return Array(arguments[..<index] + arguments[(index + 1)...]) + ["--", argument]
            }
            index += takesNext(argument) ? 2 : 1
        }
        return arguments
    }

    /// Whether something that begins like an option is none.
    private static func isQuery(_ argument: String) -> Bool {
        guard argument.hasPrefix("-"), argument != "-" else { return false }
        let name = argument.drop { $0 == "-" }
        if argument.hasPrefix("--") { return !argument.hasPrefix("---") && name.first?.isLetter != true }
        let isLetter = name.first?.isLetter == true && (name.count == 1 || name.dropFirst().hasPrefix("="))
        return !isLetter
    }

    /// Whether the next argument is an option's value.
    private static func takesNext(_ argument: String) -> Bool {
        argument.hasPrefix("-") && !argument.contains("=") && !flags.contains(argument)
    }
}
