// SPDX-License-Identifier: Apache-2.0
//
// The listener: Hummingbird's server without its router, on two event-loop threads of its own. They read requests and
// write replies; what is quick is answered there too, everything else elsewhere (`Endpoint.place`).

internal import HTTPTypes
internal import HummingbirdCore
public import Logging
internal import NIOCore
internal import NIOPosix
internal import Platform
public import ServiceLifecycle

/// Serves the API and the page.
public struct HTTPServer: Service {
    /// Bytes move on these two threads, enough for both cores of a small gateway.
    ///
    /// They live as long as the process: connections may still be closing when the server has ended.
    private static let eventLoops = MultiThreadedEventLoopGroup(numberOfThreads: 2)
    /// Connections at once, Prometheus' `--web.max-connections`; more wait in the listen queue.
    private static let connectionLimit = 512
    /// Descriptors that connections leave to files, collectors and destinations.
    private static let reservedDescriptors = 192

    /// Connections that cannot use up the descriptors; at least a few, whatever the limit.
    private static func connections(within descriptors: Int) -> Int {
        min(connectionLimit, max(8, descriptors - reservedDescriptors))
    }

    /// A connection without a request for this long is closed, Prometheus' `--web.read-timeout`.
    private static let idleTimeout = TimeAmount.minutes(5)
    /// All headers of a request together.
    private static let headerLimit = 64 << 10

    private let address: ListenAddress
    private let dispatcher: Dispatcher
    private let clock: @Sendable () -> Int64
    private let logger: Logger
    private let onListening: @Sendable (ListenAddress) async -> Void

    /// Creates a server that does not listen yet, and adds the process to the metrics it will serve.
    ///
    /// - Parameters:
    ///   - address: where to listen.
    ///   - services: what to serve.
    ///   - logger: for the few things an operator wants to know.
    ///   - onListening: called once connections are accepted, with the port the system chose when it was 0.
    public init(
        address: ListenAddress,
        services: APIServices,
        logger: Logger,
        onListening: @escaping @Sendable (ListenAddress) async -> Void = { _ in }
    ) {
        self.address = address
        dispatcher = Dispatcher(services: services)
        ProcessStatistics.register(in: services.telemetry, startTime: services.node.startTime)
        EngineMetrics.register(in: services.telemetry, services.engine)
        clock = { services.clock.wallMilliseconds() / 1000 }
        self.logger = logger
        self.onListening = onListening
    }

    /// Listens until graceful shutdown, which lets running requests finish.
    ///
    /// - Throws: `ListenError` when the address cannot be had.
    public func run() async throws {
        do {
            try await listen()
        } catch {
            throw refined(error)
        }
    }

    private func listen() async throws {
        // The server's own lines at `info` would repeat what the daemon says.
        var logger = logger
        logger.logLevel = max(logger.logLevel, .notice)
        let configuration = HTTP1Channel.Configuration(
            additionalChannelHandlers: [DisconnectWatcher()],
            idleTimeout: HTTPServer.idleTimeout,
            httpDecoderConfiguration: .init(
                maxHeaderFieldSize: HTTPServer.headerLimit,
                maxHeaderListSize: HTTPServer.headerLimit,
                maxHeaderFieldCount: 256
            )
        )
        let (dispatcher, clock, onListening, address) = (dispatcher, clock, onListening, address)
        let builder = HTTPServerBuilder { responder in
            LoopChannel(HTTP1Channel(responder: responder, configuration: configuration))
        }
        let server = try builder.buildServer(
            configuration: ServerConfiguration(
                address: .hostname(address.host, port: address.port),
                availableConnectionsDelegate: MaximumAvailableConnections(
                    HTTPServer.connections(within: DescriptorLimit.raise()),
                    logger: logger
                )
            ),
            eventLoopGroup: HTTPServer.eventLoops,
            logger: logger
        ) { request, writer, channel in
            let reply = await dispatcher.reply(to: request, on: channel)
            try await ReplyWriter.write(reply, isHead: request.method == .head, at: clock(), writer)
        } onServerRunning: { channel in
            await onListening(
                ListenAddress(host: address.host, port: channel.localAddress?.port ?? address.port)
            )
        }
        try await server.run()
    }

    /// The reason in words an operator can act on.
    private func refined(_ error: any Error) -> any Error {
        switch error {
        case let error as IOError:
            ListenError(address: address, reason: ListenError.words(error.errnoCode))
        case let error as SocketAddressError.UnknownHost:
            ListenError(address: address, reason: "the name \(error.host) has no address")
        case let error as SocketAddressError:
            ListenError(address: address, reason: "\(error)")
        default: error
        }
    }
}
