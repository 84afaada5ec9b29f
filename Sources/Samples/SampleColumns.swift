// SPDX-License-Identifier: Apache-2.0
//
// The only bulk form of samples: two columns of equal length. Whoever wants samples owns the columns and hands
// them over to be filled, so that a query reuses one allocation for many series.

/// Timestamps and values of one series, in time order.
public struct SampleColumns: Sendable, Equatable {
    /// Milliseconds since 1970, strictly increasing.
    public var timestamps: [Int64]
    /// The values; same length as `timestamps`.
    ///
    /// May hold `StaleMarker.value`.
    public var values: [Double]

    /// Creates empty columns.
    public init(capacity: Int = 0) {
        timestamps = []
        values = []
        timestamps.reserveCapacity(capacity)
        values.reserveCapacity(capacity)
    }

    /// The number of samples.
    @inlinable
    public var count: Int { timestamps.count }

    /// Appends one sample; the caller keeps time order.
    @inlinable
    public mutating func append(_ timestamp: Int64, _ value: Double) {
        timestamps.append(timestamp)
        values.append(value)
    }

    /// Empties the columns and keeps their memory.
    @inlinable
    public mutating func removeAll() {
        timestamps.removeAll(keepingCapacity: true)
        values.removeAll(keepingCapacity: true)
    }

    /// Equal times and bit-identical values.
    public static func == (left: SampleColumns, right: SampleColumns) -> Bool {
        left.timestamps == right.timestamps
            && left.values.elementsEqual(right.values) { $0.bitPattern == $1.bitPattern }
    }
}

/// The NaN that says "this series ended here", as Prometheus encodes it.
///
/// Source: Prometheus `model/value`, StaleNaN. Ordinary NaN is 0x7ff8000000000001 and is a value.
public enum StaleMarker {
    /// The bits of the marker.
    public static let bits: UInt64 = 0x7ff0_0000_0000_0002
    /// The marker as a value.
    ///
    /// Copying it through arithmetic may lose it; compare with `isStale`.
    @inlinable public static var value: Double { Double(bitPattern: bits) }
}

extension Double {
    /// Whether this is the stale marker, bit for bit.
    @inlinable public var isStale: Bool { bitPattern == StaleMarker.bits }
}
