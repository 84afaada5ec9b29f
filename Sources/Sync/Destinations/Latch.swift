// SPDX-License-Identifier: Apache-2.0

/// Something that happens once; one task may wait for it.
final class Latch: Sendable {
    private let stream: AsyncStream<Never>
    private let continuation: AsyncStream<Never>.Continuation

    init() {
        (stream, continuation) = AsyncStream.makeStream(of: Never.self)
    }

    /// Makes it happen; again is fine.
    func open() {
        continuation.finish()
    }

    /// Returns when it has happened, or when the task is cancelled.
    func wait() async {
        for await _ in stream {}
    }
}
