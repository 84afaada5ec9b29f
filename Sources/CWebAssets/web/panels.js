// SPDX-License-Identifier: Apache-2.0
//
// The panels about alerts and about edgewatch itself. Each takes the answer of one endpoint and replaces the
// contents of its element; text goes in as text, never as HTML.

import * as api from "./api.js";
import { ago, count, span, units } from "./format.js";

const severities = ["critical", "error", "warning", "info"];
const alertLimit = 50; // Beyond this a list is no longer read; the note says how many more there are.

export function element(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

function facts(pairs) {
  const list = element("dl", "pairs");
  for (const [term, value, tone] of pairs) {
    if (value === null || value === undefined || value === "") continue;
    list.append(element("dt", "", term), element("dd", tone ?? "", value));
  }
  return list;
}

function meter(ratio, tone) {
  const bar = element("i", tone ?? "");
  bar.style.width = `${Math.min(100, Math.max(0, ratio * 100))}%`;
  return element("span", "meter wide", bar);
}

export function alerts(list, note, found, rules) {
  const rank = (alert) => {
    const severity = severities.indexOf(alert.labels.severity);
    return (alert.state === "firing" ? 0 : 10) + (severity < 0 ? severities.length : severity);
  };
  const sorted = [...found].sort((a, b) => rank(a) - rank(b) || a.activeAt.localeCompare(b.activeAt));
  list.replaceChildren(...sorted.slice(0, alertLimit).map(alertItem));
  const total = rules.groups.reduce((sum, group) => sum + group.rules.length, 0);
  const newest = rules.groups.map((group) => group.lastEvaluation).sort().pop();
  const failing = rules.groups.flatMap((group) => group.rules).filter((rule) => rule.health === "err").length;
  const more = sorted.length > alertLimit ? `${sorted.length - alertLimit} more alerts. ` : "";
  const quiet = sorted.length ? "" : "Nothing is firing or pending. ";
  const broken = failing ? ` ${failing} with errors.` : "";
  const judged = `${count(total)} alerting ${total === 1 ? "rule" : "rules"}, last judged ${ago(newest)}.`;
  note.textContent = `${more}${quiet}${judged}${broken}`;
  return sorted;
}

function alertItem(alert) {
  const { alertname, severity = "none", ...labels } = alert.labels;
  const words = alert.annotations.summary ?? alert.annotations.description ?? "";
  const pairs = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
  const value = Number(alert.value.replace("Inf", "Infinity"));
  const measured = Number.isFinite(value) ? `value ${units.plain(value)}` : "";
  const since = `${alert.state} for ${ago(alert.activeAt).replace(" ago", "")}`;
  return element("li", `alert ${alert.state} ${severities.includes(severity) ? severity : "info"}`,
    element("div", "alert-head",
      element("span", "badge", severity),
      element("strong", "", alertname ?? "alert")),
    element("p", "", words),
    element("p", "muted labels", [since, measured, ...pairs].filter(Boolean).join(" · ")));
}

export function sync(parent, destinations) {
  if (destinations.length === 0) {
    parent.replaceChildren(element("p", "muted", "No destination is configured; everything stays on this node."));
    return;
  }
  parent.replaceChildren(...destinations.map((one) => {
    const isFailing = Boolean(one.lastError);
    const head = element("div", "row",
      element("strong", "clip", one.name),
      element("span", `badge ${isFailing ? "bad" : "good"}`, one.state));
    const body = facts([
      ["Backlog", `${span(one.backlogSeconds)} · ${count(one.backlogRows)} rows`],
      ["Last success", ago(one.lastSuccess)],
      ["Sent", `${count(one.sentSamples)} samples`],
      ["Refused", one.droppedSamples > 0 ? `${count(one.droppedSamples)} samples the receiver will not take` : null, "bad"],
      ["Lost", one.lostRows > 0 ? `${count(one.lostRows)} rows left the ring unsent` : null, "bad"],
    ]);
    const address = element("p", "muted clip", one.url);
    address.title = one.url;
    const item = element("div", "item", head, address, body);
    if (isFailing) item.append(element("p", "error", one.lastError));
    return item;
  }));
}

export function storage(parent, view) {
  const fill = view.ringSizeBytes > 0 ? view.ringUsedBytes / view.ringSizeBytes : 0;
  const log = view.logSizeBytes > 0 ? view.logUsedBytes / view.logSizeBytes : 0;
  const oldest = Date.parse(view.oldest ?? "");
  const newest = Date.parse(view.newest ?? "");
  const held = Number.isFinite(oldest) && Number.isFinite(newest) ? span((newest - oldest) / 1000) : null;
  parent.replaceChildren(
    element("div", "row",
      element("span", "", `Ring ${units.bytes(view.ringUsedBytes)} of ${units.bytes(view.ringSizeBytes)}`),
      element("span", "muted", units.percent(fill * 100))),
    meter(fill),
    element("div", "row",
      element("span", "", `Log ${units.bytes(view.logUsedBytes)} of ${units.bytes(view.logSizeBytes)}`),
      element("span", "muted", units.percent(log * 100))),
    meter(log, log > 0.75 ? "warn" : ""),
    facts([
      ["Series", count(view.series)],
      ["Samples held", count(view.samples)],
      ["Bytes per sample", view.bytesPerSample === null ? null : units.plain(view.bytesPerSample)],
      ["Span held", held],
      ["Head", units.bytes(view.headBytes)],
      ["Damaged parts", view.corruptions > 0 ? count(view.corruptions) : null, "bad"],
    ]));
}

const signalFormats = {
  "seconds": (value) => (value < 1 ? `${units.plain(value * 1000)} ms` : span(value)),
  "bits per second": units.bitsPerSecond,
  "ratio": (value) => units.percent(value * 100),
};

export function sampling(parent, view, signals) {
  const rows = signals.map((signal) => {
    const format = signalFormats[signal.unit] ?? ((value) => `${units.plain(value)} ${signal.unit}`.trim());
    const value = typeof signal.value === "number" ? format(signal.value) : signal.value;
    const isStale = signal.quality !== "good";
    const shown = isStale ? `${value} (${signal.quality}, ${span(signal.ageSeconds)} old)` : value;
    return [signal.name.replaceAll("_", " "), shown, isStale ? "muted" : ""];
  });
  parent.replaceChildren(
    facts([
      ["Policy", view.policy],
      ["Interval", span(view.intervalSeconds)],
      ["Kept", view.keptClasses.length ? view.keptClasses.join(", ") : "everything"],
    ]),
    ...(view.reason ? [element("p", "muted", view.reason)] : []),
    element("h3", "", "Signals"),
    rows.length ? facts(rows) : element("p", "muted", "No signal has been measured yet."));
}

// What finds targets; lists that are written in the configuration itself find nothing, but rules may drop of them.
function discoveries(found) {
  const pools = new Set(); // What is dropped is a job's, whatever found it.
  return found.filter((view) => view.mechanism !== "static" || view.droppedTargets).slice(0, alertLimit).map((view) => {
    const dropped = view.droppedTargets ? `, ${count(view.droppedTargets)} dropped by the job's rules` : "";
    const seen = view.mechanism === "static" ? "in the configuration" : view.lastSuccess ? ago(view.lastSuccess) : "nothing found yet";
    const item = element("div", "item",
      element("div", "row",
        element("strong", "clip", view.scrapePool),
        element("span", `badge ${view.lastError ? "bad" : view.lastSuccess ? "good" : ""}`, view.mechanism)),
      element("p", "muted clip", `${count(view.targets)} found${dropped} · ${seen}`));
    if (view.lastError) item.append(element("p", "error", view.lastError));
    if (view.droppedTargets && !pools.has(view.scrapePool)) item.append(droppedTargets(view.scrapePool));
    pools.add(view.scrapePool);
    return item;
  });
}

// Labels before relabeling, fetched when somebody wants to see them; what is open stays open while the panel is redrawn.
const openPools = new Map();

function droppedTargets(pool) {
  const list = element("ul", "labels muted");
  const show = (found) => {
    const lines = found.slice(0, alertLimit).map(({ discoveredLabels }) =>
      element("li", "", Object.entries(discoveredLabels).map(([name, value]) => `${name}=${value}`).join(" · ")));
    if (found.length > alertLimit) lines.push(element("li", "", `${count(found.length - alertLimit)} more`));
    list.replaceChildren(...lines);
  };
  const details = element("details", "", element("summary", "muted", "Dropped targets"), list);
  details.open = openPools.has(pool);
  show(openPools.get(pool) ?? []);
  details.addEventListener("toggle", async () => {
    if (!details.open) {
      openPools.delete(pool);
      return;
    }
    if (!openPools.has(pool)) openPools.set(pool, []);
    try {
      const answer = await api.get(`targets?state=dropped&scrapePool=${encodeURIComponent(pool)}`);
      openPools.set(pool, answer.droppedTargets);
      show(answer.droppedTargets);
    } catch (error) {
      list.replaceChildren(element("li", "error", error.message));
    }
  });
  return details;
}

const deviceKinds = { modbus: "Modbus", nut: "UPS server", ups: "UPS", disk: "disk" };

// What is asked without being scraped; what is down first.
export function devices(parent, found) {
  const panel = parent.closest("section");
  panel.hidden = found.length === 0;
  const up = found.filter((device) => device.health === "up").length;
  const sorted = [...found].sort((a, b) => (a.health === "up") - (b.health === "up"));
  parent.replaceChildren(
    element("p", "muted", `${up} of ${found.length} up`),
    ...sorted.slice(0, alertLimit).map((device) => {
      const tone = device.health === "up" ? "good" : device.health === "down" ? "bad" : "";
      const item = element("div", "item",
        element("div", "row",
          element("strong", "clip", device.name),
          element("span", `badge ${tone}`, device.health)),
        element("p", "muted clip", `${deviceKinds[device.kind] ?? device.kind} · ${device.address} · ${ago(device.lastRead)}`));
      if (device.lastError) item.append(element("p", "error", device.lastError));
      return item;
    }));
}

export function targets(parent, found, discovery = []) {
  const sources = discoveries(discovery);
  if (sources.length) sources.unshift(element("h3", "", "Discovery"));
  if (found.length === 0) {
    const words = sources.length ? "No scrape target has been found." : "No scrape target is configured.";
    parent.replaceChildren(element("p", "muted", words), ...sources);
    return;
  }
  const up = found.filter((target) => target.health === "up").length;
  const sorted = [...found].sort((a, b) => (a.health === "up") - (b.health === "up"));
  parent.replaceChildren(
    element("p", "muted", `${up} of ${found.length} up`),
    ...sorted.slice(0, alertLimit).map((target) => {
      const tone = target.health === "up" ? "good" : target.health === "down" ? "bad" : "";
      const took = units.plain(target.lastScrapeDuration * 1000);
      const item = element("div", "item",
        element("div", "row",
          element("strong", "clip", target.labels.instance ?? target.scrapeUrl),
          element("span", `badge ${tone}`, target.health)),
        element("p", "muted clip", `${target.scrapePool} · ${ago(target.lastScrape)} · ${took} ms`));
      if (target.lastError) item.append(element("p", "error", target.lastError));
      return item;
    }),
    ...sources);
}
