// SPDX-License-Identifier: Apache-2.0
//
// The bundles and labels of one segment, newest segment first, so that of two copies of a window the newer one holds.

internal import Bytes
internal import Logging
internal import Samples

extension StoreOpening {
    /// The bundles of a segment without windows that a newer one has; nil when its directory cannot be read.
    mutating func load(_ found: RingScan.Found, _ known: inout KnownLabels) -> [SegmentBundle]? {
        switch found.header.version {
        case 1: return loadVersion1(found, &known)
        case SegmentHeader.version: break
        default:
            report.unknownSegments += 1
            logger.warning(
                "a segment of a newer version is left alone",
                metadata: ["version": "\(found.header.version)", "ring": "\(found.header.ringSequence)"]
            )
            return []
        }
        guard let outline = found.outline(), let section = found.bytes(outline.labels),
            let labels = labels(section, &known, parse: LabelTable.read)
        else { return nil }
        var bundles: [SegmentBundle] = []
        for bundle in outline.bundles {
            guard bundle.series.upperBound <= labels.references.count,
                let windows = found.windows(bundle)
            else {
                report.damagedBundles += 1
                regions.append(RingScan.Region(found, bundle.layout))
                continue
            }
            var hidden: [UInt32] = []
            for (number, window) in windows.enumerated() {
                guard sealed.insert(window.stream).inserted else {
                    hidden.append(UInt32(number))
                    continue
                }
                if Int(window.identity) < labels.identities.count {
                    head.noteSealed(labels.identities[Int(window.identity)], newest: window.maxTime)
                }
                head.nextStream = max(head.nextStream, window.stream + 1)
            }
            guard hidden.count < windows.count else { continue }
            let columns = index.adopt(Array(labels.references[bundle.series]))
            bundles.append(
                SegmentBundle(columns: columns, bounds: bundle.bounds, layout: bundle.layout, hidden: hidden)
            )
        }
        if sealedGaps.isEmpty { sealedGaps = Set(outline.gaps) }
        for gap in outline.gaps { head.addGap(gap) }
        return bundles
    }

    mutating func loadVersion1(
        _ found: RingScan.Found,
        _ known: inout KnownLabels
    ) -> [SegmentBundle]? {
        guard let directory = found.directoryVersion1() else { return nil }
        var columns: [[SeriesReference]] = []
        for window in directory.windows {
            let labels = labels(window.labels, &known) { bytes throws(CorruptionError) in
                (try LabelSection.read(bytes, count: Int(window.window.columns)), [])
            }
            guard let labels, labels.references.count == Int(window.window.columns) else { return nil }
            columns.append(labels.references)
        }
        var bundles: [SegmentBundle] = []
        for (entry, references) in zip(directory.windows, columns)
        where sealed.insert(entry.window.stream).inserted {
            let window = entry.window
            var layout = SegmentBundle.Layout()
            layout.firstWindow = UInt32(bundles.count)
            layout.windowCount = 1
            let bounds = SegmentBundle.Bounds(
                minTime: window.minTime,
                maxTime: window.maxTime,
                minSequence: window.minSequence,
                maxSequence: window.maxSequence,
                samples: window.samples
            )
            bundles.append(
                SegmentBundle(
                    columns: index.adopt(references),
                    bounds: bounds,
                    layout: layout,
                    legacy: SegmentWindowV1(entry)
                )
            )
            head.noteSealed(entry.identity, newest: window.maxTime)
            head.nextStream = max(head.nextStream, window.stream + 1)
        }
        // Newest first: older segments have no more of them.
        if sealedGaps.isEmpty { sealedGaps = Set(directory.gaps) }
        for gap in directory.gaps { head.addGap(gap) }
        return bundles
    }

    /// What sections of labels say, by their bytes: most segments repeat those of the segment before.
    struct KnownLabels {
        struct Table {
            var references: [SeriesReference]
            var identities: [Labels]
        }

        var tables: [[UInt8]: Table] = [:]
    }

    mutating func labels(
        _ section: [UInt8],
        _ known: inout KnownLabels,
        parse: ([UInt8]) throws(CorruptionError) -> (series: [Labels], identities: [Labels])
    ) -> KnownLabels.Table? {
        if let table = known.tables[section] { return table }
        guard let plain = try? SegmentSection.contents(section), let parsed = try? parse(plain)
        else { return nil }
        var references: [SeriesReference] = []
        references.reserveCapacity(parsed.series.count)
        for label in parsed.series {
            let reference = index.retain(label)
            head.noteLabels(of: reference, in: index)
            references.append(reference)
        }
        // The set keeps its own mentions; those taken here were only to name the series.
        let set = index.adopt(references)
        var none: [SeriesReference] = []
        for reference in references { index.release(reference, &none) }
        pinned.append(set)
        let table = KnownLabels.Table(references: references, identities: parsed.identities)
        // Bounded: churning series must not make a start remember every segment's labels.
        if known.tables.count >= 256 { known.tables.removeAll() }
        known.tables[section] = table
        return table
    }
}
