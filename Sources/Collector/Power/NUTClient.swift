// SPDX-License-Identifier: Apache-2.0
//
// One conversation with upsd: who we are, which devices there are, the variables of each, good-bye. A connection lives
// for one pass, so that nothing is left half open; a device whose driver is away costs that device only, an answer
// that cannot be trusted costs the rest of the conversation.

internal import Config
internal import Platform
internal import Samples
internal import Wire

/// What a pass learnt of one device.
struct NUTDevice: Sendable, Equatable {
    let name: String
    /// Its variables as the server has them.
    var variables: [(name: String, value: String)] = []
    /// Why there are none; nil when there are.
    var error: NUTError?

    static func == (left: NUTDevice, right: NUTDevice) -> Bool {
        left.name == right.name && left.error == right.error
            && left.variables.elementsEqual(right.variables) { $0 == $1 }
    }
}

/// Why a pass learnt nothing more.
enum NUTFailure: Error, Equatable, CustomStringConvertible {
    /// No connection, or none any more.
    case connection(ConnectionFailure)
    /// The server refused, or does not speak the protocol.
    case server(NUTError)
    /// The password cannot be read or sent.
    case credentials(String)

    /// The kind of failure, a label.
    var kind: String {
        switch self {
        case .connection: "connection"
        case .server(.refused): "refused"
        case .server: "protocol"
        case .credentials: "credentials"
        }
    }

    /// The value as text for messages.
    var description: String {
        switch self {
        case .connection(let failure): failure.description
        case .server(let error): error.description
        case .credentials(let what): what
        }
    }
}

/// What a pass learnt.
struct NUTReading {
    var devices: [NUTDevice] = []
    var failure: NUTFailure?
}

/// Talks with one upsd; blocks.
struct NUTClient {
    private static let passwordLimit = 4 << 10

    let config: NUTServerConfig
    let clock: any EdgeClock

    /// One conversation, over by the configured timeout.
    func read() -> NUTReading {
        var reading = NUTReading()
        do throws(NUTFailure) {
            try converse(&reading)
        } catch {
            reading.failure = error
        }
        return reading
    }

    private func converse(_ reading: inout NUTReading) throws(NUTFailure) {
        let wait = UInt64(max(1, config.timeout.milliseconds)) * 1_000_000
        let deadline = clock.monotonicNanoseconds() &+ wait
        let password = try password()
        let connection: TCPConnection
        do throws(ConnectionFailure) {
            connection = try TCPConnection(
                host: config.host,
                port: config.port,
                deadline: deadline,
                clock: clock
            )
        } catch {
            throw .connection(error)
        }
        var lines = NUTLines()
        if let user = config.username {
            _ = try ask("USERNAME", [user], .command, connection, &lines)
            _ = try ask("PASSWORD", [password], .command, connection, &lines)
        }
        var names = config.ups
        if names.isEmpty { names = try ask("LIST UPS", [], .devices, connection, &lines).map(\.name) }
        for name in names where !reading.devices.contains(where: { $0.name == name }) {
            var device = NUTDevice(name: name)
            do throws(NUTFailure) {
                device.variables = try ask("LIST VAR", [name], .variables(name), connection, &lines)
                    .map { ($0.name, $0.text) }
            } catch .server(.refused(let word)) {
                device.error = .refused(word)
            }
            reading.devices.append(device)
        }
        // The server may close at once; what was read is read.
        _ = try? ask("LOGOUT", [], .command, connection, &lines)
    }

    private func ask(
        _ command: String,
        _ arguments: [String],
        _ request: NUTReply.Request,
        _ connection: borrowing TCPConnection,
        _ lines: inout NUTLines
    ) throws(NUTFailure) -> [NUTReply.Entry] {
        guard let line = NUTLine.request(command, arguments) else {
            throw .credentials("\(command): a name with a control character, or too long")
        }
        var reply = NUTReply(to: request)
        do {
            try connection.send(line)
            while true {
                while let line = try lines.next() {
                    if try reply.take(line) { return reply.entries }
                }
                lines.append(try connection.receive())
            }
        } catch let error as ConnectionFailure {
            throw .connection(error)
        } catch let error as NUTError {
            throw .server(error)
        } catch {
            throw .server(.malformed("\(error)"))
        }
    }

    private func password() throws(NUTFailure) -> String {
        guard let path = config.passwordFile else { return config.password.revealed }
        do throws(FileError) {
            let bytes = try TextFile.read(path, limit: NUTClient.passwordLimit)
            return String(decoding: TextScanner.trim(bytes[...]), as: UTF8.self)
        } catch {
            throw .credentials("cannot read the password: \(error)")
        }
    }
}
