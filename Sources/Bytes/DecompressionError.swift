// SPDX-License-Identifier: Apache-2.0

/// Why compressed bytes were not decompressed.
public enum DecompressionError: Error, Sendable, Equatable {
    /// They are not what their format says.
    case damaged
    /// They would decode to more than the caller takes.
    case tooLarge
}

extension [UInt8] {
    /// Makes a buffer at least this long, in whole steps so that it is seldom done; the contents are not kept.
    mutating func grow(to size: Int) {
        guard count < size else { return }
        let step = 64 << 10
        // Freed first, so that the old and the new buffer are not held together.
        self = []
        self = [UInt8](repeating: 0, count: (size + step - 1) / step * step)
    }
}
