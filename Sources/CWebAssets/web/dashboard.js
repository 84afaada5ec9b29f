// SPDX-License-Identifier: Apache-2.0
//
// What the page draws: one entry per card. A query is PromQL with two holes: ${host(...)} becomes the matchers of
// this machine's own series plus the given ones, ${window} the range of rate(). `mirrored` series are drawn below
// zero (write, transmit). `optional` cards are shown only when they have data.

const fixedDisks = 'device!~"(loop|ram|zram|sr|fd).*"';
const realFilesystems = 'fstype!~"(tmpfs|ramfs|squashfs|overlay|iso9660|devtmpfs|fuse.lxcfs|nsfs)"';
const realInterfaces = 'device!~"lo|(veth|br-|docker|cali|tun|ifb).*"';

export const cards = [
  {
    id: "cpu", title: "CPU by mode", unit: "percent", stacked: true, ceiling: 100,
    order: ["user", "system", "iowait", "nice", "softirq", "irq", "steal"],
    queries: [{
      text: ({ host, window }) =>
        `100 * avg by (mode) (rate(node_cpu_seconds_total{${host('mode!="idle"')}}[${window}]))`,
      name: (labels) => labels.mode,
    }],
  },
  {
    id: "memory", title: "Memory", unit: "bytes", stacked: true,
    queries: [
      {
        text: ({ host }) => `node_memory_MemTotal_bytes{${host()}} - node_memory_MemAvailable_bytes{${host()}}`,
        name: () => "used",
      },
      {
        text: ({ host }) => `node_memory_MemAvailable_bytes{${host()}} - node_memory_MemFree_bytes{${host()}}`,
        name: () => "cache",
      },
      { text: ({ host }) => `node_memory_MemFree_bytes{${host()}}`, name: () => "free", faint: true },
    ],
  },
  {
    id: "load", title: "Load", unit: "plain",
    queries: [
      { text: ({ host }) => `node_load1{${host()}}`, name: () => "1 min" },
      { text: ({ host }) => `node_load5{${host()}}`, name: () => "5 min" },
      { text: ({ host }) => `node_load15{${host()}}`, name: () => "15 min" },
      {
        text: ({ host }) => `count(count by (cpu) (node_cpu_seconds_total{${host()}}))`,
        name: () => "cores", dashed: true,
      },
    ],
  },
  {
    id: "filesystem", title: "Filesystem use", unit: "percent", ceiling: 100,
    queries: [{
      text: ({ host }) => {
        const chosen = host(realFilesystems);
        return `100 * (1 - node_filesystem_avail_bytes{${chosen}} / (node_filesystem_size_bytes{${chosen}} > 0))`;
      },
      name: (labels) => labels.mountpoint,
    }],
  },
  {
    id: "disk", title: "Disk I/O", unit: "bytesPerSecond", caption: "read above, write below",
    queries: [
      {
        text: ({ host, window }) =>
          `sum by (device) (rate(node_disk_read_bytes_total{${host(fixedDisks)}}[${window}]))`,
        name: (labels) => `${labels.device} read`,
      },
      {
        text: ({ host, window }) =>
          `sum by (device) (rate(node_disk_written_bytes_total{${host(fixedDisks)}}[${window}]))`,
        name: (labels) => `${labels.device} write`, mirrored: true,
      },
    ],
  },
  {
    id: "network", title: "Network", unit: "bitsPerSecond", caption: "receive above, transmit below",
    queries: [
      {
        text: ({ host, window }) =>
          `8 * sum by (device) (rate(node_network_receive_bytes_total{${host(realInterfaces)}}[${window}]))`,
        name: (labels) => `${labels.device} rx`,
      },
      {
        text: ({ host, window }) =>
          `8 * sum by (device) (rate(node_network_transmit_bytes_total{${host(realInterfaces)}}[${window}]))`,
        name: (labels) => `${labels.device} tx`, mirrored: true,
      },
    ],
  },
  {
    id: "temperature", title: "Temperature", unit: "celsius", floating: true, optional: true,
    queries: [
      {
        text: ({ host }) =>
          `node_hwmon_temp_celsius{${host()}} * on (chip, sensor) group_left (label) node_hwmon_sensor_label{${host()}}` +
          ` or on (chip, sensor) node_hwmon_temp_celsius{${host()}}`,
        name: (labels) => `${labels.chip} ${labels.label || labels.sensor}`,
      },
      {
        text: ({ host }) => `node_thermal_zone_temp{${host()}}`,
        name: (labels) => `${labels.type || "zone"} ${labels.zone}`,
      },
    ],
  },
  {
    id: "battery", title: "Battery", unit: "percent", ceiling: 100, optional: true,
    queries: [{
      text: ({ host }) => `node_power_supply_capacity{${host()}}`,
      name: (labels) => labels.power_supply,
    }],
  },
];
