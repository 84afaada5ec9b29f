// SPDX-License-Identifier: Apache-2.0

/// What this build calls itself.
public enum Version {
    /// The release, as semantic versioning has it.
    public static let number = "0.1.0"
    /// When it was made, 2026-11-21, in milliseconds since 1970; a clock that says less is wrong.
    static let released: Int64 = 1_795_219_200_000
}
