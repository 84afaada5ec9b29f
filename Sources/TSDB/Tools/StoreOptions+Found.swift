// SPDX-License-Identifier: Apache-2.0

public import Platform

extension StoreOptions {
    /// The bounds that the files of a directory show; the defaults for what is not there.
    ///
    /// - Parameters:
    ///   - directory: the data directory.
    ///   - files: the file system.
    /// - Throws: `StoreError` when the directory cannot be read.
    public init(foundIn directory: String, files: any FileStore) throws(StoreError) {
        self.init(directory: directory)
        do throws(FileError) {
            let names = try files.list(directory)
            if let raw = try StoreOptions.ring("ring", names, directory, files) {
                (ringFiles, ringBytes) = raw
            }
            if names.contains("log") {
                let size = try files.open("\(directory)/log", .read).size()
                logBytes = max(StoreOptions.smallestLogBytes, Int(clamping: size))
            }
            for (name, resolution) in [("warm", Duration.seconds(300)), ("cold", .seconds(3600))] {
                guard let ring = try StoreOptions.ring(name, names, directory, files) else { continue }
                tiers.append(
                    TierOptions(name: name, resolution: resolution, ringBytes: ring.1, ringFiles: ring.0)
                )
            }
        } catch {
            throw StoreError(error)
        }
    }

    /// Files and bytes of a ring, nil when there is none.
    private static func ring(
        _ name: String,
        _ names: [String],
        _ directory: String,
        _ files: any FileStore
    ) throws(FileError) -> (Int, Int64)? {
        var count = 0
        var largest = StoreOptions.smallestRingFileBytes
        for file in names where file.hasPrefix("\(name)-") {
            guard let number = Int(file.dropFirst(name.count + 1)), (0..<1000).contains(number) else {
                continue
            }
            count = max(count, number + 1)
            largest = max(largest, try files.open("\(directory)/\(file)", .read).size())
        }
        guard count > 0 else { return nil }
        let alignment = Int64(SegmentHeader.alignment)
        return (max(2, count), (largest + alignment - 1) / alignment * alignment * Int64(max(2, count)))
    }
}
