// SPDX-License-Identifier: Apache-2.0
//
// Numbers and times for people. Every formatter takes a number and gives a short text with its unit;
// null and NaN give a dash, so that a gap never reads as zero.

const dash = "–";

function scaled(value, base, units, suffix) {
  const magnitude = Math.abs(value);
  let power = 0;
  while (power < units.length - 1 && magnitude >= base ** (power + 1) * 0.9995) power += 1;
  const number = value / base ** power;
  return `${digits(number)} ${units[power]}${suffix}`;
}

// Three significant digits, without trailing zeros of a fraction.
function digits(value) {
  const magnitude = Math.abs(value);
  if (magnitude >= 100 || magnitude === 0) return value.toFixed(0);
  if (magnitude >= 10) return trimmed(value.toFixed(1));
  if (magnitude >= 0.01) return trimmed(value.toFixed(2));
  return trimmed(value.toPrecision(2));
}

function trimmed(text) {
  return text.includes(".") && !text.includes("e") ? text.replace(/\.?0+$/, "") : text;
}

const guarded = (format) => (value) =>
  value === null || value === undefined || !Number.isFinite(value) ? dash : format(value);

export const units = {
  percent: guarded((value) => `${trimmed(value.toFixed(Math.abs(value) < 10 ? 1 : 0))} %`),
  bytes: guarded((value) => scaled(value, 1024, ["B", "KiB", "MiB", "GiB", "TiB", "PiB"], "")),
  bytesPerSecond: guarded((value) => scaled(value, 1024, ["B", "KiB", "MiB", "GiB", "TiB"], "/s")),
  bitsPerSecond: guarded((value) => scaled(value, 1000, ["bit", "kbit", "Mbit", "Gbit", "Tbit"], "/s")),
  celsius: guarded((value) => `${trimmed(value.toFixed(1))} °C`),
  plain: guarded((value) => {
    const magnitude = Math.abs(value);
    if (magnitude >= 1e15 || (magnitude < 1e-4 && magnitude > 0)) return value.toExponential(2);
    return magnitude >= 10000 ? scaled(value, 1000, ["", "k", "M", "G", "T"], "").trim() : digits(value);
  }),
};

export const count = guarded((value) => Math.round(value).toLocaleString("en-US"));

// A span in its two largest units: 3 d 4 h, 12 min 5 s, 0.8 s.
export const span = guarded((seconds) => {
  if (seconds < 0) return dash;
  if (seconds < 10) return `${digits(Math.round(seconds * 10) / 10)} s`;
  const parts = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  let rest = Math.round(seconds);
  const first = parts.findIndex(([, size]) => rest >= size);
  return parts
    .slice(first, first + 2)
    .map(([unit, size]) => {
      const whole = Math.floor(rest / size);
      rest -= whole * size;
      return whole > 0 ? `${whole} ${unit}` : "";
    })
    .filter(Boolean)
    .join(" ");
});

export function ago(time, now = Date.now()) {
  const then = Date.parse(time ?? "");
  return Number.isFinite(then) && then > 0 ? `${span(Math.max(0, (now - then) / 1000))} ago` : "never";
}

export function clock(milliseconds) {
  return new Date(milliseconds).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
}

// The time under the pointer: with the day when the range is longer than one.
export function moment(milliseconds, rangeSeconds) {
  return rangeSeconds <= 86400
    ? clock(milliseconds)
    : new Date(milliseconds).toLocaleString([], {
        month: "short", day: "numeric", hour: "2-digit", minute: "2-digit",
      });
}

// Series notation of a label set, the way Prometheus writes it.
export function series(labels) {
  const { __name__: name = "", ...rest } = labels;
  const pairs = Object.entries(rest).map(([label, value]) => `${label}=${JSON.stringify(value)}`);
  return pairs.length ? `${name}{${pairs.join(", ")}}` : name || "{}";
}
