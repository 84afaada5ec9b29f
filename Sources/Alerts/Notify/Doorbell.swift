// SPDX-License-Identifier: Apache-2.0

/// Wakes one waiting task; rings while it is busy run together.
struct Doorbell: Sendable {
    /// What the waiting task iterates; ends when the task is cancelled or `close` is called.
    let rings: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    init() {
        (rings, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    func ring() { continuation.yield() }

    func close() { continuation.finish() }
}
