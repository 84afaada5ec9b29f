// SPDX-License-Identifier: Apache-2.0
//
// What a stream counts in. A stream that ships rows as they were stored counts commit positions of the log; one that
// ships windows of time counts windows since 1970. Everything a stream still owes is a set of ranges of that number.

/// What a stream counts in.
enum OrdinalKind: Sendable, Hashable {
    /// Commit positions.
    case rows
    /// Windows of this length; number k is the time after k lengths up to and including k + 1 lengths since 1970.
    case windows(Duration)
}

/// How the ordinals of a range become samples.
enum OrdinalMode: Sendable, Hashable {
    /// Rows as stored.
    case rows
    /// The rule's filters over windows of this length.
    case windows(Duration)
    /// The store's aggregates of this resolution, where samples have left the ring.
    case tier(Duration)
    /// The series that says at which resolution samples were shipped.
    case resolution
}

/// Some ordinals a stream still owes.
struct OrdinalRange: Sendable, Hashable {
    /// Which; `.max` as the upper bound is an end that is still open.
    var ordinals: Range<UInt64>
    /// How they become samples.
    var mode = OrdinalMode.rows
    /// The times around the range's samples as far as they are known, in milliseconds: what aging needs when the
    /// samples have gone.
    var times: ClosedRange<Int64>?

    /// Whether new ordinals join the range by themselves.
    var isOpen: Bool { ordinals.upperBound == .max }
}
