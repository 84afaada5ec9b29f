// SPDX-License-Identifier: Apache-2.0
//
// The key of a store. Nothing is encrypted with it directly: every process and every segment derives a key of its own
// from it and a random salt, so a nonce can be a mere place and never repeats under one key.

internal import Crypto

/// The 256-bit key that encrypts a store's files.
///
/// It never shows in descriptions; `fingerprint` names it and says nothing about it.
public struct StoreKey: Sendable, Equatable, CustomStringConvertible {
    /// Why a text is no key; never quotes the text.
    public struct FormatError: Error, Equatable, CustomStringConvertible {
        /// What was found instead.
        public let found: String

        /// What was found, what is expected and how to make one.
        public var description: String {
            "no key: \(found); expected are 64 hexadecimal digits, base64 of 32 bytes or exactly 32 bytes, "
                + "as `openssl rand -hex 32` makes them"
        }
    }

    /// Bytes of the name of a key.
    static let fingerprintBytes = 8
    static let byteCount = 32

    private let material: SymmetricKey
    /// The name of the key in files and messages: derived from it one way.
    public let fingerprint: [UInt8]

    /// The key that consists of these 32 bytes; nil for another number of them.
    public init?(bytes: [UInt8]) {
        guard bytes.count == StoreKey.byteCount else { return nil }
        material = SymmetricKey(data: bytes)
        let name = HKDF<SHA256>.deriveKey(
            inputKeyMaterial: material,
            info: Array("edgewatch fingerprint".utf8),
            outputByteCount: StoreKey.fingerprintBytes
        )
        fingerprint = unsafe name.withUnsafeBytes { unsafe [UInt8]($0) }
    }

    /// Reads what a key file or an environment variable holds.
    ///
    /// - Parameter contents: 64 hexadecimal digits or base64 of 32 bytes, with or without a line end, or the 32 bytes
    ///   themselves.
    /// - Throws: `FormatError` for anything else.
    public init(contents: [UInt8]) throws(FormatError) {
        guard let bytes = StoreKey.decode(contents), let key = StoreKey(bytes: bytes) else {
            throw FormatError(found: contents.isEmpty ? "nothing" : "\(contents.count) bytes of another form")
        }
        self = key
    }

    /// The fingerprint in hexadecimal digits.
    public var description: String { StoreKey.hexadecimal(fingerprint) }

    /// Whether both are the same key.
    public static func == (left: StoreKey, right: StoreKey) -> Bool { left.material == right.material }

    /// A key for one purpose and salt.
    func derived(_ purpose: String, salt: [UInt8]) -> SymmetricKey {
        HKDF<SHA256>.deriveKey(
            inputKeyMaterial: material,
            salt: salt,
            info: Array(purpose.utf8),
            outputByteCount: StoreKey.byteCount
        )
    }

    static func hexadecimal(_ bytes: [UInt8]) -> String {
        bytes.reduce(into: "") { text, byte in
            text += String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
        }
    }

    // MARK: - Forms

    private static func decode(_ contents: [UInt8]) -> [UInt8]? {
        // 32 hexadecimal digits are half a key in text, not a key in bytes.
        if contents.count == byteCount {
            return contents.allSatisfy { digit($0, hexadecimalDigits) != nil } ? nil : contents
        }
        let isSpace = { (byte: UInt8) in byte == 0x20 || (9...13).contains(byte) }
        var text = contents[...]
        while let last = text.last, isSpace(last) { text.removeLast() }
        while let first = text.first, isSpace(first) { text.removeFirst() }
        if text.count == 2 * byteCount { return bytes(of: text, hexadecimalDigits, bits: 4) }
        while text.last == UInt8(ascii: "="), text.count > 43 { text.removeLast() }
        return text.count == 43 ? bytes(of: text, base64Digits, bits: 6) : nil
    }

    private static let hexadecimalDigits = Array("0123456789abcdef".utf8)
    private static let base64Digits = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8
    )

    private static func digit(_ byte: UInt8, _ digits: [UInt8]) -> UInt32? {
        let isUpper = digits.count == 16 && (UInt8(ascii: "A")...UInt8(ascii: "F")).contains(byte)
        return digits.firstIndex(of: isUpper ? byte | 0x20 : byte).map { UInt32($0) }
    }

    /// The whole bytes that digits of so many bits make; nil when one is no digit or bits that are left are not zero.
    private static func bytes(of text: ArraySlice<UInt8>, _ digits: [UInt8], bits: UInt32) -> [UInt8]? {
        var out: [UInt8] = []
        var (held, count): (UInt32, UInt32) = (0, 0)
        for byte in text {
            guard let digit = digit(byte, digits) else { return nil }
            held = held << bits | digit
            count += bits
            guard count >= 8 else { continue }
            count -= 8
            out.append(UInt8(truncatingIfNeeded: held >> count))
            held &= (1 << count) - 1
        }
        return held == 0 ? out : nil
    }
}
