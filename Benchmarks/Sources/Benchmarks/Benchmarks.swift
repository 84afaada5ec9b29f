// SPDX-License-Identifier: Apache-2.0
//
// Benchmarks [codec] [rows] [store] [encrypted]: all parts when none is named. Rates are per second of processor time of the one
// thread that works, best of three where a part is short; times are by the clock.

import Bytes
import Platform
import TSDB

@main
enum Benchmarks {
    static func main() throws {
        Console.flushEachLine()
        let wanted = Set(CommandLine.arguments.dropFirst())
        let known: Set<String> = ["codec", "rows", "store", "encrypted"]
        guard wanted.isSubset(of: known) else {
            Console.writeError("Benchmarks [codec] [rows] [store] [encrypted]")
            Console.exit(2)
        }
        func runs(_ part: String) -> Bool { wanted.isEmpty || wanted.contains(part) }
        let sets = try SeriesFiles.all()
        if runs("codec") { for set in sets { try codec(set) } }
        if runs("rows") { for set in sets { try rows(set) } }
        if runs("store") { try StoreBenchmark().run() }
        if runs("encrypted") { try StoreBenchmark(key: StoreKey(bytes: Array(0..<32))).run() }
    }
}
