// SPDX-License-Identifier: Apache-2.0

extension EncryptionConfig {
    /// `storage.encryption`; nil when the key is not there, or wrong (then reported).
    static func read(in storage: Section) -> EncryptionConfig? {
        let isWritten = storage.node["encryption"] != nil
        return storage.section("encryption") { section in
            var sources: [(key: String, source: KeySource)] = []
            if let file = section.path("key_file") { sources.append(("key_file", .file(file))) }
            if let name = section.string("key_env") { sources.append(("key_env", .environment(name))) }
            if let name = section.string("key_credential") {
                sources.append(("key_credential", .credential(name)))
            }
            let acceptsPlaintext = section.bool("accept_plaintext") ?? false
            // Whoever writes the word and no key must not believe that anything is encrypted.
            guard isWritten else { return nil }
            guard let first = sources.first else {
                storage.report(
                    "encryption",
                    "\"encryption\" names no key",
                    remedy: "set \"key_file\", \"key_env\" or \"key_credential\""
                )
                return nil
            }
            if sources.count > 1 {
                section.report(
                    sources[1].key,
                    "\"\(first.key)\" and \"\(sources[1].key)\" both name a key; keep one"
                )
            }
            check(first.source, first.key, section)
            return EncryptionConfig(key: first.source, acceptsPlaintext: acceptsPlaintext)
        }
    }

    /// Names that nothing can have; a key pasted in the place of its name is one of them.
    private static func check(_ source: KeySource, _ key: String, _ section: Section) {
        switch source {
        case .file(let path):
            if path.isEmpty { section.report(key, "\"\(key)\" is empty") }
        case .environment(let name):
            guard isVariable(name), !isKey(name) else {
                return section.report(
                    key,
                    "\"\(key)\": expected the name of an environment variable",
                    remedy: "for example EDGEWATCH_STORE_KEY"
                )
            }
        case .credential(let name):
            let isName =
                !name.isEmpty && name.utf8.count <= 255 && !name.contains("/") && name != "." && name != ".."
            guard isName else {
                return section.report(
                    key,
                    "\"\(key)\": expected the name of a credential",
                    remedy: "the part before \":\" in LoadCredentialEncrypted="
                )
            }
        }
    }

    /// A key in hexadecimal digits may begin with a letter.
    private static func isKey(_ name: String) -> Bool {
        name.utf8.count == 64 && name.allSatisfy { $0.isHexDigit }
    }

    private static func isVariable(_ name: String) -> Bool {
        guard let first = name.utf8.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) else {
            return false
        }
        return name.utf8.allSatisfy { byte in
            byte == UInt8(ascii: "_") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte & ~0x20)
        }
    }
}
