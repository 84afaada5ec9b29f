// SPDX-License-Identifier: Apache-2.0
//
// Passes of a source that waits for the kernel or the network: one after the other, on a thread of their own, so that they keep
// no thread of the pool.

internal import Platform
internal import Synchronization

/// What a source works with in a pass: at least the buffer its values are gathered in.
protocol PassState: SendableMetatype {
    /// The pass under way, or the last one.
    var buffer: PassBuffer { get }
}

/// A source's lane, with what only its passes touch.
final class PassLane<State: PassState>: Sendable {
    private let queue: BlockingQueue
    private let tally: PassTally
    private let state: Mutex<State>

    /// Makes a lane; `tally` counts its passes.
    init(_ label: String, tally: PassTally, state: sending State) {
        queue = BlockingQueue(label: label)
        self.tally = tally
        self.state = Mutex(state)
    }

    /// Runs a pass, or the end of its series; what the store refuses is counted.
    func run(_ work: @escaping @Sendable (inout State) throws -> Void) async {
        do {
            try await queue.run { [self] in
                try state.withLock { state in
                    try work(&state)
                    tally.add(state.buffer.statistics)
                }
            }
        } catch {
            tally.storeFailures.add()
        }
    }
}
