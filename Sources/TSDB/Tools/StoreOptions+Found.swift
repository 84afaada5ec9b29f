// SPDX-License-Identifier: Apache-2.0

public import Platform
internal import Samples

extension StoreOptions {
    /// Bounds within which everything in a directory stays: the defaults, or what its files show where that is more.
    ///
    /// A ring says nothing of what it may grow to, so its files are no measure of what is too much.
    ///
    /// - Parameters:
    ///   - directory: the data directory.
    ///   - files: the file system.
    ///   - encryption: what its files are encrypted with.
    /// - Throws: `StoreError` when the directory cannot be read.
    public init(
        foundIn directory: String,
        files: any FileStore,
        encryption: StoreEncryption? = nil
    ) throws(StoreError) {
        self.init(directory: directory)
        self.encryption = encryption
        do throws(FileError) {
            let names = try files.list(directory)
            if let raw = StoreOptions.ring("ring", names, directory, files, (ringFiles, ringBytes)) {
                (ringFiles, ringBytes) = raw
            }
            // What cannot be read is passed over, as by a start.
            if let size = try? files.open("\(directory)/log", .read).size() {
                logBytes = max(StoreOptions.smallestLogBytes, Int(clamping: size))
            }
            let tierBytes = [ringBytes / 2, ringBytes / 8]
            for (name, length, bytes) in [("warm", Int64(300), tierBytes[0]), ("cold", 3600, tierBytes[1])] {
                let smallest = (TierOptions.defaultFiles, bytes)
                guard let ring = StoreOptions.ring(name, names, directory, files, smallest) else {
                    continue
                }
                tiers.append(
                    TierOptions(
                        name: name,
                        resolution: .seconds(length),
                        ringBytes: ring.1,
                        ringFiles: ring.0
                    )
                )
            }
            findResolutions(Set(names), files)
        } catch {
            throw StoreError(error)
        }
    }

    /// Takes the lengths of windows from the newest segment of each tier.
    private mutating func findResolutions(_ existing: Set<String>, _ files: any FileStore) {
        var found: [String: Int64] = [:]
        for place in tiers.indices {
            guard let length = newestResolution(of: tiers[place], existing, files) else { continue }
            found[tiers[place].name] = length
            tiers[place].resolution = .milliseconds(length)
        }
        guard tiers.count == 2 else { return }
        let (warm, cold) = (tiers[0].resolution.milliseconds, tiers[1].resolution.milliseconds)
        guard cold <= warm || cold % warm != 0 else { return }
        // One of them has nothing yet, or nothing since it was configured otherwise: no row of it counts.
        if found["warm"] != nil {
            tiers[1].resolution = .milliseconds(warm * 2)
        } else {
            tiers[0].resolution = .milliseconds(cold / 2)
        }
    }

    /// The length of the windows in the newest segment of a tier; nil when there is none that can be read.
    private func newestResolution(
        of tier: TierOptions,
        _ existing: Set<String>,
        _ files: any FileStore
    ) -> Int64? {
        var ring = Ring(
            // Nothing is changed by a look.
            files: SnapshotFiles(files),
            directory: directory,
            prefix: tier.name,
            fileCount: tier.ringFiles,
            ringBytes: tier.ringBytes,
            encryption: encryption
        )
        for found in RingScan.scan(&ring, existing: existing).found.reversed() {
            if let resolution = found.tierDirectory?.resolution { return resolution }
        }
        return nil
    }

    /// Files and bytes of a ring, at least so many; nil when there is none.
    private static func ring(
        _ name: String,
        _ names: [String],
        _ directory: String,
        _ files: any FileStore,
        _ smallest: (files: Int, bytes: Int64)
    ) -> (Int, Int64)? {
        var count = 0
        var largest = smallest.bytes / Int64(smallest.files)
        for number in Ring.numbers where names.contains(Ring.name(number, prefix: name)) {
            count += 1
            let path = "\(directory)/\(Ring.name(number, prefix: name))"
            if let size = try? files.open(path, .read).size() { largest = max(largest, size) }
        }
        guard count > 0 else { return nil }
        let alignment = Int64(SegmentHeader.alignment)
        let fileBytes = (largest + alignment - 1) / alignment * alignment
        return (max(smallest.files, count), fileBytes * Int64(max(smallest.files, count)))
    }
}
