// SPDX-License-Identifier: Apache-2.0
//
// Metrics that scripts leave in files: every `*.prom` of the configured directories, in the text format. A file is taken
// whole or not at all: one with a mistake, or with a timestamp, has no series in that pass, and node_textfile_scrape_error
// says so, and the log why, once for each change of the file. What a file says is kept until the file changes, so a pass
// costs one stat for each.
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
        /// Whether it was said that there are more series than are kept.
        var isSurplus = false
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
    /// Whether it was said that there are more files than are read.
    private var isOverfull = false
    private var notes: [String] = []

    init(_ settings: HostCollectorSettings = HostCollectorSettings(.textfile)) {
        directories = settings.directories
        hasPatterns = directories.contains(where: TextfileSource.isPattern)
    }

    mutating func collect(_ kernel: inout KernelText, into pass: inout PassBuffer) throws(HostFailure) {
        var hasFailed = !list(&kernel)
        var left = TextfileSource.seriesLimit
        // A type that one file declares counts for another that only has the samples.
        for file in files {
            for metadata in file.contents?.declared ?? [] { pass.describe(metadata) }
        }
        for place in files.indices {
            let file = files[place]
            guard let contents = file.contents, contents.rows.count <= left else {
                hasFailed = true
                if file.contents != nil, !file.isSurplus {
                    files[place].isSurplus = true
                    notes.append(
                        "\(file.path): the files have more than \(TextfileSource.seriesLimit) series"
                    )
                }
                continue
            }
            files[place].isSurplus = false
            left -= contents.rows.count
            for metadata in contents.undeclared { pass.describe(metadata) }
            for row in contents.rows { pass.add(row.family, row.value, labels: row.values) }
            pass.add(Family.textfileTime, file.stamp.modified.rounded(.down), file.path)
        }
        pass.add(Family.textfileError, hasFailed ? 1 : 0)
    }

    mutating func takeNotes() -> [String] {
        defer { notes = [] }
        return notes
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
        var isOverfull = false
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
                    isOverfull = true
                    break
                }
                place(path, at: row)
                row += 1
            }
        }
        if files.count > row { files.removeSubrange(row...) }
        if isOverfull, !self.isOverfull {
            notes.append("there are more than \(TextfileSource.fileLimit) files; the others are not read")
        }
        self.isOverfull = isOverfull
        return isComplete && !isOverfull
    }

    /// Makes `files[row]` the file at the path as it is now.
    private mutating func place(_ path: String, at row: Int) {
        let stamp = FileStamp(path)
        if row < files.count, files[row].path == path, files[row].stamp == stamp { return }
        let known = files[row...].firstIndex { $0.path == path }.map { files.remove(at: $0) }
        if let known, known.stamp == stamp {
            files.insert(known, at: row)
        } else {
            files.insert(Known(path: path, stamp: stamp, contents: read(path)), at: row)
        }
    }

    private mutating func read(_ path: String) -> TextfileContents? {
        do {
            let bytes = try TextFile.read(path, limit: TextfileSource.sizeLimit)
            return try TextfileContents(bytes, path: path, limit: TextfileSource.seriesLimit)
        } catch let error as FileError {
            notes.append("\(error)")
        } catch {
            notes.append("\(path): \(error)")
        }
        return nil
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

/// Why a file of metrics that is well-formed is not taken.
struct TextfileProblem: Error, CustomStringConvertible {
    let description: String
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
    /// What the file says of its families.
    private(set) var declared: [MetricMetadata] = []
    /// The families it says nothing of.
    private(set) var undeclared: [MetricMetadata] = []

    /// Reads a whole file.
    ///
    /// - Parameters:
    ///   - bytes: its contents.
    ///   - path: its path.
    ///   - limit: the most series taken.
    /// - Throws: `ExpositionError` or `TextfileProblem` when any part of it is wrong, has a timestamp, or is too much.
    init(_ bytes: [UInt8], path: String, limit: Int) throws {
        var parser = ExpositionParser(bytes)
        var families: [String: Family] = [:]
        var names: Set<String> = []
        var seen: Set<[String]> = []
        while let sample = try parser.next() {
            // Sorted, and with its label names in the key: `x{a="1"}` and `x{b="1"}` are two series.
            let pairs = try parser.pairs(of: sample).filter { !$0.value.isEmpty }.sorted { $0.name < $1.name }
            guard let name = pairs.first(where: { $0.name == Labels.metricNameLabel })?.value else {
                throw TextfileProblem(description: "a sample has no name")
            }
            let labels = pairs.filter { $0.name != Labels.metricNameLabel }
            let key = labels.reduce(name) { "\($0)\u{0}\($1.name)" }
            guard sample.timestamp == nil else {
                throw TextfileProblem(description: "\(Labels(pairs)) has a timestamp; write the value alone")
            }
            guard seen.insert([key] + labels.map { $0.value }).inserted else {
                throw TextfileProblem(description: "\(Labels(pairs)) is there twice")
            }
            guard rows.count < limit else {
                throw TextfileProblem(description: "the file has more than \(limit) series")
            }
            let family =
                families[key] ?? Family(textfile: name, key: key, labels: labels.map { $0.name })
            families[key] = family
            names.insert(name)
            rows.append(Row(family: family, values: labels.map { $0.value }, value: sample.value))
        }
        declared = parser.metadata().map { said in
            MetricMetadata(
                family: said.family,
                kind: said.kind,
                help: said.help.isEmpty ? "Metric read from \(path)" : said.help,
                unit: said.unit
            )
        }
        let said = Set(declared.map { $0.family })
        for name in names.sorted() where !said.contains(name) && !TextfileContents.isPart(name, of: said) {
            undeclared.append(
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
