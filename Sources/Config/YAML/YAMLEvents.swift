// SPDX-License-Identifier: Apache-2.0
//
// The only file that touches libyaml: its event API (yaml.h, "Event based parsing"), one event at a time, copied out
// into a Swift value before the next is asked for.

internal import CYAML

/// What libyaml saw next.
struct YAMLEvent {
    enum Kind {
        case documentStart
        case documentEnd
        case streamEnd
        case scalar(text: String, isPlain: Bool)
        case sequenceStart
        case sequenceEnd
        case mappingStart
        case mappingEnd
        case alias(String)
    }

    let kind: Kind
    /// The name of the node's anchor, nil when it has none.
    let anchor: String?
    let line: Int
    let column: Int
}

/// Owns a libyaml parser over bytes that outlive it.
struct YAMLEvents: ~Copyable {
    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let file: String

    /// Begins reading; `bytes` must stay valid for the life of the value.
    init(_ bytes: UnsafeBufferPointer<UInt8>, file: String) throws(ConfigError) {
        parser = .allocate(capacity: 1)
        self.file = file
        guard yaml_parser_initialize(parser) == 1 else {
            throw ConfigError(file: file, message: "out of memory")
        }
        // libyaml refuses a null pointer, which an empty buffer may have; it never reads past the length.
        let base = bytes.baseAddress ?? UnsafePointer(bitPattern: 1)
        yaml_parser_set_input_string(parser, base, bytes.count)
    }

    deinit {
        yaml_parser_delete(parser)
        parser.deallocate()
    }

    /// The next event that matters to a tree.
    mutating func next() throws(ConfigError) -> YAMLEvent {
        while true {
            var event = yaml_event_t()
            guard yaml_parser_parse(parser, &event) == 1 else { throw failure() }
            defer { yaml_event_delete(&event) }
            if let translated = YAMLEvents.translate(event) { return translated }
        }
    }

    private static func translate(_ event: yaml_event_t) -> YAMLEvent? {
        let kind: YAMLEvent.Kind
        var anchor: UnsafeMutablePointer<yaml_char_t>?
        switch event.type {
        case YAML_DOCUMENT_START_EVENT: kind = .documentStart
        case YAML_DOCUMENT_END_EVENT: kind = .documentEnd
        case YAML_STREAM_END_EVENT: kind = .streamEnd
        case YAML_SEQUENCE_START_EVENT:
            kind = .sequenceStart
            anchor = event.data.sequence_start.anchor
        case YAML_SEQUENCE_END_EVENT: kind = .sequenceEnd
        case YAML_MAPPING_START_EVENT:
            kind = .mappingStart
            anchor = event.data.mapping_start.anchor
        case YAML_MAPPING_END_EVENT: kind = .mappingEnd
        case YAML_ALIAS_EVENT: kind = .alias(text(event.data.alias.anchor) ?? "")
        case YAML_SCALAR_EVENT:
            let scalar = event.data.scalar
            anchor = scalar.anchor
            let bytes = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
            kind = .scalar(text: String(decoding: bytes, as: UTF8.self), isPlain: isPlain(scalar))
        default: return nil
        }
        return YAMLEvent(
            kind: kind,
            anchor: text(anchor),
            line: event.start_mark.line + 1,
            column: event.start_mark.column + 1
        )
    }

    /// A tag decides over the style: `!!str 5` is text, `!!int "5"` is a number.
    private static func isPlain(_ scalar: yaml_event_s.__Unnamed_union_data.__Unnamed_struct_scalar) -> Bool {
        if let tag = text(scalar.tag) {
            switch tag {
            case "tag:yaml.org,2002:int", "tag:yaml.org,2002:float", "tag:yaml.org,2002:bool",
                "tag:yaml.org,2002:null":
                return true
            default: return false
            }
        }
        return scalar.style == YAML_PLAIN_SCALAR_STYLE
    }

    private static func text(_ pointer: UnsafeMutablePointer<yaml_char_t>?) -> String? {
        pointer.map { String(cString: $0) }
    }

    private func failure() -> ConfigError {
        let state = parser.pointee
        let problem = state.problem.map { String(cString: $0) } ?? "not YAML"
        if state.error == YAML_READER_ERROR {
            return ConfigError(
                file: file,
                line: state.mark.line + 1,
                column: state.mark.column + 1,
                message: "\(problem) at byte \(state.problem_offset)",
                remedy: "save the file as UTF-8"
            )
        }
        var message = problem
        // "while parsing a block mapping" began somewhere else, and there the mistake often is.
        if let context = state.context, state.context_mark.line != state.problem_mark.line {
            message += " \(String(cString: context)) that began at line \(state.context_mark.line + 1)"
        }
        return ConfigError(
            file: file,
            line: state.problem_mark.line + 1,
            column: state.problem_mark.column + 1,
            message: message,
            remedy: YAMLEvents.remedy(for: problem)
        )
    }

    private static func remedy(for problem: String) -> String {
        switch problem {
        case "found character that cannot start any token":
            "indent with blanks, not tabs, and put text with special characters in quotes"
        case "mapping values are not allowed in this context":
            "put text with \": \" in quotes, and check the indentation"
        case "did not find expected key", "did not find expected '-' indicator":
            "check the indentation"
        default: ""
        }
    }
}
