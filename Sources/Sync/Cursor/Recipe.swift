// SPDX-License-Identifier: Apache-2.0
//
// A batch as it is kept before it is sent: not its bytes, but what makes them again. Recipe and store together give
// the same bytes, which the checksum proves; so a batch whose fate a kill left open is repeated exactly.

internal import Samples

/// The series of a batch: those whose labels are at or after one bound and before the other.
///
/// Bounds are labels and not indices, because another reading may find other series between them.
struct LabelBounds: Sendable, Hashable {
    /// The first series; nil begins with the first of all.
    var lower: Labels?
    /// The first series beyond; nil ends with the last of all.
    var upper: Labels?

    /// All series.
    static let all = LabelBounds()

    func contains(_ labels: Labels) -> Bool {
        if let lower, labels < lower { return false }
        if let upper, labels >= upper { return false }
        return true
    }
}

/// What a frozen batch is made of.
struct Recipe: Sendable, Equatable {
    /// Where it waits.
    var lane = Lane.fresh
    /// Its number within the stream, ascending and never given twice.
    var number: UInt64
    /// How its ordinals become samples.
    var mode = OrdinalMode.rows
    /// Which ordinals it settles.
    var ordinals: Range<UInt64>
    /// Rows at or after this commit position do not exist for it.
    var before: UInt64
    /// Nor do rows before this one.
    var from: UInt64 = 0
    /// Samples before this time, in milliseconds, are left out; nil leaves none out for their age.
    var oldest: Int64?
    /// Which series.
    var labels = LabelBounds.all
    /// The message its body is.
    var message = MessageKind.v1
    /// How the body is compressed.
    var encoding = BodyEncoding.snappy
    /// Of everything configured that decides the bytes.
    var fingerprint: UInt64 = 0
    /// CRC32C of the body as it was made first.
    var crc: UInt32 = 0
    /// Attempts begun.
    var attempts = 0
    /// Whether the receiver may have pieces of it, also torn rows: it came out different when it was made again.
    var isAmbiguous = false
    /// Whether the body itself is kept too.
    var isSpilled = false
    /// What a division has come to; nil while the batch is whole.
    var progress: PartProgress?
}

/// How far the division of a batch has come.
struct PartProgress: Sendable, Equatable {
    /// The parts neither accepted nor given up, the next one last.
    var left: [Part]
    /// Parts accepted so far.
    var accepted = 0
    /// Parts rejected so far.
    var rejections = 0
    /// Parts from here on were sent, whole or as part of a larger one, by an attempt that ended without an answer: the
    /// receiver may have them.
    ///
    /// Nil when there is none.
    var ambiguousFrom: Int?
    /// Whether the oldest and the newest row go first, alone.
    var isProbing = false
    /// Whether ambiguous rows go one by one, the oldest first.
    var isScanning = false
}
