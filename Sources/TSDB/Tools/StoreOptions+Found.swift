// SPDX-License-Identifier: Apache-2.0

public import Platform

extension StoreOptions {
    /// Bounds within which everything in a directory stays: the defaults, or what its files show where that is more.
    ///
    /// A ring says nothing of what it may grow to, so its files are no measure of what is too much.
    ///
    /// - Parameters:
    ///   - directory: the data directory.
    ///   - files: the file system.
    /// - Throws: `StoreError` when the directory cannot be read.
    public init(foundIn directory: String, files: any FileStore) throws(StoreError) {
        self.init(directory: directory)
        do throws(FileError) {
            let names = try files.list(directory)
            if let raw = try StoreOptions.ring("ring", names, directory, files, (ringFiles, ringBytes)) {
                (ringFiles, ringBytes) = raw
            }
            if names.contains("log") {
                let size = try files.open("\(directory)/log", .read).size()
                logBytes = max(StoreOptions.smallestLogBytes, Int(clamping: size))
            }
            let tierBytes = [ringBytes / 2, ringBytes / 8]
            for (name, length, bytes) in [("warm", Int64(300), tierBytes[0]), ("cold", 3600, tierBytes[1])] {
                let smallest = (TierOptions.defaultFiles, bytes)
                guard let ring = try StoreOptions.ring(name, names, directory, files, smallest) else {
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
        } catch {
            throw StoreError(error)
        }
    }

    /// Files and bytes of a ring, at least so many; nil when there is none.
    private static func ring(
        _ name: String,
        _ names: [String],
        _ directory: String,
        _ files: any FileStore,
        _ smallest: (files: Int, bytes: Int64)
    ) throws(FileError) -> (Int, Int64)? {
        var count = 0
        var largest = smallest.bytes / Int64(smallest.files)
        for number in Ring.numbers where names.contains(Ring.name(number, prefix: name)) {
            count += 1
            let path = "\(directory)/\(Ring.name(number, prefix: name))"
            largest = max(largest, try files.open(path, .read).size())
        }
        guard count > 0 else { return nil }
        let alignment = Int64(SegmentHeader.alignment)
        let fileBytes = (largest + alignment - 1) / alignment * alignment
        return (max(smallest.files, count), fileBytes * Int64(max(smallest.files, count)))
    }
}
