// SPDX-License-Identifier: Apache-2.0
//
// Files of targets (Prometheus' file_sd): read at the start, when inotify says that something in their directories
// changed, and every refresh interval. A file that is gone takes its targets with it; one that is broken keeps the
// targets it had. Reading blocks, so it has a lane of its own.

internal import Bytes
internal import Config
internal import Platform
internal import Samples
internal import Wire

#if canImport(Glibc)
internal import Glibc
#endif

/// Discovers what files list.
struct FileDiscovery: Discoverer {
    /// Files of one discovery.
    private static let fileLimit = 10_000
    /// Bytes of one file.
    private static let sizeLimit = 16 << 20
    /// After a change, so that a burst of them is read once.
    private static let settling = Duration.milliseconds(100)

    /// The groups of each file, or what is wrong with it.
    typealias Contents = [String: Result<[DiscoveredGroup], DiscoveryFailure>]

    let config: FileDiscoveryConfig
    let clock: any EdgeClock
    private let lane = BlockingQueue(label: "edgewatch.discovery.file")

    init(_ config: FileDiscoveryConfig, clock: any EdgeClock) {
        self.config = config
        self.clock = clock
    }

    func run(_ report: DiscoveryReport) async {
        let (wakeups, wakeup) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let watcher = PathWatcher { wakeup.yield() }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { [self] in
                while (try? await clock.sleep(for: config.refreshInterval)) != nil { wakeup.yield() }
            }
            wakeup.yield()
            var known: [String: [DiscoveredGroup]] = [:]
            var isFirst = true
            for await _ in wakeups {
                if !isFirst { try? await clock.sleep(for: FileDiscovery.settling) }
                isFirst = false
                // Before reading, so that nothing changes unseen in between.
                for directory in directories { watcher?.watch(directory) }
                guard let contents = try? await lane.run({ [self] in read() }) else { continue }
                take(contents, &known, report)
            }
            group.cancelAll()
        }
    }

    private func take(
        _ contents: Contents,
        _ known: inout [String: [DiscoveredGroup]],
        _ report: DiscoveryReport
    ) {
        var failures: [String] = []
        var groups: [String: [DiscoveredGroup]] = [:]
        for (path, outcome) in contents {
            switch outcome {
            case .success(let found): groups[path] = found
            case .failure(let failure):
                groups[path] = known[path]
                failures.append("\(path): \(failure)")
            }
        }
        known = groups
        report.publish(groups.sorted { $0.key < $1.key }.flatMap(\.value))
        if let first = failures.min() {
            report.fail(failures.count == 1 ? first : "\(first), and \(failures.count - 1) more files")
        }
        report.endRound()
    }

    /// Where the files are.
    private var directories: Set<String> {
        Set(
            config.files.map { path in
                guard let slash = path.lastIndex(of: "/") else { return "." }
                return slash == path.startIndex ? "/" : String(path[..<slash])
            }
        )
    }

    // MARK: - Reading

    /// Reads all files there are.
    func read() -> Contents {
        var contents: Contents = [:]
        for pattern in config.files {
            for path in FileDiscovery.paths(pattern) where contents.count < FileDiscovery.fileLimit {
                contents[path] = Result { () throws(DiscoveryFailure) in try FileDiscovery.groups(path) }
            }
        }
        return contents
    }

    /// The files a path stands for; one without `*` stands for itself where it exists.
    private static func paths(_ pattern: String) -> [String] {
        var found = glob_t()
        defer { globfree(&found) }
        guard glob(pattern, GLOB_PERIOD, nil, &found) == 0 else { return [] }
        return (0..<Int(found.gl_pathc)).compactMap { index in
            found.gl_pathv[index].map { String(cString: $0) }
        }
    }

    /// Reads one file.
    static func groups(_ path: String) throws(DiscoveryFailure) -> [DiscoveredGroup] {
        var bytes: [UInt8] = []
        do {
            bytes = try TextFile.read(path, limit: sizeLimit)
            let messages =
                path.lowercased().hasSuffix(".json")
                ? try TargetGroupsReader.parse(bytes) : try TargetGroupMessage.read(yaml: bytes, file: path)
            return messages.enumerated().map { index, message in
                DiscoveredGroup(message, source: "\(path):\(index)", meta: ("__meta_filepath", path))
            }
        } catch let error as CorruptionError {
            let line = bytes.prefix(error.offset).count { $0 == UInt8(ascii: "\n") } + 1
            throw DiscoveryFailure("line \(line): expected \(error.expected)")
        } catch {
            throw DiscoveryFailure("\(error)")
        }
    }
}

extension TargetGroupMessage {
    /// Reads groups written in YAML, as strictly as the ones in JSON.
    static func read(yaml bytes: [UInt8], file: String) throws -> [TargetGroupMessage] {
        let root = try YAMLReader.parse(bytes, file: file)
        guard !root.isNull else { return [] }
        guard let items = root.items else {
            throw root.error("expected a list of target groups, found \(root.words)")
        }
        var total = 0
        return try items.map { item in
            guard !item.isNull, let entries = item.entries else {
                throw item.error("expected a target group, found \(item.words)")
            }
            var group = TargetGroupMessage()
            for entry in entries {
                switch entry.key.string {
                case "targets":
                    group.targets = try texts(entry.value)
                    total += group.targets.count
                    guard total <= TargetGroupsReader.targetLimit else {
                        throw entry.value.error("more than \(TargetGroupsReader.targetLimit) targets")
                    }
                case "labels": group.labels = try labels(entry.value)
                default: throw entry.key.error("unknown key \(Labels.quoted(entry.key.string ?? ""))")
                }
            }
            return group
        }
    }

    private static func texts(_ node: YAMLNode) throws -> [String] {
        if node.isNull { return [] }
        guard let items = node.items else {
            throw node.error("expected a list of targets, found \(node.words)")
        }
        return try items.map { item in
            guard let text = item.string else { throw item.error("expected a target, found \(item.words)") }
            return text
        }
    }

    private static func labels(_ node: YAMLNode) throws -> Labels {
        if node.isNull { return Labels() }
        guard let entries = node.entries else { throw node.error("expected labels, found \(node.words)") }
        var builder = LabelsBuilder()
        for entry in entries {
            guard let name = entry.key.string, !name.isEmpty, let value = entry.value.string else {
                throw entry.key.error("a label has a name and a text")
            }
            builder.set(name, value)
        }
        return builder.labels()
    }
}
