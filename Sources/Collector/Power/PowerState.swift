// SPDX-License-Identifier: Apache-2.0
//
// What is known of the node's power, from whoever knows something: the kernel's power supplies, the UPSes a server of
// Network UPS Tools speaks for, and conditions of the configuration. Each claims a state for a while; the claim that
// leaves the least time counts: on a UPS, then on a battery, then on the sun, then on the grid. Nobody's claim is no
// state, never an invented one.

internal import Config
internal import Platform
internal import Samples
internal import Synchronization

/// A UPS the node lives on.
struct BackupSupply: Sendable, Equatable {
    /// Whether it runs on its battery: true for `OB` in its status, false for `OL`, nil when it says neither.
    var isOnBattery: Bool?
    /// What is left in its battery, 0…1.
    var levelRatio: Double?
    /// How long that lasts, seconds.
    var runtime: Double?
}

/// The node's power as all claims together say.
struct PowerJudgement: Sendable, Equatable {
    var source: PowerSource
    /// What is left in the battery that counts, 0…1.
    var levelRatio: Double?
    /// How long it lasts, seconds.
    var runtime: Double?
}

/// Gathers what is known of the node's power.
final class PowerState: Sendable {
    private struct Timed<Value: Sendable>: Sendable {
        var value: Value
        var expires: UInt64
    }

    private struct State {
        var supplies: Timed<PowerReading>?
        /// By configured server; one entry per server, so the configuration bounds it.
        var backups: [String: Timed<[BackupSupply]>] = [:]
        var claims: Timed<[PowerSource]>?
        var isMeasuredApart = false
    }

    private let clock: any EdgeClock
    private let state = Mutex(State())

    init(clock: any EdgeClock) {
        self.clock = clock
    }

    /// What the kernel's supplies say; nil when it has none.
    func setSupplies(_ reading: PowerReading?, for age: Duration) {
        let expires = expiry(age)
        state.withLock { $0.supplies = reading.map { Timed(value: $0, expires: expires) } }
    }

    /// What the UPSes of a server say; a failed pass says nothing and leaves what was said until it is too old.
    func setBackups(_ backups: [BackupSupply], of server: String, for age: Duration) {
        let expires = expiry(age)
        state.withLock { $0.backups[server] = Timed(value: backups, expires: expires) }
    }

    /// Forgets a server.
    func withdrawBackups(of server: String) {
        state.withLock { _ = $0.backups.removeValue(forKey: server) }
    }

    /// What the configuration's conditions say.
    func setClaims(_ claims: [PowerSource], for age: Duration) {
        let expires = expiry(age)
        state.withLock { $0.claims = Timed(value: claims, expires: expires) }
    }

    /// Whether a source of its own gives edge_power_status, so that edgewatch's own metrics need not.
    var isMeasuredApart: Bool {
        get { state.withLock { $0.isMeasuredApart } }
        set { state.withLock { $0.isMeasuredApart = newValue } }
    }

    /// The node's power now, nil when nobody says.
    var judgement: PowerJudgement? {
        let now = clock.monotonicNanoseconds()
        let state = state.withLock { $0 }
        return PowerState.judge(
            supplies: state.supplies.flatMap { $0.expires > now ? $0.value : nil },
            backups: state.backups.values.filter { $0.expires > now }.flatMap(\.value),
            claims: state.claims.flatMap { $0.expires > now ? $0.value : nil } ?? []
        )
    }

    /// Judges by what is known.
    static func judge(
        supplies: PowerReading?,
        backups: [BackupSupply],
        claims: [PowerSource]
    ) -> PowerJudgement? {
        var claimed = Set(claims)
        if let supplies { claimed.insert(supplies.source) }
        for backup in backups {
            if let isOnBattery = backup.isOnBattery { claimed.insert(isOnBattery ? .ups : .grid) }
        }
        let order: [PowerSource] = [.ups, .battery, .solar, .grid]
        guard let source = order.first(where: claimed.contains) else { return nil }
        // The battery that is being emptied counts, and of several the weakest.
        let emptying = backups.filter { $0.isOnBattery == true }
        let level =
            emptying.compactMap(\.levelRatio).min() ?? supplies?.levelRatio
            ?? backups.compactMap(\.levelRatio).min()
        let runtime = (emptying.isEmpty ? backups : emptying).compactMap(\.runtime).min()
        return PowerJudgement(source: source, levelRatio: level, runtime: runtime)
    }

    private func expiry(_ age: Duration) -> UInt64 {
        clock.monotonicNanoseconds() &+ UInt64(max(0, age.milliseconds)) &* 1_000_000
    }
}
