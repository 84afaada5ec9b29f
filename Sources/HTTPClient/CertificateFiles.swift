// SPDX-License-Identifier: Apache-2.0
//
// Certificates that are renewed in place. libcurl tells connections apart by the names of the files, not by what is in
// them, so a kept connection would go on with a certificate that has been replaced, and a store of trusted ones for five
// minutes. Each request says since when its files are as they are; what is older than that is not used again.
//
// Only the monotonic clock counts: a file's own time says that it changed, not when.

internal import Glibc

struct CertificateFiles {
    /// Files looked after; more (hundreds of scrape jobs with their own) begin anew.
    private static let limit = 256

    private struct Identity: Equatable {
        var device: UInt64
        var inode: UInt64
        var seconds: Int
        var nanoseconds: Int
    }

    private struct Known {
        var identity: Identity?
        /// When a change was seen; nil for none.
        var changed: ContinuousClock.Instant?
    }

    private var files: [String: Known] = [:]

    /// How long the files of a request have been as they are; nil when no change of them was seen.
    mutating func age(of request: HTTPClientRequest, now: ContinuousClock.Instant) -> Duration? {
        var newest: ContinuousClock.Instant?
        for path in [request.caFile, request.certFile, request.keyFile] {
            guard let path else { continue }
            let identity = Self.identity(of: path)
            if let known = files[path] {
                if known.identity != identity { files[path] = Known(identity: identity, changed: now) }
            } else {
                if files.count >= Self.limit { files.removeAll() }
                files[path] = Known(identity: identity, changed: nil)
            }
            if let changed = files[path]?.changed { newest = max(newest ?? changed, changed) }
        }
        return newest.map { $0.duration(to: now) }
    }

    private static func identity(of path: String) -> Identity? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return Identity(
            device: UInt64(status.st_dev),
            inode: UInt64(status.st_ino),
            seconds: status.st_mtim.tv_sec,
            nanoseconds: status.st_mtim.tv_nsec
        )
    }
}
