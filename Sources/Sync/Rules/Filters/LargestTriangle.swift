// SPDX-License-Identifier: Apache-2.0
//
// Samples that draw the same picture: largest triangle three buckets (S. Steinarsson, "Downsampling Time Series for Visual
// Representation", University of Iceland 2013), block by block. Blocks and buckets are aligned to 1970, so that what a
// block keeps depends on nothing outside of it.
//
//     block  │a . . . │. . b . │. . . . │ . . . z│      a, z: first and last sample, kept
//     bucket  1        2        3        4              of each bucket the sample b that spans the largest triangle with
//                                                       the sample kept before and the mean of the next bucket
//
// NaN and stale markers do not compete and stay where they are, so that gaps stay gaps.

internal import Samples

/// Largest triangles in aligned blocks.
struct LargestTriangle: Sendable, Equatable {
    /// The buckets; their length divides that of the blocks.
    let buckets: WindowGrid
    let blocks: WindowGrid

    /// What is kept of all blocks but those before `start`.
    func apply(_ flow: SampleFlow, after start: Int64) -> SampleFlow {
        var result = SampleFlow()
        result.isDerived = flow.isDerived
        let samples = flow.samples
        blocks.forEachWindow(of: flow) { end, indices, _ in
            guard end > start else { return }
            let kept = kept(samples, indices, end - blocks.length)
            for index in indices where samples.values[index].isNaN || kept.contains(index) {
                result.samples.append(samples.timestamps[index], samples.values[index])
            }
        }
        result.histograms = HistogramWindow(windows: blocks).apply(flow, after: start).histograms
        result.takeStarts(of: flow)
        return result
    }

    private func kept(_ samples: SampleColumns, _ indices: Range<Int>, _ origin: Int64) -> Set<Int> {
        // Times relative to the block are small, so doubles hold them exactly.
        let points = indices.filter { !samples.values[$0].isNaN }.map { index in
            (index: index, x: Double(samples.timestamps[index] - origin), y: samples.values[index])
        }
        guard points.count > 2, let first = points.first, let last = points.last else {
            return Set(points.map(\.index))
        }
        let between = points[1..<(points.count - 1)]
        var groups: [ArraySlice<(index: Int, x: Double, y: Double)>] = []
        buckets.forEachWindow(at: between.map { samples.timestamps[$0.index] }) { _, group, _ in
            groups.append(between[(group.lowerBound + 1)..<(group.upperBound + 1)])
        }
        var result: Set<Int> = [first.index, last.index]
        var (ax, ay) = (first.x, first.y)
        for (number, group) in groups.enumerated() {
            var (cx, cy) = (last.x, last.y)
            if number + 1 < groups.count {
                let next = groups[number + 1]
                cx = next.reduce(0) { $0 + $1.x } / Double(next.count)
                cy = next.reduce(0) { $0 + $1.y } / Double(next.count)
            }
            var best = group[group.startIndex]
            var largest = -1.0
            for point in group {
                // Twice the area; an infinite value makes it NaN, and then the first of the bucket stays.
                let area = abs((ax - cx) * (point.y - ay) - (ax - point.x) * (cy - ay))
                if area > largest { (largest, best) = (area, point) }
            }
            result.insert(best.index)
            (ax, ay) = (best.x, best.y)
        }
        return result
    }
}
