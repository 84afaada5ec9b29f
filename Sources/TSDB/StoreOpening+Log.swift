// SPDX-License-Identifier: Apache-2.0
//
// Getting hold of the log: made, filled up, staged in memory, or put aside when it cannot be read.
//
// A log that has rows is never cut or filled in a way that could cost one of them.

internal import Logging
internal import Platform

extension StoreOpening {
    mutating func scanLog() throws(StoreError) {
        do throws(FileError) {
            return try openAndScanLog()
        } catch {}
        do throws(FileError) {
            // The first failure may have been chance.
            try openAndScanLog()
        } catch {
            guard error.isOutOfSpace else { return try putLogAside(error) }
            // A full disk must not keep what is stored from being read, nor new rows from memory and ring.
            guard hasRing else {
                // What was made of a log is in the way of whoever makes room.
                if !existing.contains("log") { try? files.remove("\(options.directory)/log") }
                throw StoreError(error)
            }
            logger.error(
                "no room for the log; rows are not safe until sealed",
                metadata: ["error": "\(error)"]
            )
        }
    }

    /// Whether something is stored, in whichever file of the ring.
    private var hasRing: Bool { Ring.numbers.contains { existing.contains(ring.name($0)) } }

    mutating func openAndScanLog() throws(FileError) {
        let file = stage(try openLog())
        log = (file, try LogScan.scan(file, options.encryption))
    }

    /// Begins a new log beside one that cannot be used.
    mutating func putLogAside(_ error: FileError) throws(StoreError) {
        let path = "\(options.directory)/log"
        report.unreadableFiles += 1
        isLogAside = true
        logger.error(
            "the log cannot be read; it is put aside as log.damaged, rows that are only there are not in the store",
            metadata: ["error": "\(error)"]
        )
        do throws(FileError) {
            try files.rename(path, to: "\(path).damaged")
            try files.syncDirectory(options.directory)
            do throws(FileError) {
                try openAndScanLog()
            } catch {
                // A log is worth more than one that cannot be read.
                guard error.isOutOfSpace else { throw error }
                try files.remove("\(path).damaged")
                try openAndScanLog()
            }
        } catch {
            guard hasRing else { throw StoreError(error) }
            logger.error("there is no log; rows are not safe until sealed", metadata: ["error": "\(error)"])
        }
    }

    mutating func stage(_ file: any StorageFile) -> any StorageFile {
        let staged = StagedFile.join(file, options, files, flashBytes: flashBytes, logger: logger)
        isStaged = staged is StagedFile
        return staged
    }

    /// Fills the log up; one that has rows is used as it is when there is no room for more, and one that has none takes
    /// no more room than before, but for a page of zeros, which says that it was never begun.
    func fill(_ file: any StorageFile, from size: Int64, to wanted: Int64) throws(FileError) {
        do throws(FileError) {
            try LogFile.fill(file, from: size, to: wanted)
        } catch {
            guard error.isOutOfSpace, (try? LogScan.scan(file, options.encryption).pages.isEmpty) == false
            else {
                if error.isOutOfSpace { try? file.truncate(to: max(size, Int64(LogPage.size))) }
                throw error
            }
            logger.warning("no room for the whole log", metadata: ["error": "\(error)"])
        }
    }

    mutating func openLog() throws(FileError) -> any StorageFile {
        let file = try files.open("\(options.directory)/log", .create)
        let wanted = options.logFileBytes
        let size = try file.size()
        if logSize == nil { logSize = size }
        if size > wanted {
            // Made smaller when all rows are in segments, see Store.resizeLog; at once when there are none.
            let scan = try LogScan.scan(file, options.encryption)
            isLogTooLarge = !scan.pages.isEmpty
            if isLogTooLarge { return file }
            // Somebody else's file must not be cut.
            if scan.damaged > 0 {
                throw FileError(operation: "read", path: "a log", code: ErrorNumber.inputOutput)
            }
            try file.truncate(to: wanted)
            try file.syncData()
        }
        if size < wanted { try fill(file, from: size, to: wanted) }
        // Also when it exists: a process may have died between creating it and this.
        try files.syncDirectory(options.directory)
        return file
    }
}
