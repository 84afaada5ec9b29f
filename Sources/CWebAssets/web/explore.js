// SPDX-License-Identifier: Apache-2.0
//
// The box for a question of one's own: PromQL in, a graph or a table out, the server's words when it is wrong.
// Metric names are offered as they are typed.

import { Chart, Grid } from "./chart.js";
import { element } from "./panels.js";
import { series as seriesNotation, count, clock } from "./format.js";
import * as api from "./api.js";

const rowLimit = 500; // A longer table is no longer read.
const suggestionLimit = 12;
const nameLimit = 10000; // Names fetched once for the suggestions.
const functions = [
  "abs", "absent", "avg", "avg_over_time", "ceil", "clamp_max", "clamp_min", "count", "count_over_time", "delta",
  "floor", "histogram_quantile", "increase", "irate", "label_replace", "last_over_time", "max", "max_over_time",
  "min", "min_over_time", "predict_linear", "quantile", "rate", "round", "scalar", "sum", "sum_over_time", "time",
  "topk", "vector",
];

export class Explore {
  #input; #error; #note; #graph; #table; #chart; #view = "graph"; #timeGrid; #names = null; #running = null;
  #suggestions; #active = -1; #changed;

  constructor(panel, timeGrid, listeners, changed) {
    this.#timeGrid = timeGrid;
    this.#changed = changed;
    this.#input = panel.querySelector("#expression");
    this.#error = panel.querySelector("#explore-error");
    this.#note = panel.querySelector("#explore-note");
    this.#graph = panel.querySelector("#explore-graph");
    this.#table = panel.querySelector("#explore-table");
    this.#suggestions = panel.querySelector("#suggestions");
    const definition = { id: "explored", title: "", unit: "plain" };
    const card = Chart.card(definition);
    this.#graph.append(card);
    this.#chart = new Chart(definition, card, { ...listeners, hover: (row) => this.#chart.select(row) });
    panel.querySelector("form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#close();
      this.run();
    });
    for (const button of panel.querySelectorAll("[data-view]")) {
      button.addEventListener("click", () => this.#show(button.dataset.view));
    }
    this.#input.addEventListener("focus", () => this.#loadNames());
    this.#input.addEventListener("input", () => this.#suggest());
    this.#input.addEventListener("keydown", (event) => this.#key(event));
    this.#input.addEventListener("blur", () => setTimeout(() => this.#close(), 150));
  }

  get expression() {
    return this.#input.value.trim();
  }

  set expression(text) {
    this.#input.value = text;
  }

  recolour() {
    this.#chart.recolour();
  }

  async run() {
    this.#running?.abort();
    const query = this.expression;
    this.#changed();
    if (!query) return;
    const running = (this.#running = new AbortController());
    try {
      const began = performance.now();
      const words = this.#view === "graph"
        ? await this.#drawGraph(query, running.signal)
        : await this.#fillTable(query, running.signal);
      this.#error.hidden = true;
      this.#note.textContent = `${words} in ${Math.round(performance.now() - began)} ms.`;
    } catch (error) {
      if (running.signal.aborted) return;
      this.#error.hidden = false;
      this.#error.textContent = error.message;
      this.#note.textContent = "";
    }
  }

  #show(view) {
    this.#view = view;
    for (const button of document.querySelectorAll("[data-view]")) {
      button.setAttribute("aria-pressed", String(button.dataset.view === view));
    }
    this.#graph.hidden = view !== "graph" || this.#graph.hidden;
    this.#table.hidden = view !== "table" || this.#table.hidden;
    this.run();
  }

  async #drawGraph(query, signal) {
    const grid = new Grid(...this.#timeGrid(this.#graph.parentElement.clientWidth));
    const { result, notes } = await api.range(query, grid, signal);
    this.#graph.hidden = false;
    this.#table.hidden = true;
    const lines = result.filter((one) => one.values);
    if (lines.length < result.length) {
      notes.push("A native histogram is no line: try histogram_quantile(0.9, …) or histogram_count(…).");
    }
    this.#chart.update(distinct(lines), grid);
    return withNotes(`${count(lines.length)} series, a point every ${grid.step} s,`, notes);
  }

  async #fillTable(query, signal) {
    const { type, result, notes } = await api.instant(query, null, signal);
    const vector = type === "scalar" || type === "string" ? [{ metric: {}, value: result }] : result;
    const body = element("tbody");
    for (const one of vector.slice(0, rowLimit)) {
      const single = one.value ?? one.histogram;
      const samples = single ? [single] : [...(one.values ?? []), ...(one.histograms ?? [])].sort(([a], [b]) => a - b);
      const text = samples
        .slice(-20)
        .map(([time, value]) => (single ? sampleText(value) : `${sampleText(value)} @ ${clock(time * 1000)}`));
      const name = element("td", "name", seriesNotation(one.metric));
      body.append(element("tr", "", name, element("td", "number", text.join("\n"))));
    }
    const head = element("thead", "", element("tr", "", element("th", "", "Series"), element("th", "number", "Value")));
    this.#table.replaceChildren(element("table", "", head, body));
    this.#table.hidden = false;
    this.#graph.hidden = true;
    const cut = vector.length > rowLimit ? `, the first ${rowLimit} shown` : "";
    return withNotes(`${count(vector.length)} ${type === "scalar" ? "value" : "series"}${cut}`, notes);
  }

  // MARK: Suggestions

  async #loadNames() {
    if (this.#names) return;
    this.#names = functions;
    try {
      this.#names = [...functions, ...(await api.get(`label/__name__/values?limit=${nameLimit}`))];
    } catch {
      this.#names = null; // Asked again at the next focus.
    }
  }

  #word() {
    const end = this.#input.selectionStart;
    const before = this.#input.value.slice(0, end);
    const word = before.match(/[a-zA-Z_:][a-zA-Z0-9_:]*$/)?.[0] ?? "";
    return { word, start: end - word.length, end };
  }

  #suggest() {
    const { word } = this.#word();
    const lower = word.toLowerCase();
    const names = this.#names ?? functions;
    const place = (name) => (name === word ? -1 : name.toLowerCase().indexOf(lower));
    const starting = names.filter((name) => place(name) === 0);
    const holding = names.filter((name) => place(name) > 0);
    const offered = word.length < 2 ? [] : [...starting, ...holding].slice(0, suggestionLimit);
    this.#active = -1;
    this.#suggestions.replaceChildren(...offered.map((name, index) => {
      const option = element("li", "", name);
      option.id = `suggestion-${index}`;
      option.setAttribute("role", "option");
      option.addEventListener("pointerdown", (event) => {
        event.preventDefault();
        this.#take(name);
      });
      return option;
    }));
    this.#suggestions.hidden = offered.length === 0;
    this.#input.setAttribute("aria-expanded", String(offered.length > 0));
  }

  #key(event) {
    const options = [...this.#suggestions.children];
    if (this.#suggestions.hidden || options.length === 0) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const move = event.key === "ArrowDown" ? 1 : options.length - (this.#active < 0 ? 0 : 1);
      this.#active = (Math.max(this.#active, event.key === "ArrowDown" ? -1 : 0) + move) % options.length;
      options.forEach((option, index) => option.setAttribute("aria-selected", String(index === this.#active)));
      this.#input.setAttribute("aria-activedescendant", `suggestion-${this.#active}`);
    } else if ((event.key === "Enter" || event.key === "Tab") && (this.#active >= 0 || event.key === "Tab")) {
      event.preventDefault();
      this.#take(options[Math.max(0, this.#active)].textContent);
    } else if (event.key === "Escape") {
      this.#close();
    }
  }

  #take(name) {
    const { start, end } = this.#word();
    this.#input.setRangeText(name, start, end, "end");
    this.#input.focus();
    this.#close();
  }

  #close() {
    this.#active = -1;
    this.#suggestions.hidden = true;
    this.#input.setAttribute("aria-expanded", "false");
    this.#input.removeAttribute("aria-activedescendant");
  }
}

// Series whose labels print alike would share a legend entry; a number keeps them apart.
function distinct(result) {
  const seen = new Map();
  return result.map(({ metric, values }) => {
    const name = seriesNotation(metric);
    const times = (seen.get(name) ?? 0) + 1;
    seen.set(name, times);
    return { name: times > 1 ? `${name} #${times}` : name, values };
  });
}

// A sample's number, or a native histogram with its populated buckets; rule 0 is (lower,upper], 1 [lower,upper), 3 both.
function sampleText(value) {
  if (typeof value === "string") return value;
  const buckets = (value.buckets ?? []).map(([rule, lower, upper, n]) => {
    const open = rule === 1 || rule === 3 ? "[" : "(";
    const close = rule === 0 || rule === 3 ? "]" : ")";
    return `${open}${lower},${upper}${close}:${n}`;
  });
  return `{${[`count:${value.count}`, `sum:${value.sum}`, ...buckets].join(", ")}}`;
}

function withNotes(words, notes) {
  return notes.length ? `${words} (${notes.join("; ")})` : words;
}
