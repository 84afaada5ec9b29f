// SPDX-License-Identifier: Apache-2.0
//
// AES-256-GCM as the store uses it: ciphertext of the plaintext's length and 16 bytes of tag behind it, the nonce
// being the place of the piece. A key is of one process' log or of one envelope, and a place is written once under it:
// that is what keeps a nonce from being used twice (docs/decisions/0013).

internal import Crypto

/// A derived key.
struct SealingKey: Sendable {
    /// Bytes that a sealed piece is longer than a plain one.
    static let tagBytes = 16
    static let saltBytes = 16

    private static let nonceBytes = 12
    private let key: SymmetricKey

    init(_ key: SymmetricKey) {
        self.key = key
    }

    /// A salt that no other process and no other envelope has.
    static func salt() -> [UInt8] {
        var random = SystemRandomNumberGenerator()
        return (0..<saltBytes).map { _ in UInt8.random(in: 0...255, using: &random) }
    }

    /// Appends the sealed form of a piece.
    func seal(_ plain: ArraySlice<UInt8>, at place: (UInt64, UInt32), to out: inout [UInt8]) {
        // Keys and nonces have the lengths of AES-256-GCM, and nothing else is refused.
        guard let nonce = try? AES.GCM.Nonce(data: SealingKey.nonce(place)),
            let box = try? AES.GCM.seal(plain, using: key, nonce: nonce), let sealed = box.combined
        else { preconditionFailure("BUG: AES-256-GCM refused a key of 32 bytes and a nonce of 12") }
        out.append(contentsOf: sealed.dropFirst(SealingKey.nonceBytes))
    }

    /// Appends the plaintext of a sealed piece; false when it is not what was sealed at this place.
    func open(_ sealed: ArraySlice<UInt8>, at place: (UInt64, UInt32), to out: inout [UInt8]) -> Bool {
        guard sealed.count >= SealingKey.tagBytes,
            let nonce = try? AES.GCM.Nonce(data: SealingKey.nonce(place)),
            let box = try? AES.GCM.SealedBox(
                nonce: nonce,
                ciphertext: sealed.dropLast(SealingKey.tagBytes),
                tag: sealed.suffix(SealingKey.tagBytes)
            ),
            let plain = try? AES.GCM.open(box, using: key)
        else { return false }
        out.append(contentsOf: plain)
        return true
    }

    private static func nonce(_ place: (UInt64, UInt32)) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(nonceBytes)
        for shift in stride(from: 0, to: 64, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: place.0 >> shift))
        }
        for shift in stride(from: 0, to: 32, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: place.1 >> shift))
        }
        return bytes
    }
}
