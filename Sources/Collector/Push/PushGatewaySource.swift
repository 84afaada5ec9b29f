// SPDX-License-Identifier: Apache-2.0
//
// What the gateway holds, stored every `push.gateway.interval` with the time of the pass.

internal import Logging
internal import Platform
internal import Samples
internal import Synchronization

/// Stores the gateway's groups.
final class PushGatewaySource: CollectorSource {
    let definition: SourceDefinition
    private let receiver: PushReceiver?
    private let logger: Logger
    /// Whether the last pass stored all of it.
    private let isWhole = Mutex(true)
    private let queue = BlockingQueue(label: "edgewatch.gateway")

    init(_ definition: SourceDefinition, _ receiver: PushReceiver?, logger: Logger) {
        self.definition = definition
        self.receiver = receiver
        self.logger = logger
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
        guard let reasons = try? await queue.runToEnd({ receiver.storeGateway(at: time, isEnd: isEnd) })
        else {
            return
        }
        let wasWhole = isWhole.withLock { isWhole in
            defer { isWhole = reasons.isEmpty }
            return isWhole
        }
        if wasWhole, !reasons.isEmpty {
            logger.warning(
                "Not all that is held by the push gateway is stored",
                metadata: ["reasons": "\(reasons.joined(separator: "; "))"]
            )
        } else if !wasWhole, reasons.isEmpty {
            logger.notice("All that is held by the push gateway is stored again")
        }
    }
}
