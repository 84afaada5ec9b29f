// SPDX-License-Identifier: Apache-2.0
//
// One graph: a dygraph, a legend of fixed height with the value under the pointer (else the newest), and the
// words shown when there is nothing to draw. All charts of a refresh share one time grid, so row numbers mean the
// same time everywhere and the pointer can be shown on all of them.

import { units, moment } from "./format.js";

const seriesLimit = 8; // Colours that can be told apart; the largest series are kept.
const newestWithinSteps = 3; // How old the value shown as "now" may be.

// This page has a legend of its own, and the built-in one styles itself in a way the content policy forbids.
const { Dygraph } = globalThis;
Dygraph.PLUGINS = Dygraph.PLUGINS.filter((plugin) => plugin !== Dygraph.Plugins.Legend);

// Only the mouse drags; a finger scrolls the page.
const { mousedown, willDestroyContextMyself } = Dygraph.defaultInteractionModel;

// The shared time axis of one refresh.
export class Grid {
  constructor(start, end, step) {
    Object.assign(this, { start, end, step, rows: Math.floor((end - start) / step) + 1 });
  }

  row(seconds) {
    return Math.round((seconds - this.start) / this.step);
  }
}

export class Chart {
  #card; #plot; #legend; #words; #cursor; #dygraph = null; #names = []; #hidden = new Set();
  #data = []; #grid = null; #definition; #listeners;

  constructor(definition, card, listeners) {
    this.#definition = definition;
    this.#listeners = listeners;
    this.#card = card;
    this.#plot = card.querySelector(".plot");
    this.#legend = card.querySelector(".legend");
    this.#words = card.querySelector(".words");
    this.#cursor = card.querySelector(".cursor");
    new ResizeObserver(() => this.#dygraph?.resize()).observe(this.#plot);
  }

  static card(definition) {
    const card = document.createElement("article");
    card.className = "panel card";
    card.id = `card-${definition.id}`;
    card.innerHTML = `<header><h2></h2><span class="muted caption"></span></header>
      <div class="frame"><div class="plot" role="img"></div><div class="cursor" hidden></div>
      <p class="words muted">loading</p></div><div class="legend"></div>`;
    card.querySelector("h2").textContent = definition.title;
    card.querySelector(".caption").textContent = definition.caption ?? "";
    card.querySelector(".plot").setAttribute("aria-label", `Graph: ${definition.title}`);
    return card;
  }

  // series: [{name, values: [[seconds, "text"]], mirrored, dashed}]
  update(series, grid) {
    this.#grid = grid;
    const chosen = this.#chosen(series);
    this.#data = rows(chosen, grid);
    this.#card.classList.toggle("is-empty", chosen.length === 0);
    this.#words.textContent = chosen.length ? "" : "No data in this range";
    if (chosen.length === 0) {
      this.#drop();
      return;
    }
    const names = chosen.map((one) => one.name);
    const isSame = this.#dygraph && names.join("\0") === this.#names.join("\0");
    this.#names = names;
    this.series = chosen;
    if (isSame) {
      this.#dygraph.updateOptions({ file: this.#data, dateWindow: this.#window(), ...this.#valueAxis() });
    } else {
      this.#draw();
    }
    this.#showLegend(null);
  }

  // The newest value of each series, by name.
  newest() {
    const found = new Map();
    this.#names.forEach((name, index) => found.set(name, newestOf(this.#data, index + 1)));
    return found;
  }

  fail(message) {
    this.#words.textContent = message;
    this.#card.classList.add("is-empty");
  }

  recolour() {
    if (this.#dygraph) this.#draw();
    if (this.#dygraph) this.#showLegend(null);
  }

  select(row) {
    if (!this.#dygraph) return;
    if (row === null || row < 0 || row >= this.#data.length) {
      this.#dygraph.clearSelection();
      this.#cursor.hidden = true;
      this.#showLegend(null);
      return;
    }
    this.#dygraph.setSelection(row);
    this.#cursor.hidden = false;
    this.#cursor.style.left = `${this.#dygraph.toDomXCoord(this.#data[row][0])}px`;
    this.#showLegend(row);
  }

  #drop() {
    this.#dygraph?.destroy();
    this.#dygraph = null;
    this.#names = [];
    this.#cursor.hidden = true;
    this.#legend.replaceChildren();
  }

  #chosen(series) {
    const order = this.#definition.order;
    const withData = series.filter((one) => one.values.length > 0);
    if (order) {
      const rank = (one) => (order.indexOf(one.name) + order.length + 1) % (order.length + 1);
      withData.sort((a, b) => rank(a) - rank(b));
    } else if (withData.length > seriesLimit) {
      withData.sort((a, b) => largest(b.values) - largest(a.values));
    }
    const kept = withData.slice(0, seriesLimit);
    // dygraphs stacks the last series lowest; the first of a definition belongs at the bottom.
    return this.#definition.stacked ? kept.reverse() : kept;
  }

  #window() {
    return [this.#grid.start * 1000, this.#grid.end * 1000];
  }

  #valueAxis() {
    const { ceiling, stacked, floating } = this.#definition;
    if (floating) return { valueRange: null, yRangePad: 12 };
    const isMirrored = this.series.some((one) => one.mirrored);
    const isPositive = this.series.every((one) => one.mirrored || smallest(one.values) >= 0);
    if (ceiling) return { valueRange: [0, ceiling * 1.02] };
    return { valueRange: isMirrored || !(stacked || isPositive) ? null : [0, null], yRangePad: isMirrored ? 8 : null };
  }

  #draw() {
    this.#dygraph?.destroy();
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    const { unit, stacked, floating } = this.#definition;
    const format = units[unit];
    const perSeries = {};
    this.series.forEach((one) => {
      if (one.dashed) perSeries[one.name] = { strokePattern: [5, 4], fillGraph: false, strokeWidth: 1.2 };
    });
    this.colours = stacked
      ? colours([...this.series].reverse(), colour).reverse()
      : colours(this.series, colour);
    const above = this.series.filter((one) => !one.mirrored && !one.dashed).length;
    this.#dygraph = new Dygraph(this.#plot, this.#data, {
      labels: ["time", ...this.#names],
      colors: this.colours,
      visibility: this.#names.map((name) => !this.#hidden.has(name)),
      dateWindow: this.#window(),
      series: perSeries,
      stackedGraph: Boolean(stacked),
      stackedGraphNaNFill: "none",
      fillGraph: Boolean(stacked) || (above === 1 && !floating),
      fillAlpha: stacked ? 0.42 : 0.14,
      strokeWidth: 1.5,
      connectSeparatedPoints: false,
      drawPoints: false,
      highlightCircleSize: 3,
      legend: "never",
      showLabelsOnHighlight: false,
      animatedZooms: false,
      gridLineColor: colour("--grid"),
      gridLineWidth: 1,
      axisLineColor: colour("--grid"),
      rightGap: 10,
      xRangePad: 0,
      ...this.#valueAxis(),
      axes: {
        x: { axisLabelWidth: 56, pixelsPerLabel: 56, drawGrid: false },
        y: {
          axisLabelWidth: unit.endsWith("PerSecond") ? 64 : 50, pixelsPerLabel: 38,
          axisLabelFormatter: (value) => format(Math.abs(value)),
          labelsKMG2: unit.startsWith("bytes"),
        },
      },
      highlightCallback: (event, x, points, row) => this.#listeners.hover(row),
      unhighlightCallback: () => this.#listeners.hover(null),
      zoomCallback: (from, through) => this.#zoomed(from / 1000, through / 1000),
      interactionModel: { mousedown, willDestroyContextMyself, dblclick: () => this.#listeners.reset() },
    });
  }

  // A drag across is a new time range; one up or down is undone, for all cards keep their own value axis.
  #zoomed(start, end) {
    const tolerance = this.#grid.step / 2;
    const isSameTime = Math.abs(start - this.#grid.start) < tolerance && Math.abs(end - this.#grid.end) < tolerance;
    if (isSameTime) this.#dygraph.updateOptions({ dateWindow: this.#window(), ...this.#valueAxis() });
    else this.#listeners.zoom(start, end);
  }

  #showLegend(row) {
    const format = units[this.#definition.unit];
    const items = this.#names.map((name, index) => {
      const value = row === null ? newestOf(this.#data, index + 1) : this.#data[row][index + 1];
      return this.#legendItem(name, index, value === null ? "–" : format(Math.abs(value)));
    });
    if (this.#definition.stacked) items.reverse();
    const time = row === null ? "" : moment(this.#data[row][0].getTime(), this.#grid.end - this.#grid.start);
    this.#card.querySelector(".caption").textContent = time || this.#definition.caption || "";
    this.#legend.replaceChildren(...items);
  }

  #legendItem(name, index, value) {
    const item = document.createElement("button");
    item.type = "button";
    item.className = "entry";
    item.title = name;
    item.setAttribute("aria-pressed", String(!this.#hidden.has(name)));
    const swatch = document.createElement("i");
    swatch.style.background = this.colours[index];
    const label = document.createElement("span");
    label.textContent = name;
    const number = document.createElement("b");
    number.textContent = value;
    item.append(swatch, label, number);
    item.addEventListener("click", () => this.#toggle(name, index));
    return item;
  }

  #toggle(name, index) {
    if (!this.#hidden.delete(name)) this.#hidden.add(name);
    this.#dygraph?.setVisibility(index, !this.#hidden.has(name));
    this.#showLegend(null);
  }
}

// A mirrored series has the colour of the one it mirrors.
function colours(series, colour) {
  const upper = series.filter((one) => !one.mirrored && !one.dashed);
  let next = 0;
  return series.map((one) => {
    if (one.dashed) return colour("--muted");
    if (one.faint) return colour("--faint");
    const stem = one.name.replace(/ \S+$/, "");
    const twin = one.mirrored ? upper.findIndex((other) => other.name.replace(/ \S+$/, "") === stem) : -1;
    const index = twin >= 0 ? twin : next++;
    return colour(`--series-${(index % seriesLimit) + 1}`);
  });
}

// The matrix over the grid: [Date, value or null, …] per step.
function rows(series, grid) {
  const data = Array.from({ length: grid.rows }, (_, row) => {
    const line = new Array(series.length + 1).fill(null);
    line[0] = new Date((grid.start + row * grid.step) * 1000);
    return line;
  });
  series.forEach((one, index) => {
    for (const [seconds, text] of one.values) {
      const row = grid.row(seconds);
      if (row < 0 || row >= data.length) continue;
      const value = Number(text.replace("Inf", "Infinity"));
      data[row][index + 1] = Number.isFinite(value) ? (one.mirrored ? -value : value) : null;
    }
  });
  return data;
}

function newestOf(data, column) {
  const oldest = Math.max(0, data.length - 1 - newestWithinSteps);
  for (let row = data.length - 1; row >= oldest; row -= 1) {
    if (data[row][column] !== null) return data[row][column];
  }
  return null;
}

const largest = (values) => values.reduce((most, [, text]) => Math.max(most, Number(text) || 0), -Infinity);
const smallest = (values) => values.reduce((least, [, text]) => Math.min(least, Number(text) || 0), Infinity);
