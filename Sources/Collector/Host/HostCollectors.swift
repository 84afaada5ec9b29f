// SPDX-License-Identifier: Apache-2.0
//
// From the name of a collector to what collects. The names, and which of them run unless something is configured, are in
// Config (HostCollectorName); a name without a source does not compile.

internal import Config
internal import Platform

/// What a collector is told of the machine it looks at.
struct HostSurroundings {
    let roots: HostRoots
    /// How long a pass waits for a file system that does not answer.
    var mountTimeout = Duration.seconds(1)
    let clock: any EdgeClock
}

extension HostCollectorSettings {
    /// The collector that works by these settings.
    func source(_ host: HostSurroundings) -> any HostSource {
        switch name {
        case .accelerators: AcceleratorSource()
        case .arp: ARPSource(self)
        case .bonding: BondingSource()
        case .btrfs: BtrfsSource()
        case .conntrack: ConntrackSource()
        case .cpu: CPUSource(self)
        case .cpufreq: CPUFrequencySource()
        case .diskstats: DiskSource(self)
        case .dmi: DMISource()
        case .drm: GraphicsSource()
        case .edac: MemoryErrorSource()
        case .entropy: EntropySource()
        case .filefd: FileDescriptorSource()
        case .filesystem: FilesystemSource(self, timeout: host.mountTimeout)
        case .hwmon: HardwareMonitorSource(self, roots: host.roots)
        case .interrupts: InterruptSource(self)
        case .kernelHung: HungTaskSource()
        case .loadavg: LoadSource()
        case .mdadm: RAIDSource()
        case .meminfo: MemorySource()
        case .netclass: NetworkClassSource(self)
        case .netdev: NetworkDeviceSource(self)
        case .netstat: NetworkStatisticsSource(self)
        case .nvme: NVMeSource()
        case .os: OSReleaseSource()
        case .powersupplyclass: PowerSupplyCollector(self, roots: host.roots)
        case .pressure: PressureSource()
        case .process: OwnProcessSource()
        case .processes: ProcessesSource()
        case .rapl: EnergySource(self)
        case .schedstat: SchedulerSource()
        case .sockstat: SocketStatisticsSource()
        case .softnet: SoftnetSource()
        case .stat: StatSource(self)
        case .systemd: SystemdSource(self)
        case .tcpstat: TCPStateSource()
        case .textfile: TextfileSource(self)
        case .thermalZone: ThermalZoneSource()
        case .time: TimeSource(clock: host.clock)
        case .timex: KernelClockSource()
        case .udpQueues: UDPQueueSource()
        case .uname: UnameSource()
        case .vmstat: VirtualMemorySource(self)
        case .watchdog: WatchdogSource()
        case .xfs: XFSSource()
        }
    }
}
