// SPDX-License-Identifier: Apache-2.0

public import Samples

/// What `--web.enable-admin-api` lets a client do to the store.
///
/// Offered by the daemon; every call may take as long as the disk does.
public protocol StoreAdministration: Sendable {
    /// Hides the samples within the range, both ends included, of series that satisfy all matchers of a set; those
    /// written later are not affected.
    func deleteSeries(
        _ matcherSets: [[LabelMatcher]],
        from: Timestamp,
        through: Timestamp
    ) async throws(AdministrationError)
    /// Forgets deletions of what the store no longer has.
    func cleanTombstones() async throws(AdministrationError)
    /// Copies the store into the directory `snapshots` beside it.
    ///
    /// - Parameter skipsHead: leaves out what is only in memory and in the log.
    /// - Returns: the copy's name.
    /// - Throws: why there is none.
    func snapshot(skipsHead: Bool) async throws(AdministrationError) -> String
}

/// Why a change of the store was not made.
public struct AdministrationError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The reason, for the client.
    public let description: String

    /// Creates an error.
    public init(_ description: String) {
        self.description = description
    }
}
