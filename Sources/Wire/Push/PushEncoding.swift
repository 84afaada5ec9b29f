// SPDX-License-Identifier: Apache-2.0

/// How the body of a push other than remote write is compressed.
public enum PushEncoding: Sendable, CaseIterable {
    /// Not at all.
    case identity
    /// gzip, or the zlib stream HTTP calls deflate.
    case gzip
    /// One zstd frame that declares its size.
    case zstd
    /// One snappy block.
    case snappy

    /// The encoding a `Content-Encoding` header names; nil for one that is not taken.
    ///
    /// - Parameter header: the header's value; nil and empty mean none.
    public init?(contentEncoding header: String?) {
        switch header?.lowercased() ?? "" {
        case "", "identity": self = .identity
        case "gzip", "x-gzip", "deflate": self = .gzip
        case "zstd": self = .zstd
        case "snappy": self = .snappy
        default: return nil
        }
    }
}
