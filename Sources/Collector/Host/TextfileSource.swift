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
    private var files: [Known] = []

    init(_ settings: HostCollectorSettings = HostCollectorSettings(.textfile)) {
        directories = settings.directories
    }

    mutating func collect(_ kernel: inout KernelText, into pass: inout PassBuffer) throws(HostFailure) {
        var (paths, hasFailed) = TextfileSource.paths(directories)
        if paths.count > TextfileSource.fileLimit {
            paths.removeSubrange(TextfileSource.fileLimit...)
            hasFailed = true
        }
        var left = TextfileSource.seriesLimit
        files = paths.map { path in
            let stamp = FileStamp(path)
            if let known = files.first(where: { $0.path == path }), known.stamp == stamp { return known }
            return Known(path: path, stamp: stamp, contents: TextfileSource.read(path))
        }
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

    private static func read(_ path: String) -> TextfileContents? {
        // A pipe would keep the pass waiting for its other end.
        guard KernelText.isFile(path), let bytes = try? TextFile.read(path, limit: sizeLimit) else {
            return nil
        }
        return TextfileContents(bytes, path: path, limit: seriesLimit)
    }

    /// The files in all directories, and whether one cannot be read.
    private static func paths(_ directories: [String]) -> (paths: [String], hasFailed: Bool) {
        var found: [String] = []
        var hasFailed = false
        for directory in directories.flatMap(expanded).prefix(directoryLimit) {
            guard let names = try? KernelText.listing(directory) else {
                hasFailed = true
                continue
            }
            found += names.filter { $0.hasSuffix(".prom") }.map { "\(directory)/\($0)" }
        }
        return (found, hasFailed)
    }

    /// The directories a pattern means; one without wildcards means itself, whether it is there or not.
    private static func expanded(_ directory: String) -> [String] {
        guard directory.contains(where: { "*?[".contains($0) }) else { return [directory] }
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
