// SPDX-License-Identifier: Apache-2.0

/// Says how much of a body may go out now.
public protocol BytePacing: Sendable {
    /// Takes bytes of the rate.
    ///
    /// Called on the client's one thread, so it may not block.
    ///
    /// - Parameter wanted: what the connection could take, more than 0.
    /// - Returns: how many may go, at most `wanted`; 0 pauses the body, and it is asked again within 50 ms.
    func take(_ wanted: Int) -> Int
}
