// SPDX-License-Identifier: Apache-2.0
//
// Looks, before anything is written, whether what is there can be read with the key that was given. A store opened with
// a wrong key would otherwise take everything for damage and write over it. Only reads, and opens nothing for writing.

internal import Bytes
internal import Platform

/// Compares the key with what files ask for.
struct KeyCheck {
    let encryption: StoreEncryption?
    let directory: String
    let files: any FileStore

    init(_ options: StoreOptions, _ files: any FileStore) {
        encryption = options.encryption
        directory = options.directory
        self.files = files
    }

    /// Looks at everything that is there: files of rings, also such that the configuration no longer names, log, staging
    /// file and metadata.
    ///
    /// - Throws: `StoreError` naming the key that is wanted.
    func look(at names: Set<String>, staging: [String]) throws(StoreError) {
        let prefixes = [Ring.samples] + StoreOptions.tierNames
        for name in names.sorted() {
            guard let dash = name.lastIndex(of: "-"), Int(name[name.index(after: dash)...]) != nil,
                prefixes.contains(String(name[..<dash])), let file = open(name)
            else { continue }
            try look(atRing: file, name)
        }
        if names.contains(FamilyFile.name), let file = open(FamilyFile.name) { try look(atFamilies: file) }
        guard names.contains("log"), let log = open("log") else { return }
        try look(atLog: log)
        for path in staging {
            if let file = try? files.open(path, .read) { try look(atStaging: file, log) }
        }
    }

    private func open(_ name: String) -> (any StorageFile)? { try? files.open("\(directory)/\(name)", .read) }

    /// Refuses a fingerprint that is not the key's; nil is that of plain data.
    private func accept(_ fingerprint: [UInt8]?, _ name: String) throws(StoreError) {
        guard let fingerprint else {
            guard let encryption, !encryption.acceptsPlaintext else { return }
            throw .notEncrypted(directory: directory, file: name)
        }
        guard fingerprint != encryption?.key.fingerprint else { return }
        let wanted = StoreKey.hexadecimal(fingerprint)
        guard let key = encryption?.key else { throw .keyMissing(directory: directory, fingerprint: wanted) }
        throw .wrongKey(directory: directory, fingerprint: wanted, given: key.description)
    }

    /// Heads only: one small read per segment, and one per 64 KiB of garbage.
    private func look(atRing file: any StorageFile, _ name: String) throws(StoreError) {
        let size = (try? file.size()) ?? 0
        // Plain segments are looked at, whether or not they are read.
        let plain = encryption.map { StoreEncryption(key: $0.key, acceptsPlaintext: true) }
        var offset: Int64 = 0
        while offset + Int64(Envelope.size) <= size {
            let bytes = (try? file.read(at: offset, count: RingScan.headBytes)) ?? []
            if let envelope = Envelope(bytes) {
                try accept(envelope.fingerprint, name)
                offset += Int64(SegmentHeader.padded(Envelope.sealedLength(envelope.length)))
            } else if case .segment(let found) = RingScan.Found.look(at: bytes, file, 0, offset, size, plain)
            {
                try accept(nil, name)
                offset += Int64(SegmentHeader.padded(found.header.length))
            } else {
                offset = KeyCheck.nextMagic(file, after: offset, size: size)
            }
        }
    }

    /// The next place after an offset where a segment may begin.
    private static func nextMagic(_ file: any StorageFile, after offset: Int64, size: Int64) -> Int64 {
        var place = offset + Int64(SegmentHeader.alignment)
        while place < size {
            // What cannot be read says nothing.
            let piece = (try? file.read(at: place, count: pieceBytes)) ?? []
            for start in stride(from: 0, to: piece.count - 3, by: SegmentHeader.alignment) {
                var reader = ByteReader(piece, in: start..<piece.count)
                if RingScan.isMagic(try? reader.integer(UInt32.self)) { return place + Int64(start) }
            }
            place += Int64(pieceBytes)
        }
        return size
    }

    private static let pieceBytes = 64 << 10

    private func look(atFamilies file: any StorageFile) throws(StoreError) {
        let limit = FamilyFile.headerSize + FamilyFile.bodyLimit
        let size = (try? file.size()) ?? 0
        guard let bytes = try? file.read(at: 0, count: min(Int(clamping: size), limit)) else { return }
        if let envelope = Envelope(bytes) {
            try accept(envelope.fingerprint, FamilyFile.name)
        } else if encryption != nil, (try? FamilyFile.read(bytes)) != nil {
            try accept(nil, FamilyFile.name)
        }
    }

    private func look(atLog file: any StorageFile) throws(StoreError) {
        guard let encryption else { return try lookForSessions(file) }
        // Plain pages are looked at, whether or not they are read.
        let plain = StoreEncryption(key: encryption.key, acceptsPlaintext: true)
        guard let scan = try? LogScan.scan(file, plain) else { return }
        if let foreign = scan.foreign { try accept(foreign, "log") }
        if scan.hasPlain { try accept(nil, "log") }
    }

    /// Looks for sealed pages where there is no key; of most slots only the head is read.
    private func lookForSessions(_ file: any StorageFile) throws(StoreError) {
        let size = (try? file.size()) ?? 0
        for offset in stride(from: 0, to: size, by: LogPage.size) {
            guard let start = try? file.read(at: offset, count: LogPage.sessionMarkEnd),
                LogPage.mayHaveSession(start), let page = try? file.read(at: offset, count: LogPage.size)
            else { continue }
            try accept(LogPage.header(page).flatMap { LogPage.fingerprint(page, $0) }, "log")
        }
    }

    /// Pages in shared memory may be all that is sealed, and are written into the log when they are taken over.
    private func look(atStaging file: any StorageFile, _ log: any StorageFile) throws(StoreError) {
        for page in (try? StagedFile.pagesLeft(log, file)) ?? [] {
            guard let header = LogPage.header(page), header.isWhole else { continue }
            try accept(LogPage.fingerprint(page, header), "log")
        }
    }
}
