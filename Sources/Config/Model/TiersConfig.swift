// SPDX-License-Identifier: Apache-2.0

/// What is kept of samples when they go: rows of five minutes and of an hour.
public struct TiersConfig: Sendable, Equatable {
    /// One tier.
    public struct Tier: Sendable, Equatable {
        /// What a row stands for.
        public var resolution: Duration
        /// Rows older than this are not served; nil serves all the tier's ring still holds.
        public var retention: Duration?
        /// Bytes of the tier's ring.
        public var size: Int64

        /// Creates a tier.
        public init(resolution: Duration, retention: Duration? = nil, size: Int64) {
            self.resolution = resolution
            self.retention = retention
            self.size = size
        }
    }

    /// Rows of five minutes; nil keeps none.
    public var warm: Tier?
    /// Rows of an hour; nil keeps none.
    public var cold: Tier?

    /// The files each ring is cut into.
    public static let files = 4
    /// The smallest ring: files of 1 MiB.
    public static let smallestSize = Int64(files) << 20

    /// Creates the defaults for a ring of samples of this size: no warm tier, a cold one of an eighth of the size.
    public init(ringSize: Int64) {
        cold = Tier(resolution: .seconds(3600), size: TiersConfig.coldSize(ringSize))
    }

    /// The size of a warm ring beside a ring of samples of a size: half of it, because five minutes of rows take about
    /// half the bytes of their samples.
    public static func warmSize(_ ringSize: Int64) -> Int64 { max(smallestSize, ringSize / 2) }

    /// The size of a cold ring: an eighth, which holds the trends of more than twice the time.
    public static func coldSize(_ ringSize: Int64) -> Int64 { max(smallestSize, ringSize / 8) }
}
