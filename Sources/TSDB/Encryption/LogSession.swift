// SPDX-License-Identifier: Apache-2.0
//
// The keys of log pages. Every process seals with a key of its own: after a power cut page numbers may come again, and
// must not meet the key that had sealed pages of those numbers before. Within a process a fragment is sealed once: pages
// only grow, and a number is never given to a second page.

internal import Crypto

/// What the pages of one process are sealed with.
struct LogSession: Sendable {
    /// Bytes of the plain fragment that a sealed page begins with.
    static let descriptionBytes = SealingKey.saltBytes + StoreKey.fingerprintBytes
    /// Bytes of a header's tag.
    static let headerTagBytes = 6
    private static let purpose = "edgewatch log"
    private static let headerPurpose = "edgewatch log header"

    /// What pages say of it: salt and fingerprint of the key.
    let description: [UInt8]
    private let key: SealingKey
    private let headerKey: SymmetricKey

    /// A session of this process.
    init(_ key: StoreKey) {
        self.init(key, salt: SealingKey.salt())
    }

    /// A session with this salt; a salt is never used for another process, so only tests choose it.
    init(_ key: StoreKey, salt: [UInt8]) {
        description = salt + key.fingerprint
        self.key = SealingKey(key.derived(LogSession.purpose, salt: salt))
        headerKey = key.derived(LogSession.headerPurpose, salt: salt)
    }

    /// The session that a page speaks of; nil when it is of another key.
    init?(_ description: [UInt8], _ key: StoreKey) {
        guard LogSession.fingerprint(description) == key.fingerprint else { return nil }
        self.init(key, salt: Array(description.prefix(SealingKey.saltBytes)))
    }

    /// The fingerprint in what a page says; nil when it is not of that form.
    static func fingerprint(_ description: [UInt8]) -> [UInt8]? {
        description.count == descriptionBytes ? Array(description.dropFirst(SealingKey.saltBytes)) : nil
    }

    /// Seals the payload of the fragment that begins at an offset of a page.
    func seal(
        _ payload: ArraySlice<UInt8>,
        _ part: LogPage.Part,
        page: UInt64,
        offset: Int,
        to out: inout [UInt8]
    ) {
        key.seal(payload, at: LogSession.place(part, page, offset), to: &out)
    }

    /// The payload of a sealed fragment; nil when it is not what was sealed there.
    func open(
        _ sealed: ArraySlice<UInt8>,
        _ part: LogPage.Part,
        page: UInt64,
        offset: Int
    ) -> [UInt8]? {
        var plain: [UInt8] = []
        plain.reserveCapacity(sealed.count)
        return key.open(sealed, at: LogSession.place(part, page, offset), to: &plain) ? plain : nil
    }

    /// The tag of what a page's header says.
    ///
    /// Not of GCM, whose nonce would be used again each time the page grows: HMAC-SHA256, cut to what the header has room
    /// for.
    func tag(_ header: ArraySlice<UInt8>) -> [UInt8] {
        HMAC<SHA256>.authenticationCode(for: header, using: headerKey).prefix(LogSession.headerTagBytes)
            .map { $0 }
    }

    /// One for each fragment of a process; with the part in it, so that parts cannot be exchanged.
    private static func place(_ part: LogPage.Part, _ page: UInt64, _ offset: Int) -> (UInt64, UInt32) {
        (page, UInt32(truncatingIfNeeded: offset) | UInt32(part.rawValue) << 16)
    }
}

/// The sessions found in a log.
struct LogSessions: Sendable {
    private let encryption: StoreEncryption?
    /// Pages of a process follow each other.
    private var last: LogSession?

    init(_ encryption: StoreEncryption?) {
        self.encryption = encryption
    }

    /// The key's; nil without a key.
    var fingerprint: [UInt8]? { encryption?.key.fingerprint }

    /// Whether plain fragments are read.
    var acceptsPlaintext: Bool { encryption?.acceptsPlaintext ?? true }

    /// The session that a page speaks of; nil when it is of another key.
    mutating func session(_ description: [UInt8]) -> LogSession? {
        if let last, last.description == description { return last }
        guard let key = encryption?.key, let session = LogSession(description, key) else { return nil }
        last = session
        return session
    }
}
