// SPDX-License-Identifier: Apache-2.0
//
// What the kernel counts of protocols, sockets, connections, and of itself: every series and value.

import Config
import Samples
import Testing

@testable import Collector

@Suite struct HostNetworkStatisticsTests {
    private let netstat: [String: String] = [
        "proc/net/netstat": """
        TcpExt: SyncookiesSent ListenOverflows TCPTimeouts PruneCalled
        TcpExt: 1 2 3 4
        IpExt: InNoRoutes InOctets OutOctets
        IpExt: 5 6 7

        """,
        "proc/net/snmp": """
        Ip: Forwarding DefaultTTL
        Ip: 1 64
        Tcp: RtoAlgorithm MaxConn CurrEstab InErrs
        Tcp: 1 -1 8 9

        """,
        "proc/net/snmp6": "Ip6InReceives 1\nIp6InOctets 10\nUdp6InDatagrams\t11\nnonsense 4\nUdp6NoPorts x\n",
    ]

    @Test func protocolCountersAreThoseOfThePattern() throws {
        let fixture = try HostFixture(netstat)
        var source = NetworkStatisticsSource()
        let wanted: [String: Double] = [
            "node_netstat_TcpExt_SyncookiesSent": 1, "node_netstat_TcpExt_ListenOverflows": 2,
            "node_netstat_TcpExt_TCPTimeouts": 3, "node_netstat_IpExt_InOctets": 6,
            "node_netstat_IpExt_OutOctets": 7, "node_netstat_Ip_Forwarding": 1,
            "node_netstat_Tcp_CurrEstab": 8, "node_netstat_Tcp_InErrs": 9,
            "node_netstat_Ip6_InOctets": 10, "node_netstat_Udp6_InDatagrams": 11,
        ]
        for _ in 0..<2 {
            let (values, failure) = try fixture.pass(&source)
            #expect(failure == nil)
            #expect(values == wanted)
        }
        var settings = HostCollectorSettings(.netstat)
        settings[pattern: .fields] = try HostPattern("Tcp_MaxConn|PruneCalled")
        var other = NetworkStatisticsSource(settings)
        #expect(
            try fixture.pass(&other).values == [
                "node_netstat_Tcp_MaxConn": -1, "node_netstat_TcpExt_PruneCalled": 4,
            ]
        )
    }

    @Test func aTableThatChangesIsLearntAnew() throws {
        let fixture = try HostFixture(netstat)
        var source = NetworkStatisticsSource()
        _ = try fixture.pass(&source)
        try fixture.write("proc/net/netstat", "IpExt: OutOctets InOctets\nIpExt: 1 2\n")
        let (values, failure) = try fixture.pass(&source)
        #expect(failure == nil)
        #expect(values["node_netstat_IpExt_OutOctets"] == 1)
        #expect(values["node_netstat_IpExt_InOctets"] == 2)
        #expect(values["node_netstat_TcpExt_TCPTimeouts"] == nil)
        try fixture.write("proc/net/netstat", "IpExt: OutOctets\nTcpExt: 1\n")
        #expect(try fixture.pass(&source).failure == .malformed(fixture.root + "/proc/net/netstat"))
        try fixture.write("proc/net/netstat", "IpExt: OutOctets\n")
        #expect(try fixture.pass(&source).failure == .malformed(fixture.root + "/proc/net/netstat"))
    }

    @Test func socketsByProtocol() throws {
        let fixture = try HostFixture([
            "proc/net/sockstat":
                "sockets: used 290\nTCP: inuse 5 orphan 1 tw 2 alloc 8 mem 3\nFRAG: inuse 0 memory 7\n",
            "proc/net/sockstat6": "TCP6: inuse 4\nbroken\nRAW6: inuse\n",
        ])
        var source = SocketStatisticsSource()
        for _ in 0..<2 {
            #expect(
                try fixture.pass(&source).values == [
                    "node_sockstat_sockets_used": 290, "node_sockstat_TCP_inuse": 5,
                    "node_sockstat_TCP_orphan": 1, "node_sockstat_TCP_tw": 2, "node_sockstat_TCP_alloc": 8,
                    "node_sockstat_TCP_mem": 3, "node_sockstat_TCP_mem_bytes": 12288,
                    "node_sockstat_FRAG_inuse": 0, "node_sockstat_FRAG_memory": 7,
                    "node_sockstat_TCP6_inuse": 4,
                ]
            )
        }
        let none = try HostFixture([:])
        #expect(try none.pass(&source).failure == .absent)
    }

    @Test func trackedConnectionsAreSummedOverCPUs() throws {
        let fixture = try HostFixture([
            "proc/sys/net/netfilter/nf_conntrack_count": "12\n",
            "proc/sys/net/netfilter/nf_conntrack_max": "65536\n",
            "proc/net/stat/nf_conntrack": """
            entries  clashres found new invalid ignore delete chainlength insert insert_failed drop early_drop icmp_error  expect_new expect_create expect_delete search_restart
            0000000c  00000000 00000010 0 00000002 00000003 0 0 00000004 00000005 00000006 00000007 0 0 0 0 0000000a
            0000000c  00000000 00000001 0 00000001 00000001 0 0 00000001 00000001 00000001 00000001 0 0 0 0 00000001

            """,
        ])
        var source = ConntrackSource()
        #expect(
            try fixture.pass(&source).values == [
                "node_nf_conntrack_entries": 12, "node_nf_conntrack_entries_limit": 65536,
                "node_nf_conntrack_stat_found": 17, "node_nf_conntrack_stat_invalid": 3,
                "node_nf_conntrack_stat_ignore": 4, "node_nf_conntrack_stat_insert": 5,
                "node_nf_conntrack_stat_insert_failed": 6, "node_nf_conntrack_stat_drop": 7,
                "node_nf_conntrack_stat_early_drop": 8, "node_nf_conntrack_stat_search_restart": 11,
            ]
        )
        let none = try HostFixture([:])
        #expect(try none.pass(&source).failure == .absent)
    }

    @Test func schedulingAndPacketsPerCPU() throws {
        let fixture = try HostFixture([
            "proc/schedstat": """
            version 15
            timestamp 15819019232
            cpu0 498494191 0 3533438552 2553969831 3853684107 2465731542 2045936778163039 343796328169361 4767485306
            domain0 00000000,00000003 212499247 210112015
            cpu1 518377256 0 4155211005 2778589869 10466382 2867629021 1904686152592476 364107263788241 5145567945

            """,
            "proc/net/softnet_stat": """
            00015c73 00020e76 f0000769 00000000 00000000 00000000 00000000 00000000 00000001 00000002 00000003 00000004 00000000
            00000001 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000005

            """,
        ])
        var scheduler = SchedulerSource()
        #expect(
            try fixture.pass(&scheduler).values == [
                #"node_schedstat_running_seconds_total{cpu="0"}"#: 2_045_936.778163039,
                #"node_schedstat_waiting_seconds_total{cpu="0"}"#: 343796.328169361,
                #"node_schedstat_timeslices_total{cpu="0"}"#: 4_767_485_306,
                #"node_schedstat_running_seconds_total{cpu="1"}"#: 1_904_686.152592476,
                #"node_schedstat_waiting_seconds_total{cpu="1"}"#: 364107.263788241,
                #"node_schedstat_timeslices_total{cpu="1"}"#: 5_145_567_945,
            ]
        )
        var packets = SoftnetSource()
        let values = try fixture.pass(&packets).values
        #expect(values.count == 14)
        #expect(values[#"node_softnet_processed_total{cpu="0"}"#] == 89203)
        #expect(values[#"node_softnet_dropped_total{cpu="0"}"#] == 134774)
        #expect(values[#"node_softnet_times_squeezed_total{cpu="0"}"#] == 4_026_533_737)
        #expect(values[#"node_softnet_cpu_collision_total{cpu="0"}"#] == 1)
        #expect(values[#"node_softnet_received_rps_total{cpu="0"}"#] == 2)
        #expect(values[#"node_softnet_flow_limit_count_total{cpu="0"}"#] == 3)
        #expect(values[#"node_softnet_backlog_len{cpu="0"}"#] == 4)
        // The number in the last column, not the row's.
        #expect(values[#"node_softnet_processed_total{cpu="5"}"#] == 1)
        try fixture.write("proc/net/softnet_stat", "1 2\n")
        #expect(try fixture.pass(&packets).failure == .malformed(fixture.root + "/proc/net/softnet_stat"))
    }

    @Test func queuesNeighboursAndLimits() throws {
        let udp = """
              sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt
             1: 0A000001:0035 00000000:0000 07 00000010:00000020 00:00000000 00000000
             2: 00000000:0044 00000000:0000 07 00000001:000000ff 00:00000000 00000000

            """
        let fixture = try HostFixture([
            "proc/net/udp": udp, "proc/net/udp6": "header\n",
            "proc/net/arp": """
            IP address       HW type     Flags       HW address            Mask     Device
            192.168.1.1      0x1         0x2         02:00:00:00:00:01     *        eth0
            192.168.1.2      0x1         0x2         02:00:00:00:00:02     *        eth0
            10.0.0.1         0x1         0x0         00:00:00:00:00:00     *        wlan0

            """,
            "proc/sys/fs/file-nr": "1024\t0\t1631329\n",
            "proc/sys/kernel/random/entropy_avail": "256\n", "proc/sys/kernel/random/poolsize": "4096\n",
            "proc/sys/kernel/hung_task_detect_count": "3\n",
        ])
        var queues = UDPQueueSource()
        #expect(
            try fixture.pass(&queues).values == [
                #"node_udp_queues{ip="v4", queue="tx"}"#: 17, #"node_udp_queues{ip="v4", queue="rx"}"#: 287,
                #"node_udp_queues{ip="v6", queue="tx"}"#: 0, #"node_udp_queues{ip="v6", queue="rx"}"#: 0,
            ]
        )
        var neighbours = ARPSource()
        #expect(
            try fixture.pass(&neighbours).values == [
                #"node_arp_entries{device="eth0"}"#: 2, #"node_arp_entries{device="wlan0"}"#: 1,
            ]
        )
        var settings = HostCollectorSettings(.arp)
        settings[pattern: .exclude] = try HostPattern("^wlan")
        var wired = ARPSource(settings)
        #expect(try fixture.pass(&wired).values == [#"node_arp_entries{device="eth0"}"#: 2])
        var files = FileDescriptorSource()
        #expect(
            try fixture.pass(&files).values == [
                "node_filefd_allocated": 1024, "node_filefd_maximum": 1_631_329,
            ]
        )
        var entropy = EntropySource()
        #expect(
            try fixture.pass(&entropy).values == [
                "node_entropy_available_bits": 256, "node_entropy_pool_size_bits": 4096,
            ]
        )
        var hung = HungTaskSource()
        #expect(try fixture.pass(&hung).values == ["node_kernel_hung_tasks_total": 3])
    }

    @Test func theSystemsNameAndVersion() throws {
        let fixture = try HostFixture([
            "root/usr/lib/os-release": """
            # a comment
            NAME="Edge \\"OS\\""
            ID=edge
            ID_LIKE='debian ubuntu'
            VERSION_ID="22.04.3"
            SUPPORT_END=2030-02-28

            """
        ])
        var source = OSReleaseSource()
        #expect(
            try fixture.pass(&source).values == [
                #"node_os_info{id="edge", id_like="debian ubuntu", name="Edge \"OS\"", version_id="22.04.3"}"#:
                    1,
                #"node_os_version{id="edge", id_like="debian ubuntu", name="Edge \"OS\""}"#: 22.04,
                "node_os_support_end_timestamp_seconds": 1_898_467_200,
            ]
        )
        try fixture.write("root/usr/lib/os-release", "ID=arch\nVERSION_ID=rolling\n")
        #expect(try fixture.pass(&source).values == [#"node_os_info{id="arch", version_id="rolling"}"#: 1])
        try fixture.remove("root/usr/lib/os-release")
        #expect(try fixture.pass(&source).failure == .absent)
    }

    @Test func whatEdgewatchItselfUses() throws {
        let fixture = try HostFixture([
            "proc/stat": "cpu 1\nbtime 1700000000\n",
            "proc/self/stat":
                "42 (a) b) S 1 42 42 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 7 0 1234 567000 89 18446744073709551615\n",
            "proc/self/fd/0": "", "proc/self/fd/1": "", "proc/self/fd/2": "",
            "proc/self/limits": """
            Limit                     Soft Limit           Hard Limit           Units
            Max open files            1024                 524288               files
            Max address space         unlimited            unlimited            bytes

            """,
        ])
        var source = OwnProcessSource()
        #expect(
            try fixture.pass(&source).values == [
                "process_cpu_seconds_total": 3, "process_start_time_seconds": 1_700_000_012.34,
                "process_virtual_memory_bytes": 567000, "process_resident_memory_bytes": 89 * 4096,
                "process_open_fds": 2, "process_max_fds": 1024,
                "process_virtual_memory_max_bytes": 18_446_744_073_709_551_616,
            ]
        )
    }

    @Test func softirqsWhenAskedFor() throws {
        let fixture = try HostFixture(["proc/stat": "btime 5\nsoftirq 66 1 2 3 4 5 6 7 8 9 10 11\n"])
        var settings = HostCollectorSettings(.stat)
        settings[switch: .softirq] = true
        var source = StatSource(settings)
        let values = try fixture.pass(&source).values
        #expect(values.count == 11)
        #expect(values[#"node_softirqs_total{vector="hi"}"#] == 1)
        #expect(values[#"node_softirqs_total{vector="rcu"}"#] == 10)
    }
}
