// SPDX-License-Identifier: Apache-2.0
//
// A gateway that has everything: two CPUs with frequency scaling, memory with error counting, an NVMe disk, software RAID,
// a bond, btrfs, XFS, a watchdog, firmware tables, energy counters. Written after the kernel's documentation of each file.

extension HostFixture {
    /// The laptop's files and those below.
    static let gateway: [String: String] = [
        laptop, cpus, memoryErrors, disks, arrays, networks, fileSystems, board, tables,
    ].reduce(into: [:]) { $0.merge($1) { _, new in new } }

    private static let cpus: [String: String] = [
        "sys/devices/system/cpu/isolated": "1\n",
        "sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_cur_freq": "2100000\n",
        "sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_min_freq": "800000\n",
        "sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq": "2400000\n",
        "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": "1219917\n",
        "sys/devices/system/cpu/cpu0/cpufreq/scaling_min_freq": "1000000\n",
        "sys/devices/system/cpu/cpu0/cpufreq/scaling_max_freq": "2400000\n",
        "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "powersave\n",
        "sys/devices/system/cpu/cpu0/cpufreq/scaling_available_governors": "performance powersave\n",
        "sys/devices/system/cpu/cpu0/cpufreq/scaling_driver": "intel_pstate\n",
        "sys/devices/system/cpu/cpu0/cpufreq/related_cpus": "0\n",
        "sys/devices/system/cpu/cpu0/cpufreq/scaling_setspeed": "<unsupported>\n",
        "sys/devices/system/cpu/cpu1/cpufreq/scaling_cur_freq": "800000\n",
        "sys/devices/system/cpu/cpu1/cpufreq/scaling_min_freq": "800000\n",
        "sys/devices/system/cpu/cpu1/cpufreq/scaling_max_freq": "2400000\n",
        "sys/devices/system/cpu/cpu1/cpufreq/scaling_governor": "performance\n",
        "sys/devices/system/cpu/cpu1/cpufreq/scaling_available_governors": "performance powersave\n",
        "sys/devices/system/cpu/cpu1/cpufreq/scaling_driver": "intel_pstate\n",
        "sys/devices/system/cpu/cpu1/cpufreq/related_cpus": "1\n",
        "sys/devices/system/cpu/cpu1/cpufreq/scaling_setspeed": "<unsupported>\n",
        "proc/cpuinfo": """
        processor\t: 0
        vendor_id\t: GenuineIntel
        cpu family\t: 6
        model\t\t: 92
        model name\t: Intel(R) Atom(TM) Processor E3940 @ 1.60GHz
        stepping\t: 9
        microcode\t: 0x40
        cpu MHz\t\t: 1219.917
        cache size\t: 1024 KB
        physical id\t: 0
        siblings\t: 2
        core id\t\t: 0
        cpu cores\t: 2
        apicid\t\t: 0
        flags\t\t: fpu aes sse2 rdrand
        bugs\t\t: spectre_v1 spectre_v2
        bogomips\t: 3187.20

        processor\t: 1
        vendor_id\t: GenuineIntel
        cpu family\t: 6
        model\t\t: 92
        model name\t: Intel(R) Atom(TM) Processor E3940 @ 1.60GHz
        stepping\t: 9
        microcode\t: 0x40
        cpu MHz\t\t: 800.000
        cache size\t: 1024 KB
        physical id\t: 0
        siblings\t: 2
        core id\t\t: 1
        cpu cores\t: 2
        apicid\t\t: 2
        flags\t\t: fpu aes sse2
        bugs\t\t: spectre_v1
        bogomips\t: 3187.20


        """,
        "sys/class/powercap/intel-rapl:0/name": "package-0\n",
        "sys/class/powercap/intel-rapl:0/energy_uj": "240422366267\n",
        "sys/class/powercap/intel-rapl:0/max_energy_range_uj": "262143328850\n",
        "sys/class/powercap/intel-rapl:0:0/name": "core\n",
        "sys/class/powercap/intel-rapl:0:0/energy_uj": "118821284256\n",
        "sys/class/powercap/intel-rapl:0:0/max_energy_range_uj": "262143328850\n",
        "sys/class/powercap/intel-rapl:a/name": "package-10\n",
        "sys/class/powercap/intel-rapl:a/energy_uj": "240422366268\n",
        "sys/class/powercap/intel-rapl:a/max_energy_range_uj": "262143328850\n",
        "proc/interrupts": """
                   CPU0       CPU1
          0:         18          0   IO-APIC   2-edge      timer
          8:          0          3   IO-APIC   8-edge      rtc0
        NMI:          4          5   Non-maskable interrupts
        ERR:          1
        MIS:          0

        """,
    ]

    private static let memoryErrors: [String: String] = [
        "sys/devices/system/edac/mc/mc0/ce_count": "1\n",
        "sys/devices/system/edac/mc/mc0/ce_noinfo_count": "2\n",
        "sys/devices/system/edac/mc/mc0/ue_count": "5\n",
        "sys/devices/system/edac/mc/mc0/ue_noinfo_count": "6\n",
        "sys/devices/system/edac/mc/mc0/csrow0/ce_count": "3\n",
        "sys/devices/system/edac/mc/mc0/csrow0/ue_count": "4\n",
        "sys/devices/system/edac/mc/mc0/csrow0/ch0_ce_count": "2\n",
        "sys/devices/system/edac/mc/mc0/csrow0/ch0_ue_count": "1\n",
        "sys/devices/system/edac/mc/mc0/csrow0/ch0_dimm_label": "DIMM_A1\n",
        // A slot is empty.
        "sys/devices/system/edac/mc/mc0/csrow0/ch2_ce_count": "1\n",
        "sys/devices/system/edac/mc/mc0/csrow0/ch2_dimm_label": "DIMM_B1\n",
        "sys/class/drm/card0/device/uevent": "DRIVER=amdgpu\nPCI_CLASS=30000\n",
        "sys/class/drm/card0/device/gpu_busy_percent": "4\n",
        "sys/class/drm/card0/device/mem_info_gtt_total": "8573157376\n",
        "sys/class/drm/card0/device/mem_info_gtt_used": "144560128\n",
        "sys/class/drm/card0/device/mem_info_vis_vram_total": "8573157375\n",
        "sys/class/drm/card0/device/mem_info_vis_vram_used": "1490378751\n",
        "sys/class/drm/card0/device/mem_info_vram_total": "8573157374\n",
        "sys/class/drm/card0/device/mem_info_vram_used": "1490378752\n",
        "sys/class/drm/card0/device/mem_info_vram_vendor": "samsung\n",
        "sys/class/drm/card0/device/unique_id": "0123456789abcdef\n",
        "sys/class/drm/card0/device/power_dpm_force_performance_level": "manual\n",
    ]

    private static let disks: [String: String] = [
        "sys/class/nvme/nvme0/firmware_rev": "1B2QEXP7\n",
        "sys/class/nvme/nvme0/model": "Fast Disk 512GB   \n",
        "sys/class/nvme/nvme0/serial": "S680HF8N190894I     \n", "sys/class/nvme/nvme0/state": "live\n",
        "sys/class/nvme/nvme0/cntlid": "1997\n", "sys/class/nvme/nvme0/nvme0n1/size": "1000215216\n",
        "sys/class/nvme/nvme0/nvme0n1/nuse": "488281250\n",
        "sys/class/nvme/nvme0/nvme0n1/ana_state": "optimized\n",
        "sys/class/nvme/nvme0/nvme0n1/queue/logical_block_size": "512\n",
        "sys/block/sda/queue/rotational": "1\n", "sys/block/nvme0n1/queue/rotational": "0\n",
        "sys/block/sda/queue/logical_block_size": "512\n", "sys/block/sda/size": "7814037168\n",
    ]

    private static let arrays: [String: String] = [
        "proc/mdstat": """
        Personalities : [linear] [raid0] [raid1] [raid6] [raid5] [raid4]
        md0 : active raid1 sdb1[1] sda1[0]
              1046528 blocks super 1.2 [2/2] [UU]

        md1 : active raid1 sdd1[2](S) sdb2[1](F) sda2[0]
              96256 blocks super 1.2 [2/1] [U_]
              bitmap: 0/1 pages [0KB], 65536KB chunk

        md2 : active raid5 sdc3[3] sdb3[1] sda3[0]
              7813735424 blocks super 1.2 level 5, 512k chunk, algorithm 2 [3/2] [UU_]
              [=>...................]  recovery =  8.5% (166849152/3906867712) finish=259.6min speed=240073K/sec
              bitmap: 0/30 pages [0KB], 65536KB chunk

        md3 : active raid0 sdc1[1] sda4[0]
              314159265 blocks super 1.2 64k chunks

        md4 : inactive sdb5[0](S)
              1883648 blocks super 1.2

        md5 : active raid1 sdb6[1] sda6[0]
              1883648 blocks super 1.2 [2/2] [UU]
                resync=DELAYED

        md6 : active raid1 sdb7[1] sda7[0]
              4883648 blocks super 1.2 [2/2] [UU]
              [=====>...............]  check = 25.0% (1220912/4883648) finish=9.6min speed=24007K/sec

        unused devices: <none>

        """
    ]

    private static let networks: [String: String] = [
        "sys/class/net/bonding_masters": "bond0 dmz\n",
        "sys/class/net/bond0/bonding/slaves": "eth1 eth2\n",
        "sys/class/net/bond0/lower_eth1/bonding_slave/mii_status": "up\n",
        "sys/class/net/bond0/lower_eth2/bonding_slave/mii_status": "down\n",
        "sys/class/net/dmz/bonding/slaves": "eth4\n",
        "sys/class/net/dmz/slave_eth4/bonding_slave/mii_status": "up\n",
        "proc/net/netstat": """
        TcpExt: SyncookiesSent SyncookiesRecv SyncookiesFailed ListenOverflows ListenDrops TCPTimeouts TCPSynRetrans TCPOFOQueue TCPRcvQDrop
        TcpExt: 1 2 3 4 5 6 7 8 9
        IpExt: InNoRoutes InOctets OutOctets
        IpExt: 5 6286396970 2786264347

        """,
        "proc/net/snmp": """
        Ip: Forwarding DefaultTTL
        Ip: 1 64
        Icmp: InMsgs InErrors OutMsgs
        Icmp: 104 0 120
        Tcp: RtoAlgorithm MaxConn ActiveOpens PassiveOpens CurrEstab InSegs OutSegs RetransSegs InErrs OutRsts
        Tcp: 1 -1 3556 230 15 57252008 54915039 227 5 1003
        Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors
        Udp: 88542 120 1 53028 9 8
        UdpLite: InErrors
        UdpLite: 0

        """,
        "proc/net/snmp6": """
        Ip6InOctets                     460
        Ip6OutOctets                    536
        Icmp6InMsgs                     1
        Icmp6InErrors                   0
        Icmp6OutMsgs                    8
        Udp6InDatagrams                 2
        Udp6NoPorts                     3
        Udp6InErrors                    0
        Udp6OutDatagrams                4
        Udp6RcvbufErrors                9
        Udp6SndbufErrors                8

        """,
        "proc/net/sockstat": """
        sockets: used 229
        TCP: inuse 4 orphan 0 tw 4 alloc 17 mem 1
        UDP: inuse 5 mem 2
        UDPLITE: inuse 0
        RAW: inuse 0
        FRAG: inuse 0 memory 0

        """,
        "proc/net/sockstat6":
            "TCP6: inuse 17\nUDP6: inuse 9\nUDPLITE6: inuse 0\nRAW6: inuse 1\nFRAG6: inuse 0 memory 0\n",
        "proc/net/softnet_stat":
            "00015c73 00020e76 f0000769 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000\n"
            + "01663fb2 00000000 0000cb59 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000001\n",
        "proc/net/arp": """
        IP address       HW type     Flags       HW address            Mask     Device
        192.168.1.1      0x1         0x2         02:00:00:00:00:02     *        eth0

        """,
        "proc/net/udp": """
          sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
           0: 00000000:0016 00000000:0000 0A 00000015:00000000 00:00000000 00000000     0        0 2740 1 ffff88003d3af3c0 100 0 0 10 0

        """,
        "proc/net/udp6":
            "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n",
        "proc/net/tcp": """
          sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
           0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2740
           1: 0100007F:1F90 0100007F:A1B2 01 00000010:00000002 00:00000000 00000000     0        0 2741

        """,
        "proc/sys/net/netfilter/nf_conntrack_count": "123\n",
        "proc/sys/net/netfilter/nf_conntrack_max": "65536\n",
        "proc/net/stat/nf_conntrack": """
        entries  searched found new invalid ignore delete delete_list insert insert_failed drop early_drop icmp_error  expect_new expect_create expect_delete search_restart
        00000021  00000000 00000000 00000000 00000003 0000588a 00000000 00000000 00000000 00000000 00000000 00000000 00000000  00000000 00000000 00000000 00000000
        00000021  00000000 00000002 00000000 00000002 000056a4 00000000 00000000 00000000 00000000 00000000 00000000 00000002  00000000 00000000 00000000 00000004

        """,
    ]

    private static let fileSystems: [String: String] = [
        "sys/fs/btrfs/features/extended_iref": "1\n",
        "sys/fs/btrfs/0abb23a9-579b-43e6-ad30-227ef47fcb9d/label": "fixture\n",
        "sys/fs/btrfs/0abb23a9-579b-43e6-ad30-227ef47fcb9d/allocation/global_rsv_size": "16777216\n",
        "sys/fs/btrfs/0abb23a9-579b-43e6-ad30-227ef47fcb9d/allocation/global_rsv_reserved": "16777216\n",
        "sys/fs/btrfs/0abb23a9-579b-43e6-ad30-227ef47fcb9d/clone_alignment": "4096\n",
        "sys/fs/btrfs/0abb23a9-579b-43e6-ad30-227ef47fcb9d/metadata_uuid":
            "0abb23a9-579b-43e6-ad30-227ef47fcb9d\n",
        "sys/fs/btrfs/0abb23a9-579b-43e6-ad30-227ef47fcb9d/nodesize": "16384\n",
        "sys/fs/btrfs/0abb23a9-579b-43e6-ad30-227ef47fcb9d/quota_override": "0\n",
        "sys/fs/btrfs/0abb23a9-579b-43e6-ad30-227ef47fcb9d/sectorsize": "4096\n",
        "sys/fs/btrfs/0abb23a9-579b-43e6-ad30-227ef47fcb9d/features/extended_iref": "1\n",
        "sys/fs/btrfs/0abb23a9-579b-43e6-ad30-227ef47fcb9d/devices/loop25/size": "20971520\n",
        "sys/fs/btrfs/0abb23a9-579b-43e6-ad30-227ef47fcb9d/devices/loop26/size": "20971520\n",
        "sys/fs/btrfs/0abb23a9-579b-43e6-ad30-227ef47fcb9d/commit_stats":
            "commits 51\nlast_commit_ms 12\nmax_commit_ms 345\ntotal_commit_ms 4567\n",
        "sys/fs/btrfs/0abb23a9-579b-43e6-ad30-227ef47fcb9d/devinfo/1/error_stats":
            "write_errs 1\nread_errs 2\nflush_errs 3\ncorruption_errs 4\ngeneration_errs 5\n",
    ].merging(btrfsAllocation) { first, _ in first }.merging([
        "sys/fs/xfs/sda1/stats/stats": """
        extent_alloc 92447 97589 92448 93751
        abt 1 2 3 4
        blk_map 1767055 188820 184891 92447 92448 2140766 5
        bmbt 6 7 8 9
        dir 185039 92447 92444 136422
        trans 706 944304 0
        ig 185045 58807 1 126238 2 33637 22
        log 2883 113448 9 17360 739
        push_ail 945014 0 134260 15483 0 3940 464 159985 0 40
        xstrat 92447 0
        rw 107739 94045
        attr 4 0 0 0
        icluster 8677 7849 135802
        vnodes 92601 1 2 3 92444 92445 92446 0
        buf 2666287 7122 2659202 3599 2 7085 0 10297 7085
        abtb2 184941 1277345 13257 13278 0 0 0 0 0 0 0 0 0 0 2746147
        abtc2 345295 2416764 172637 172658 0 0 0 0 0 0 0 0 0 0 21406023
        bmbt2 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0
        ibt2 343004 1358467 0 0 0 0 0 0 0 0 0 0 0 0 0
        fibt2 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0
        qm 0 0 0 0 0 0 0 0
        xpc 399724544 92823103 86219234
        debug 0

        """,
        "sys/fs/xfs/stats/stats": "extent_alloc 1 2 3 4\n",
    ]) { first, _ in first }

    private static let btrfsAllocation: [String: String] = {
        var files: [String: String] = [:]
        for (kind, profile) in [("data", "raid0"), ("metadata", "raid1"), ("system", "raid1")] {
            let base = "sys/fs/btrfs/0abb23a9-579b-43e6-ad30-227ef47fcb9d/allocation/\(kind)"
            for name in [
                "bytes_may_use", "bytes_pinned", "bytes_readonly", "disk_used", "disk_total", "flags",
            ] {
                files["\(base)/\(name)"] = "1\n"
            }
            files["\(base)/bytes_reserved"] = "4096\n"
            files["\(base)/bytes_used"] = "808189952\n"
            files["\(base)/total_bytes"] = "2147483648\n"
            files["\(base)/total_bytes_pinned"] = "0\n"
            files["\(base)/\(profile)/total_bytes"] = "2147483648\n"
            files["\(base)/\(profile)/used_bytes"] = "808189952\n"
        }
        return files
    }()

    private static let board: [String: String] = [
        "sys/class/dmi/id/bios_date": "04/12/2021\n", "sys/class/dmi/id/bios_release": "2.2\n",
        "sys/class/dmi/id/bios_vendor": "Board Maker\n", "sys/class/dmi/id/bios_version": "2.2.4\n",
        "sys/class/dmi/id/board_name": "07PXPY\n", "sys/class/dmi/id/board_serial": ".7N62AI2.\n",
        "sys/class/dmi/id/board_vendor": "Board Maker\n", "sys/class/dmi/id/board_version": "A01\n",
        "sys/class/dmi/id/chassis_asset_tag": "\n", "sys/class/dmi/id/chassis_serial": "7N62AI2\n",
        "sys/class/dmi/id/chassis_vendor": "Board Maker\n", "sys/class/dmi/id/chassis_version": "\n",
        "sys/class/dmi/id/product_family": "Edge\n", "sys/class/dmi/id/product_name": "Edge 3000\n",
        "sys/class/dmi/id/product_serial": "7N62AI2\n", "sys/class/dmi/id/product_sku": "SKU=1\n",
        "sys/class/dmi/id/product_uuid": "83340ca8-cb49-4474-8c29-d2088ca84dd9\n",
        "sys/class/dmi/id/product_version": "1\n", "sys/class/dmi/id/sys_vendor": "Board Maker\n",
        "sys/class/watchdog/watchdog0/bootstatus": "1\n", "sys/class/watchdog/watchdog0/fw_version": "2\n",
        "sys/class/watchdog/watchdog0/nowayout": "0\n", "sys/class/watchdog/watchdog0/timeleft": "300\n",
        "sys/class/watchdog/watchdog0/timeout": "60\n", "sys/class/watchdog/watchdog0/pretimeout": "120\n",
        "sys/class/watchdog/watchdog0/access_cs0": "0\n", "sys/class/watchdog/watchdog0/options": "0x8380\n",
        "sys/class/watchdog/watchdog0/identity": "Software Watchdog\n",
        "sys/class/watchdog/watchdog0/state": "active\n", "sys/class/watchdog/watchdog0/status": "0x8000\n",
        "sys/class/watchdog/watchdog0/pretimeout_governor": "noop\n",
    ]

    private static let tables: [String: String] = [
        "proc/stat": """
        cpu  300 4 100 5000 60 7 8 9 20 2
        cpu0 100 4 60 3000 40 7 0 9 20 2
        cpu1 200 0 40 2000 20 0 8 0 0 0
        intr 12345 1 2 3
        ctxt 987654321
        btime 1700000000
        processes 4321
        procs_running 2
        procs_blocked 1
        softirq 66 1 2 3 4 5 6 7 8 9 10

        """,
        "proc/schedstat": "version 15\ncpu0 1 0 3 2 3 2 2045936778163039 343796328169361 4767485306\n",
        "proc/sys/fs/file-nr": "1024\t0\t1631329\n", "proc/sys/kernel/random/entropy_avail": "1337\n",
        "proc/sys/kernel/random/poolsize": "4096\n", "proc/sys/kernel/threads-max": "7801\n",
        "proc/sys/kernel/pid_max": "32768\n", "proc/sys/kernel/hung_task_detect_count": "0\n",
        "proc/10/stat":
            "10 (rcu) (x)) S 2 0 0 0 -1 2129984 0 0 0 0 0 3 0 0 20 0 1 0 9 0 0 18446744073709551615 0 0 0 0 0 0 0 2147483647 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n",
        "proc/10/task/10/stat":
            "10 (rcu) (x)) S 2 0 0 0 -1 2129984 0 0 0 0 0 3 0 0 20 0 1 0 9 0 0 18446744073709551615 0 0 0 0 0 0 0 2147483647 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n",
        "proc/11/stat":
            "11 (sh) R 2 0 0 0 -1 2129984 0 0 0 0 0 3 0 0 20 0 2 0 9 0 0 18446744073709551615 0 0 0 0 0 0 0 2147483647 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n",
        "proc/11/task/11/stat":
            "11 (sh) R 2 0 0 0 -1 2129984 0 0 0 0 0 3 0 0 20 0 2 0 9 0 0 18446744073709551615 0 0 0 0 0 0 0 2147483647 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n",
        "proc/11/task/12/stat":
            "12 (sh) D 2 0 0 0 -1 2129984 0 0 0 0 0 3 0 0 20 0 2 0 9 0 0 18446744073709551615 0 0 0 0 0 0 0 2147483647 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n",
        "root/etc/os-release":
            "NAME=\"Debian GNU/Linux\"\nID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n"
            + "VERSION=\"12 (bookworm)\"\nVERSION_CODENAME=bookworm\n",
        "proc/mounts": "/dev/sda1 / ext4 rw 0 0\n", "proc/1/mounts": "/dev/sda1 / ext4 rw 0 0\n",
        "proc/1/mountinfo": "29 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n", "root/": "",
    ]
}
