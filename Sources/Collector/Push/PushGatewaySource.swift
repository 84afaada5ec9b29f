// SPDX-License-Identifier: Apache-2.0
//
// What the gateway holds, stored every `push.gateway.interval` with the time of the pass.

internal import Platform
internal import Samples

/// Stores the gateway's groups.
final class PushGatewaySource: CollectorSource {
    let definition: SourceDefinition
    private let receiver: PushReceiver?
    private let queue = BlockingQueue(label: "edgewatch.gateway")

    init(_ definition: SourceDefinition, _ receiver: PushReceiver?) {
        self.definition = definition
        self.receiver = receiver
    }

    func pass(_ order: PassOrder) async {
        await store(at: order.time, isEnd: false)
    }

    func end(at time: Timestamp) async {
        await store(at: time, isEnd: true)
    }

    private func store(at time: Timestamp, isEnd: Bool) async {
        guard let receiver else { return }
        // The lane throws only what the work throws, which is nothing.
        try? await queue.run { receiver.storeGateway(at: time, isEnd: isEnd) }
    }
}
