// SPDX-License-Identifier: Apache-2.0
//
// POST /api/v1/read: raw samples for another Prometheus, Thanos, or whoever speaks remote read 1.0. The streamed form is
// made while it is sent and takes the memory of one series; the other is one snappy block, of which only compressed
// pieces are held, and is bounded in samples. Two threads of their own make those, so no more than two exist at once; a
// few more readers wait.

internal import Bytes
internal import HTTPTypes
internal import HummingbirdCore
internal import NIOCore
internal import Platform
internal import Samples
internal import Synchronization
internal import Wire

/// Answers remote reads.
struct RemoteReadEndpoint: Sendable {
    /// Bytes of a compressed request; one is a few matchers.
    private static let bodyLimit = 1 << 20
    /// Bytes of a request.
    private static let messageLimit = 4 << 20
    /// Readers waiting for a thread; Prometheus lets ten read at once.
    private static let waitingLimit = 10

    private let services: APIServices
    private let lanes = Lanes()

    init(services: APIServices) {
        self.services = services
    }

    /// Two threads and who waits for them.
    private final class Lanes: Sendable {
        private let queues = [
            BlockingQueue(label: "edgewatch.read.0"), BlockingQueue(label: "edgewatch.read.1"),
        ]
        private let load = Mutex([0, 0])

        /// Runs work on the thread with the least to do; nil when too many wait.
        func run<Result: Sendable>(_ work: @escaping @Sendable () -> Result) async -> Result? {
            let lane: Int? = load.withLock { load in
                guard load[0] + load[1] < queues.count + waitingLimit else { return nil }
                let lane = load[0] <= load[1] ? 0 : 1
                load[lane] += 1
                return lane
            }
            guard let lane else { return nil }
            defer { load.withLock { $0[lane] -= 1 } }
            return try? await queues[lane].runToEnd(work)
        }
    }

    /// Answers one request.
    func reply(to request: Request, on channel: any Channel) async -> Reply {
        request.askForBody(on: channel)
        var body: [UInt8] = []
        let watch = BodyWatch(channel)
        defer { watch.end() }
        do {
            for try await chunk in request.body {
                watch.received(chunk.readableBytes)
                guard body.count + chunk.readableBytes <= RemoteReadEndpoint.bodyLimit else {
                    return .text(
                        "request body is larger than \(RemoteReadEndpoint.bodyLimit) bytes\n",
                        status: 413
                    )
                }
                body.append(contentsOf: chunk.readableBytesView)
            }
        } catch {
            let failure = BodyFailure(error)
            return .text(failure.words + "\n", status: failure.status)
        }
        let read: RemoteReadRequest
        do throws(RemoteWriteError) {
            read = try RemoteReadEndpoint.decode(body)
        } catch {
            return .text(error.description + "\n", status: 400)
        }
        switch RemoteReadEndpoint.responseType(read) {
        case .samples?:
            let reading = RemoteReading(services)
            guard let reply = await lanes.run({ reading.samples(read) }) else {
                var reply = Reply.text("too many remote reads are waiting\n", status: 503)
                reply.headers = [("Retry-After", "5")]
                return reply
            }
            return reply
        case .streamedChunks?: return RemoteReading(services).stream(read)
        case nil:
            return .text(
                "server does not support any of the requested response types: "
                    + "\(read.acceptedTypes); supported: map[SAMPLES:{} STREAMED_XOR_CHUNKS:{}]\n",
                status: 400
            )
        }
    }

    private static func decode(_ body: [UInt8]) throws(RemoteWriteError) -> RemoteReadRequest {
        let message: [UInt8]
        do {
            message = try Snappy.decompress(body, limit: messageLimit)
        } catch {
            throw .notCompressed("\(error)")
        }
        return try RemoteReadRequest(message.span)
    }

    /// The first form the reader names that exists here; the plain one when it names none.
    private static func responseType(_ request: RemoteReadRequest) -> RemoteReadRequest.ResponseType? {
        guard !request.acceptedTypes.isEmpty else { return .samples }
        return request.acceptedTypes.lazy.compactMap(RemoteReadRequest.ResponseType.init).first
    }
}
