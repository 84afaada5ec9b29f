// SPDX-License-Identifier: Apache-2.0
//
// The file `metadata`: written anew, and only when something changed, as every source says it all again with its next
// pass. A new family waits at most a minute, other words for a known one an hour: sources that have one family and two
// texts for it, as programs of different versions do, change it with every pass, and flash wears out. A power cut costs
// that much of news; a file that cannot be read costs until the next pass.

internal import Logging
internal import Platform
public import Samples
internal import Synchronization

/// Metadata with what was written of it.
struct KeptFamilies: Sendable {
    var families = Families()
    /// The version that the file has.
    var written: UInt64 = 0
    /// No write before these monotonic times, with new families and without.
    var nextWrite: UInt64 = 0
    var nextRewrite: UInt64 = 0
    var isFailing = false
}

extension Store {
    private static let writeInterval: UInt64 = 60_000_000_000
    private static let rewriteInterval = 60 * writeInterval

    /// Remembers what a source said of its families.
    public func describe(_ metadata: [MetricMetadata]) {
        let refused = families.withLock { kept in
            metadata.reduce(0) { kept.families.set($1) ? $0 : $0 + 1 }
        }
        metrics.refusedFamilies.add(refused)
    }

    /// What sources said of their families.
    public func metadata() -> [String: MetricMetadata] {
        families.withLock { $0.families.byName }
    }

    /// Reads the file back.
    func loadFamilies() {
        let path = "\(options.directory)/\(FamilyFile.name)"
        guard let file = try? files.open(path, .read), let size = try? file.size(), size > 0 else { return }
        do throws(FileError) {
            let limit = Envelope.sealedLength(FamilyFile.headerSize + FamilyFile.bodyLimit)
            let bytes = try file.read(at: 0, count: min(Int(clamping: size), limit))
            let (found, isSealed): ([MetricMetadata], Bool)
            do {
                (found, isSealed) = try FamilyFile.read(bytes, options.encryption)
            } catch {
                metrics.corruptBlocks.add()
                logger.warning(
                    "the file of metadata is damaged and put aside; sources will say it again",
                    metadata: ["file": "\(path)", "error": "\(error)"]
                )
                try files.rename(path, to: "\(path).damaged")
                return
            }
            families.withLock { kept in
                for entry in found { kept.families.set(entry) }
                // What is plain is written again, sealed.
                if isSealed || options.encryption == nil { kept.written = kept.families.version }
            }
        } catch {
            logger.warning("the file of metadata cannot be read", metadata: ["error": "\(error)"])
        }
    }

    /// Writes the file when it is time, or now.
    func saveFamilies(isLast: Bool = false) {
        let now = clock.monotonicNanoseconds()
        let work = families.withLock { kept -> (byName: [String: MetricMetadata], version: UInt64)? in
            let due = kept.families.newest > kept.written ? kept.nextWrite : kept.nextRewrite
            guard kept.families.version != kept.written, isLast || now >= due else { return nil }
            kept.nextWrite = now &+ Store.writeInterval
            kept.nextRewrite = now &+ Store.rewriteInterval
            return (kept.families.byName, kept.families.version)
        }
        guard let work else { return }
        do throws(FileError) {
            let plain = FamilyFile.bytes(work.byName)
            try write(options.encryption.map { Envelope.seal(plain[...], with: $0.key).bytes } ?? plain)
            families.withLock { ($0.written, $0.isFailing) = (work.version, false) }
        } catch {
            metrics.writeErrors.add()
            let isNews = families.withLock { kept in
                defer { kept.isFailing = true }
                return !kept.isFailing
            }
            if isNews {
                logger.error("metadata of families cannot be written", metadata: ["error": "\(error)"])
            }
        }
    }

    /// Puts the new file in the place of the old one, which stays whole until then.
    private func write(_ bytes: [UInt8]) throws(FileError) {
        let path = "\(options.directory)/\(FamilyFile.name)"
        let file = try files.open("\(path).new", .create)
        try file.truncate(to: 0)
        try file.write(bytes, at: 0)
        try file.syncData()
        try files.rename("\(path).new", to: path)
        try files.syncDirectory(options.directory)
    }
}
