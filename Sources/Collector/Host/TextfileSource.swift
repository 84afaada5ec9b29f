// SPDX-License-Identifier: Apache-2.0
//
// Metrics that scripts leave in files: every `*.prom` of the configured directories, in the text format. A file is taken
// whole or not at all: one with a mistake, or with a timestamp, has no series in that pass, and node_textfile_scrape_error
// says so. What a file says is kept until the file changes, so a pass costs one stat for each.
//
// Invariant: at most `fileLimit` files and `seriesLimit` series; what is beyond is left out and is an error.

internal import Config
internal import Glibc
internal import Platform
internal import Samples
internal import Wire

/// The metrics of files, node_textfile_*.
struct TextfileSource: HostSource {
    /// One file as it was read last.
    private struct Known {
        let path: String
        let stamp: FileStamp
        /// Nil when the file cannot be used.
        let contents: TextfileContents?
    }

    private static let fileLimit = 64
    private static let sizeLimit = 4 << 20
    private static let seriesLimit = 20_000
    private static let directoryLimit = 256

    private let directories: [String]
    private let hasPatterns: Bool
    /// The directories the patterns mean, with the files of each.
    private var listed: [String] = []
    private var listings: [DeviceDirectory<String>] = []
    private var files: [Known] = []

    init(_ settings: HostCollectorSettings = HostCollectorSettings(.textfile)) {
        directories = settings.directories
        hasPatterns = directories.contains(where: TextfileSource.isPattern)
    }

    mutating func collect(_ kernel: inout KernelText, into pass: inout PassBuffer) throws(HostFailure) {
        var hasFailed = !list(&kernel)
        var left = TextfileSource.seriesLimit
        for file in files {
            guard let contents = file.contents, contents.rows.count <= left else {
                hasFailed = true
                continue
            }
            left -= contents.rows.count
            for metadata in contents.metadata { pass.describe(metadata) }
            for row in contents.rows { pass.add(row.family, row.value, labels: row.values) }
            pass.add(Family.textfileTime, file.stamp.modified.rounded(.down), file.path)
        }
        pass.add(Family.textfileError, hasFailed ? 1 : 0)
    }

    /// Makes `files` those that are in the directories now, reading what is new or has changed.
    ///
    /// - Returns: whether all directories and their files could be listed.
    private mutating func list(_ kernel: inout KernelText) -> Bool {
        if hasPatterns || listings.count != directories.count {
            let now = Array(
                directories.flatMap(TextfileSource.expanded).prefix(TextfileSource.directoryLimit)
            )
            if now != listed || listings.isEmpty {
                listed = now
                listings = now.map { DeviceDirectory(path: $0) }
            }
        }
        var isComplete = true
        var row = 0
        for index in listings.indices {
            do {
                try listings[index].update(&kernel, limit: 4096) { name, path, _ in
                    name.hasSuffix(".prom") ? path : nil
                }
            } catch {
                isComplete = false
            }
            for path in listings[index].devices {
                guard row < TextfileSource.fileLimit else {
                    isComplete = false
                    break
                }
                place(path, at: row)
                row += 1
            }
        }
        if files.count > row { files.removeSubrange(row...) }
        return isComplete
    }

    /// Makes `files[row]` the file at the path as it is now.
    private mutating func place(_ path: String, at row: Int) {
        let stamp = FileStamp(path)
        if row < files.count, files[row].path == path, files[row].stamp == stamp { return }
        let known = files[row...].firstIndex { $0.path == path }.map { files.remove(at: $0) }
        if let known, known.stamp == stamp {
            files.insert(known, at: row)
        } else {
            files.insert(Known(path: path, stamp: stamp, contents: TextfileSource.read(path)), at: row)
        }
    }

    private static func read(_ path: String) -> TextfileContents? {
        // A pipe would keep the pass waiting for its other end.
        guard KernelText.isFile(path), let bytes = try? TextFile.read(path, limit: sizeLimit) else {
            return nil
        }
        return TextfileContents(bytes, path: path, limit: seriesLimit)
    }

    private static func isPattern(_ directory: String) -> Bool {
        directory.contains { "*?[".contains($0) }
    }

    /// The directories a pattern means; one without wildcards means itself, whether it is there or not.
    private static func expanded(_ directory: String) -> [String] {
        guard isPattern(directory) else { return [directory] }
        var matches = glob_t()
        defer { globfree(&matches) }
        guard glob(directory, 0, nil, &matches) == 0 else { return [] }
        return (0..<min(Int(matches.gl_pathc), directoryLimit)).compactMap { index in
            matches.gl_pathv[index].map { String(cString: $0) }
        }
    }
}

/// What a file of metrics says.
struct TextfileContents {
    /// A sample with the family made for its label names.
    struct Row {
        let family: Family
        let values: [String]
        let value: Double
    }

    private(set) var rows: [Row] = []
    private(set) var metadata: [MetricMetadata] = []

    /// Reads a whole file, nil when any part of it is wrong, has a timestamp, or is too much.
    init?(_ bytes: [UInt8], path: String, limit: Int) {
        var parser = ExpositionParser(bytes)
        var families: [String: Family] = [:]
        var names: Set<String> = []
        do throws(ExpositionError) {
            while let sample = try parser.next() {
                guard sample.timestamp == nil, rows.count < limit else { return nil }
                // Sorted, and with its label names in the key: `x{a="1"}` and `x{b="1"}` are two series.
                let pairs = try parser.pairs(of: sample).filter { !$0.value.isEmpty }
                    .sorted { $0.name < $1.name }
                guard let name = pairs.first(where: { $0.name == Labels.metricNameLabel })?.value else {
                    return nil
                }
                let labels = pairs.filter { $0.name != Labels.metricNameLabel }
                let key = labels.reduce(name) { "\($0)\u{0}\($1.name)" }
                let family =
                    families[key]
                    ?? Family(textfile: name, key: key, labels: labels.map { $0.name })
                families[key] = family
                names.insert(name)
                rows.append(Row(family: family, values: labels.map { $0.value }, value: sample.value))
            }
        } catch {
            return nil
        }
        metadata = parser.metadata().map { said in
            MetricMetadata(
                family: said.family,
                kind: said.kind,
                help: said.help.isEmpty ? "Metric read from \(path)" : said.help,
                unit: said.unit
            )
        }
        let said = Set(metadata.map { $0.family })
        for name in names.sorted() where !said.contains(name) && !TextfileContents.isPart(name, of: said) {
            metadata.append(
                MetricMetadata(family: name, kind: .unknown, help: "Metric read from \(path)")
            )
        }
    }

    /// Whether a name is that of a histogram's or summary's part.
    private static func isPart(_ name: String, of families: Set<String>) -> Bool {
        ["_bucket", "_sum", "_count"].contains { part in
            name.hasSuffix(part) && families.contains(String(name.dropLast(part.count)))
        }
    }
}

extension Family {
    fileprivate static let textfileTime = Family(
        "node_textfile_mtime_seconds",
        .gauge,
        "When the file was changed last, in unixtime.",
        labels: ["file"]
    )
    fileprivate static let textfileError = Family(
        "node_textfile_scrape_error",
        .gauge,
        "Whether a file or directory could not be used.",
        class: .health
    )
}
