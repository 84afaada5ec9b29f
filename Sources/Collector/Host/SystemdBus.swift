// SPDX-License-Identifier: Apache-2.0

internal import CSystemd
internal import Glibc

/// A connection to systemd, closed with the value.
///
/// For one thread at a time.
final class SystemdBus {
    /// A unit as systemd lists it.
    struct Unit {
        let name: String
        let isLoaded: Bool
        let activeState: String
        let path: String
    }

    /// Each call may take so long; a call that fails ends the pass.
    private static let timeoutMicroseconds: UInt64 = 5_000_000
    /// A gateway has some hundred units.
    static let unitLimit = 4096

    private let connection: OpaquePointer

    /// Connects to the system bus, or to one at an address.
    init(address: String? = nil) throws(HostFailure) {
        var opened: OpaquePointer?
        let code =
            if let address {
                ew_systemd_open(address, SystemdBus.timeoutMicroseconds, &opened)
            } else {
                ew_systemd_open(nil, SystemdBus.timeoutMicroseconds, &opened)
            }
        // No library, no bus: this machine is run by something else.
        if [-ENOSYS, -ENOENT, -ECONNREFUSED, -ENOMEDIUM].contains(code) { throw .absent }
        guard code >= 0, let opened else { throw .unreadable("the system bus", -code) }
        connection = opened
    }

    deinit {
        ew_systemd_close(connection)
    }

    /// Every unit systemd knows.
    func units() throws(HostFailure) -> [Unit] {
        final class Found { var units: [Unit] = [] }
        let found = Found()
        let code = withExtendedLifetime(found) {
            ew_systemd_units(
                connection,
                SystemdBus.unitLimit,
                Unmanaged.passUnretained(found).toOpaque()
            ) { context, name, load, active, path in
                guard let context, let name, let load, let active, let path else { return }
                let unit = Unit(
                    name: String(cString: name),
                    isLoaded: strcmp(load, "loaded") == 0,
                    activeState: String(cString: active),
                    path: String(cString: path)
                )
                Unmanaged<Found>.fromOpaque(context).takeUnretainedValue().units.append(unit)
            }
        }
        try SystemdBus.check(code)
        return found.units
    }

    /// A text of systemd itself, or of a unit of a kind (`Service`).
    func text(_ property: String, of path: String = "", _ kind: String = "") throws(HostFailure) -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        try SystemdBus.check(ew_systemd_text(connection, path, kind, property, &buffer, buffer.count))
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// A number of a unit of a kind, 32 bits wide or 64; nil where this systemd does not know it.
    func number(
        _ property: String,
        of path: String,
        _ kind: String,
        isWide: Bool
    ) throws(HostFailure) -> UInt64? {
        var value: UInt64 = 0
        let type = CChar(UInt8(ascii: isWide ? "t" : "u"))
        let code = ew_systemd_number(connection, path, kind, property, type, &value)
        if SystemdBus.isUnknown(code) { return nil }
        try SystemdBus.check(code)
        return value
    }

    /// Whether systemd answered that it does not have what was asked for: an older one, or a unit gone meanwhile.
    private static func isUnknown(_ code: Int32) -> Bool {
        [-EBADR, -ENOENT, -ENXIO, -EINVAL, -EOPNOTSUPP].contains(code)
    }

    private static func check(_ code: Int32) throws(HostFailure) {
        if code < 0 { throw .unreadable("systemd", -code) }
    }
}
