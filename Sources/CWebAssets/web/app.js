// SPDX-License-Identifier: Apache-2.0
//
// The page's loop: choose a time grid, ask for every card and panel at once, draw, wait, again. A refresh that is
// overtaken is aborted; a hidden page asks for nothing. When the server is silent the last picture stays, dimmed,
// with words above it.

import * as api from "./api.js";
import { cards } from "./dashboard.js";
import { Chart, Grid } from "./chart.js";
import { Explore } from "./explore.js";
import { clock, count, span, units } from "./format.js";
import * as panels from "./panels.js";

const niceSteps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600];
const pixelsPerPoint = 3;
const freshSpan = 60; // A node that has just begun shows its first minute, not an empty hour.
const $ = (id) => document.getElementById(id);

const state = {
  rangeSeconds: 3600,
  fixed: null, // {start, end} after a zoom; null follows the clock
  refreshSeconds: 15,
  interval: 15, // seconds between two collections, as configured
  slowest: 15, // the same as sampling has it now
  oldest: -Infinity, // seconds since 1970 of the oldest sample held
  node: null, lastAnswer: null, timer: null, running: null,
};

// MARK: Time

function timeGrid(width) {
  const end = state.fixed?.end ?? Date.now() / 1000;
  const start = state.fixed?.start ?? Math.max(end - state.rangeSeconds, Math.min(state.oldest, end - freshSpan));
  const wanted = Math.max((end - start) / Math.max(60, width / pixelsPerPoint), state.interval, 1);
  const step = niceSteps.find((one) => one >= wanted) ?? Math.ceil(wanted / 3600) * 3600;
  return [Math.ceil(start / step) * step, Math.floor(end / step) * step, step];
}

function host(...extra) {
  const labels = Object.entries(state.node?.labels ?? {}).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return [...labels, ...extra].join(", ");
}

// MARK: Cards

const listeners = {
  hover: (row) => charts.forEach(({ chart }) => chart.select(row)),
  zoom: (start, end) => {
    state.fixed = { start, end: Math.max(end, start + 60) };
    remember();
    refresh();
    explore.run();
  },
  reset: () => follow(state.rangeSeconds),
};

const charts = cards.map((definition) => {
  const card = Chart.card(definition);
  card.hidden = Boolean(definition.optional);
  $("graphs").append(card);
  return { definition, card, chart: new Chart(definition, card, listeners) };
});

const explore = new Explore($("explore"), timeGrid, listeners, remember);

async function drawCard({ definition, card, chart }, grid, signal) {
  const window = `${Math.ceil(Math.max(grid.step, 4 * state.slowest))}s`;
  const answers = await Promise.all(
    definition.queries.map((query) => api.range(query.text({ host, window }), grid, signal)));
  const series = answers.flatMap(({ result }, index) => {
    const query = definition.queries[index];
    return result.map(({ metric, values }) => ({
      name: query.name(metric) ?? "?", values, mirrored: query.mirrored, dashed: query.dashed,
      faint: query.faint,
    }));
  });
  if (definition.optional) card.hidden = series.length === 0;
  chart.update(series, grid);
}

// MARK: Tiles

function tile(id, value, { ratio = null, note = null, tone = "" } = {}) {
  const made = $(`tile-${id}`);
  made.dataset.tone = tone;
  made.querySelector(".value").textContent = value;
  if (ratio !== null) made.querySelector(".meter i").style.width = `${Math.min(100, Math.max(0, ratio * 100))}%`;
  if (note !== null) made.querySelector(".note").textContent = note;
}

const tone = (ratio, warn, bad) => (ratio === null ? "" : ratio >= bad ? "bad" : ratio >= warn ? "warn" : "");

// The tiles say what is now; while a past range is looked at they say nothing of the machine.
function showTiles() {
  const newest = Object.fromEntries(
    charts.map(({ definition, chart }) => [definition.id, state.fixed ? new Map() : chart.newest()]));
  const known = (values) => [...values].filter((value) => value !== null);
  const modes = known(newest.cpu.values());
  // The kernel's counters are read one after the other; a full core can come out a little above 100.
  const busy = modes.length ? Math.min(100, modes.reduce((sum, value) => sum + value, 0)) : null;
  tile("cpu", units.percent(busy), { ratio: busy / 100, tone: tone(busy, 80, 95) });

  const used = newest.memory.get("used") ?? null;
  const parts = known(newest.memory.values());
  const total = parts.reduce((sum, value) => sum + value, 0);
  const share = used === null || total === 0 ? null : (100 * used) / total;
  tile("memory", units.percent(share), { ratio: share / 100, tone: tone(share, 85, 95) });

  const fills = [...newest.filesystem].filter(([, value]) => value !== null).sort((a, b) => b[1] - a[1]);
  const [mount, fill] = fills[0] ?? ["", null];
  tile("filesystem", units.percent(fill), { ratio: fill / 100, tone: tone(fill, 85, 95) });
  $("tile-filesystem").querySelector(".label").textContent = `Fullest filesystem ${mount}`;

  const cores = newest.load.get("cores") ?? null;
  const load = newest.load.get("1 min") ?? null;
  const perCore = cores && load !== null ? load / cores : null;
  tile("load", units.plain(perCore), { ratio: perCore ?? 0, tone: tone(perCore, 1.5, 4) });
}

function showAlertTile(sorted) {
  const firing = sorted.filter((alert) => alert.state === "firing");
  const isCritical = firing.some((alert) => ["critical", "error"].includes(alert.labels.severity));
  const pending = sorted.length - firing.length;
  tile("alerts", count(firing.length), {
    note: pending ? `${pending} pending` : firing.length ? firing[0].labels.alertname : "all quiet",
    tone: isCritical ? "bad" : firing.length ? "warn" : "good",
  });
}

function showSyncTile(destinations) {
  if (destinations.length === 0) {
    tile("sync", "off", { note: "no destination" });
    return;
  }
  const worst = destinations.reduce((most, one) => (one.backlogSeconds > most.backlogSeconds ? one : most));
  const failing = destinations.filter((one) => one.lastError).length;
  tile("sync", span(worst.backlogSeconds), {
    note: failing ? `${failing} of ${destinations.length} failing` : `${destinations.length} connected`,
    tone: failing ? (worst.backlogSeconds > 3600 ? "bad" : "warn") : "good",
  });
}

// MARK: Node

function showNode(node) {
  state.node = node;
  document.title = `${node.name} · edgewatch`;
  $("node-name").textContent = node.name;
  $("node-uptime").textContent = span(node.uptimeSeconds);
  $("node-version").textContent = node.version;
  $("node-version").title = node.revision;
}

function health(name, words) {
  $("health").dataset.state = name;
  $("health").textContent = words;
}

function outage(error) {
  document.body.classList.add("is-silent");
  const isStarting = error.kind === "starting";
  $("outage").dataset.state = isStarting ? "starting" : "down";
  health(isStarting ? "starting" : "down", isStarting ? "starting" : "unreachable");
  const since = state.lastAnswer ? `The picture is from ${clock(state.lastAnswer)}.` : "Nothing has been read yet.";
  $("outage").textContent = isStarting
    ? "edgewatch is starting and reads its log. This page goes on by itself."
    : `edgewatch does not answer (${error.message}). ${since} Trying again.`;
  $("outage").hidden = false;
  if (!state.lastAnswer) charts.forEach(({ chart }) => chart.fail(isStarting ? "starting" : "no connection"));
}

function showHealth(status, sorted, down) {
  document.body.classList.remove("is-silent");
  $("outage").hidden = true;
  state.lastAnswer = Date.now();
  $("drawn").textContent = `Drawn ${clock(state.lastAnswer)}`;
  const isCritical = sorted.some((one) => one.state === "firing" && one.labels.severity === "critical");
  const isFailing = status.sync.some((one) => one.lastError) || status.storage.corruptions > 0;
  if (isCritical) health("bad", "critical");
  else if (down > 0) health("warn", `${count(down)} down`);
  else if (isFailing || sorted.some((one) => one.state === "firing")) health("warn", "attention");
  else health("good", "healthy");
}

// MARK: The loop

async function refresh() {
  clearTimeout(state.timer);
  state.running?.abort();
  const running = (state.running = new AbortController());
  try {
    const status = await api.get("edgewatch/status", running.signal);
    showNode(status.node);
    state.interval = status.node.collectIntervalSeconds;
    state.slowest = Math.max(state.interval, status.sampling.intervalSeconds);
    state.oldest = status.storage.oldest ? Date.parse(status.storage.oldest) / 1000 : -Infinity;
    const [, { sorted, down }] = await Promise.all([refreshCharts(running.signal), refreshPanels(status, running.signal)]);
    showHealth(status, sorted, down);
    document.body.dataset.ready = "1";
  } catch (error) {
    if (running.signal.aborted) return;
    if (error.unreachable) outage(error);
    else console.error(error);
  }
  schedule();
}

async function refreshCharts(signal) {
  const width = $("graphs").querySelector(".plot").clientWidth;
  const grid = new Grid(...timeGrid(width));
  const drawn = await Promise.allSettled(charts.map((one) => drawCard(one, grid, signal)));
  drawn.forEach(({ reason }, index) => {
    if (!reason || signal.aborted) return;
    if (reason.unreachable) throw reason;
    charts[index].chart.fail(reason.message);
  });
  if (signal.aborted) throw new DOMException("overtaken", "AbortError");
  spread();
  showTiles();
}

// An odd last card takes the whole row.
function spread() {
  const shown = charts.filter(({ card }) => !card.hidden);
  shown.forEach(({ card }, index) => {
    card.classList.toggle("is-wide", shown.length % 2 === 1 && index === shown.length - 1);
  });
}

async function refreshPanels(status, signal) {
  panels.sync($("sync"), status.sync);
  panels.storage($("storage"), status.storage);
  panels.sampling($("sampling"), status.sampling, status.signals);
  showSyncTile(status.sync);
  const [{ alerts }, rules, { activeTargets }] = await Promise.all([
    api.get("alerts", signal), api.get("rules?type=alert", signal), api.get("targets?state=active", signal),
  ]);
  panels.targets($("targets"), activeTargets, status.discovery);
  panels.devices($("devices"), status.devices);
  const sorted = panels.alerts($("alerts"), $("alerts-note"), alerts, rules);
  showAlertTile(sorted);
  const down = [...activeTargets, ...status.devices].filter((one) => one.health === "down").length;
  return { sorted, down };
}

function schedule() {
  clearTimeout(state.timer);
  const isSilent = document.body.classList.contains("is-silent");
  const seconds = isSilent ? 3 : state.refreshSeconds;
  if (seconds > 0 && !document.hidden && (!state.fixed || isSilent)) {
    state.timer = setTimeout(refresh, seconds * 1000);
  }
}

// MARK: Controls and the address

function remember() {
  const parts = new URLSearchParams();
  if (state.fixed) {
    parts.set("from", Math.round(state.fixed.start));
    parts.set("to", Math.round(state.fixed.end));
  } else {
    parts.set("range", state.rangeSeconds);
  }
  if (explore.expression) parts.set("expr", explore.expression);
  history.replaceState(null, "", `#${parts}`);
  showControls();
}

function recall() {
  const parts = new URLSearchParams(location.hash.slice(1));
  const [range, from, to] = ["range", "from", "to"].map((name) => Number(parts.get(name)));
  if (range >= 60) state.rangeSeconds = range;
  if (from > 0 && to > from) state.fixed = { start: from, end: to };
  if (parts.get("expr")) explore.expression = parts.get("expr");
  showControls();
}

function showControls() {
  for (const button of $("ranges").children) {
    const isChosen = !state.fixed && Number(button.dataset.range) === state.rangeSeconds;
    button.setAttribute("aria-pressed", String(isChosen));
  }
  $("back-to-live").hidden = !state.fixed;
}

function follow(rangeSeconds) {
  state.rangeSeconds = rangeSeconds;
  state.fixed = null;
  remember();
  refresh();
  explore.run();
}

$("ranges").addEventListener("click", (event) => {
  const chosen = event.target.closest("[data-range]");
  if (chosen) follow(Number(chosen.dataset.range));
});
$("back-to-live").addEventListener("click", () => follow(state.rangeSeconds));
$("refresh").addEventListener("change", (event) => {
  state.refreshSeconds = Number(event.target.value);
  schedule();
});
document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(state.timer) : refresh()));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  charts.forEach(({ chart }) => chart.recolour());
  explore.recolour();
});

recall();
await refresh(); // Tells the interval and the oldest sample, which the box needs for its time grid.
if (explore.expression) explore.run();
// The browser went to the address' place while nothing had its size yet.
document.getElementById(location.hash.slice(1))?.scrollIntoView();
