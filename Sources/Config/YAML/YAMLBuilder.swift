// SPDX-License-Identifier: Apache-2.0
//
// Grows the tree from events. An alias repeats a finished node, so a tree can be larger than its file but never
// circular. `<<` merges mappings as YAML 1.1 and Go's yaml package do: keys that are written win.

/// Builds the documents of one file.
struct YAMLBuilder: ~Copyable {
    /// A finished node with the number of nodes it stands for.
    private struct Built {
        var node: YAMLNode
        var weight: Int
    }

    private var events: YAMLEvents
    private let file: String
    private var anchors: [String: Built] = [:]
    private var nodeCount = 0

    init(_ bytes: UnsafeBufferPointer<UInt8>, file: String) throws(ConfigError) {
        events = try YAMLEvents(bytes, file: file)
        self.file = file
    }

    /// Reads the whole file.
    mutating func documents() throws(ConfigError) -> [YAMLNode] {
        var documents: [YAMLNode] = []
        while true {
            let event = try events.next()
            switch event.kind {
            case .streamEnd: return documents
            case .documentStart:
                anchors.removeAll()
                documents.append(try node(try events.next(), depth: 0).node)
            default: continue
            }
        }
    }

    private mutating func node(_ event: YAMLEvent, depth: Int) throws(ConfigError) -> Built {
        if depth > YAMLReader.depthLimit {
            throw failure(event, "nested deeper than \(YAMLReader.depthLimit) levels")
        }
        if case .alias(let name) = event.kind {
            guard let target = anchors[name] else {
                throw failure(event, "no anchor \"&\(name)\" before this alias")
            }
            try count(target.weight, event)
            return target
        }
        try count(1, event)
        var built: Built
        switch event.kind {
        case .scalar(let text, let isPlain):
            built = Built(node: at(event, .scalar(text, isPlain: isPlain)), weight: 1)
        case .sequenceStart: built = try sequence(event, depth: depth)
        case .mappingStart: built = try mapping(event, depth: depth)
        default: throw failure(event, "expected a value")
        }
        if let anchor = event.anchor { anchors[anchor] = built }
        return built
    }

    private mutating func sequence(_ start: YAMLEvent, depth: Int) throws(ConfigError) -> Built {
        var items: [YAMLNode] = []
        var weight = 1
        while true {
            let event = try events.next()
            if case .sequenceEnd = event.kind { break }
            let item = try node(event, depth: depth + 1)
            items.append(item.node)
            weight += item.weight
        }
        return Built(node: at(start, .sequence(items)), weight: weight)
    }

    private mutating func mapping(_ start: YAMLEvent, depth: Int) throws(ConfigError) -> Built {
        var entries: [YAMLNode.Entry] = []
        var merged: [YAMLNode] = []
        var lines: [String: Int] = [:]
        var weight = 1
        while true {
            let event = try events.next()
            if case .mappingEnd = event.kind { break }
            let key = try node(event, depth: depth + 1)
            let value = try node(try events.next(), depth: depth + 1)
            weight += key.weight + value.weight
            guard case .scalar(let name, let isPlain) = key.node.content else {
                throw key.node.error("a key must be text")
            }
            if isPlain, name == "<<" {
                merged.append(value.node)
                continue
            }
            if let line = lines[name] {
                throw key.node.error("key \"\(name)\" is already set at line \(line)")
            }
            lines[name] = event.line
            entries.append(YAMLNode.Entry(key: key.node, value: value.node))
        }
        for source in merged { try merge(source, into: &entries, &lines) }
        return Built(node: at(start, .mapping(entries)), weight: weight)
    }

    private func merge(
        _ source: YAMLNode,
        into entries: inout [YAMLNode.Entry],
        _ lines: inout [String: Int]
    ) throws(ConfigError) {
        for mapping in source.items ?? [source] {
            guard let additions = mapping.entries else {
                throw source.error("\"<<\" needs a mapping or a list of them")
            }
            for addition in additions {
                guard let name = addition.key.string, lines[name] == nil else { continue }
                lines[name] = addition.key.line
                entries.append(addition)
            }
        }
    }

    private mutating func count(_ nodes: Int, _ event: YAMLEvent) throws(ConfigError) {
        nodeCount += nodes
        if nodeCount > YAMLReader.nodeLimit {
            throw failure(event, "more than \(YAMLReader.nodeLimit) values, aliases expanded")
        }
    }

    private func at(_ event: YAMLEvent, _ content: YAMLNode.Content) -> YAMLNode {
        YAMLNode(content, file: file, line: event.line, column: event.column)
    }

    private func failure(_ event: YAMLEvent, _ message: String) -> ConfigError {
        ConfigError(file: file, line: event.line, column: event.column, message: message)
    }
}
