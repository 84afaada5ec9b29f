// SPDX-License-Identifier: Apache-2.0
//
// A connected socket for a short conversation with a server whose address is in digits: a question by UDP, or by TCP.
// Everything blocks up to a time, so it belongs on a lane. A connected UDP socket takes datagrams from that server only,
// and the kernel picks the port at random.

internal import CPlatform
internal import Glibc

/// A socket connected to one server.
public struct QuerySocket: ~Copyable {
    private let descriptor: Int32
    private let place: String

    /// Connects.
    ///
    /// - Parameters:
    ///   - host: an IPv4 or IPv6 address.
    ///   - port: the server's port.
    ///   - isStream: TCP rather than UDP.
    ///   - timeout: for the connection.
    /// - Throws: `FileError` as the system words it.
    public init(host: String, port: Int, isStream: Bool, timeout: Duration) throws(FileError) {
        place = "\(host), port \(port)"
        descriptor = unsafe host.withCString {
            unsafe ew_dial($0, Int32(clamping: port), isStream ? 1 : 0, QuerySocket.milliseconds(timeout))
        }
        guard descriptor >= 0 else { throw FileError(operation: "connect", path: place, code: errno) }
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    /// Sends all bytes; by UDP as one datagram.
    ///
    /// - Throws: `FileError` as the system words it.
    public func send(_ bytes: [UInt8], timeout: Duration) throws(FileError) {
        let code = unsafe bytes.withUnsafeBytes {
            unsafe ew_send(descriptor, $0.baseAddress, $0.count, QuerySocket.milliseconds(timeout))
        }
        guard code == 0 else { throw FileError(operation: "send to", path: place, code: errno) }
    }

    /// Waits for a datagram, or for some bytes of a stream.
    ///
    /// - Parameters:
    ///   - room: the most bytes taken; the rest of a longer datagram is lost.
    ///   - timeout: how long to wait.
    /// - Returns: the bytes; none at the end of a stream.
    /// - Throws: `FileError` as the system words it, with ETIMEDOUT when nothing came.
    public func receive(_ room: Int, timeout: Duration) throws(FileError) -> [UInt8] {
        var code = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
            let got = unsafe ew_receive(
                descriptor,
                buffer.baseAddress,
                buffer.count,
                QuerySocket.milliseconds(timeout)
            )
            code = got < 0 ? Int(errno) : 0
            count = max(0, Int(got))
        }
        guard code == 0 else {
            throw FileError(operation: "receive from", path: place, code: Int32(clamping: code))
        }
        return bytes
    }

    private static func milliseconds(_ duration: Duration) -> Int32 {
        let parts = duration.components
        let milliseconds = parts.seconds.multipliedReportingOverflow(by: 1000)
        guard !milliseconds.overflow else { return .max }
        return max(1, Int32(clamping: milliseconds.partialValue &+ parts.attoseconds / 1_000_000_000_000_000))
    }
}
