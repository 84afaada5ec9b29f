// SPDX-License-Identifier: Apache-2.0
//
// Series of one group lie side by side in the store, so reading several neighbours at once saves most of the looking
// up. How many: as long as what is read stays within a small bound; the first series tells how long they are.

internal import Samples

/// Buffers for some neighbouring series, reused from one batch to the next.
struct SeriesBatch {
    /// The numbers of each series of the batch.
    var numbers: [SampleColumns] = []
    private var other = SeriesSamples()
    private var size = 0
    /// Samples of the longest series so far.
    private(set) var longest = 0

    /// Series at once; more gain nothing.
    static let seriesLimit = 32
    /// Samples at once: 512 KiB.
    static let sampleLimit = 32 << 10

    /// Begins with one series, or with as many as fit when it is known how long they are.
    mutating func begin(longest: Int = 0) {
        size = longest > 0 ? SeriesBatch.seriesLimit : 0
        self.longest = longest
    }

    /// Prepares for the next batch and says how many of the series left are to be in it.
    mutating func wanted(of left: Int) -> Int {
        let fitting = SeriesBatch.sampleLimit / max(1, longest)
        size = max(1, min(left, SeriesBatch.seriesLimit, size * 4, fitting))
        while numbers.count < size { numbers.append(SampleColumns()) }
        numbers.removeLast(numbers.count - size)
        for place in numbers.indices { numbers[place].removeAll() }
        return size
    }

    /// Hands out what was read of a series, to be given back.
    mutating func take(_ place: Int) -> SeriesSamples {
        var samples = SeriesSamples()
        swap(&samples, &other)
        samples.removeAll()
        swap(&samples.numbers, &numbers[place])
        longest = max(longest, samples.numbers.count)
        return samples
    }

    /// Takes the buffers of a series back.
    mutating func giveBack(_ samples: consuming SeriesSamples, _ place: Int) {
        swap(&samples.numbers, &numbers[place])
        swap(&samples, &other)
    }
}
