// SPDX-License-Identifier: Apache-2.0

/// What this build calls itself.
public enum Version {
    /// The release, as semantic versioning has it.
    public static let number = "0.1.0"
}
