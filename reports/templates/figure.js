"use strict";
const TICKS = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800, 86400];
const HEIGHT = 190, LOWER = 110, LINE = 13;
const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const shown = {cells: new Set(), before: false};
let plots = [], samples = {}, moment = null, range = null, zooming = false;

// --- samples ---------------------------------------------------------------------------------------------------------
async function inflate(text) {
  const bytes = Uint8Array.from(atob(text), c => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
}
async function readNumbers(text) {
  let sum = 0;
  return Array.from(new Int32Array(await inflate(text)), step => sum += step);
}
async function readColumn(column, scale = 1) {
  let code = 0;
  return Array.from(new Uint16Array(await inflate(column.data)), step => {
    code = (code + step) & 65535;
    return code === 65535 ? null : (column.low + code * column.step) * scale;
  });
}
// Values that are known in some rows only, among nothing in all others.
function spread(rows, values) {
  const all = new Array(figure.count).fill(null);
  rows.forEach((row, place) => { all[row] = values[place]; });
  return all;
}
async function readCells(panel) {
  const {cells} = panel;
  if (!cells.traces) {
    const rows = await readNumbers(cells.rows), lowest = await readColumn(cells.lowest), above = await readColumn(cells.above);
    cells.known = rows.filter((_, place) => lowest[place] !== null);
    cells.traces = cells.names.map((_, cell) => spread(rows, rows.map((_, place) => {
      const value = above[cell * rows.length + place];
      return value === null || lowest[place] === null ? null : (value + lowest[place]) * panel.scale;
    })));
  }
  return cells.traces;
}
async function readBefore(column, scale) {
  const {before} = figure;
  if (!(column in before.columns)) return null;
  const rows = await readNumbers(before.rows);
  return spread(rows, await readColumn(before.columns[column], scale));
}
function clock(seconds) {
  const s = Math.round(seconds), pad = n => String(n).padStart(2, "0");
  return `${Math.floor(s / 3600)}:${pad(Math.floor(s / 60) % 60)}:${pad(s % 60)}`;
}

// --- marks -----------------------------------------------------------------------------------------------------------
function line(context, x0, y0, x1, y1, color, dash) {
  context.strokeStyle = color;
  context.setLineDash(dash);
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
  context.stroke();
}
function clipped(plot, draw) {
  const {ctx, bbox} = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.font = `${11 * devicePixelRatio}px system-ui`;
  ctx.textAlign = "left";
  ctx.textBaseline = "alphabetic";
  draw(ctx, bbox, devicePixelRatio);
  ctx.restore();
}
// Writes a text where it covers no other one: it moves down, else up, and is left out where there is no room at all.
function write(plot, text, x, y, color) {
  const {ctx, bbox} = plot, height = LINE * devicePixelRatio, width = ctx.measureText(text).width;
  const fits = top => top >= bbox.top && top + height <= bbox.top + bbox.height
    && !plot.labels.some(other => x < other.x + other.width && other.x < x + width
                                  && top < other.y + other.height && other.y < top + height);
  const wanted = y - height + 2 * devicePixelRatio;
  const tried = [0, 1, -1, 2, -2, 3, -3, 4, 5, 6].map(lines => wanted + lines * height).find(fits);
  if (tried === undefined) return;
  plot.labels.push({x, y: tried, width, height, text});
  ctx.fillStyle = css("--veil");
  ctx.fillRect(x - 1, tried + 1, width + 2, height - 1);
  ctx.fillStyle = color;
  ctx.fillText(text, x, tried + height - 2 * devicePixelRatio);
}
// What can be seen of a time: its left and right edge, null where nothing can.
function seen(plot, start, stop) {
  const {bbox} = plot;
  const left = Math.max(plot.valToPos(start, "x", true), bbox.left);
  const right = Math.min(plot.valToPos(stop, "x", true), bbox.left + bbox.width);
  return right > left ? [left, right] : null;
}
// Steps as alternating bands under the traces, holds in amber, gaps in grey, their names in the first panel.
function drawTimes(plot, named) {
  plot.labels = [];
  clipped(plot, (ctx, bbox, ratio) => {
    figure.steps.forEach((step, position) => {
      const part = seen(plot, step.start, step.stop);
      if (!part) return;
      const [left, right] = part;
      ctx.fillStyle = position % 2 ? "rgba(90,130,180,.05)" : "rgba(90,130,180,.13)";
      ctx.fillRect(left, bbox.top, right - left, bbox.height);
      if (named && right - left > ctx.measureText(step.name).width + 8 * ratio)
        write(plot, step.name, left + 4 * ratio, bbox.top + bbox.height - 5 * ratio, css("--soft"));
    });
    for (const hold of figure.holds) shade(plot, hold.start, hold.stop, "rgba(178,107,0,.15)",
      named && `hold: ${hold.name}`, css("--amber"), 26);
    for (const gap of figure.gaps) {
      shade(plot, gap.start, gap.stop, "rgba(120,120,120,.18)", named && `gap of ${gap.name}, then at rest`,
        css("--soft"), 40);
      shade(plot, gap.start, gap.seen, "rgba(120,120,120,.18)");
    }
  });
}
function shade(plot, start, stop, color, text, ink, down) {
  const part = seen(plot, start, stop), {ctx, bbox} = plot, ratio = devicePixelRatio;
  if (!part) return;
  ctx.fillStyle = color;
  ctx.fillRect(part[0], bbox.top, Math.max(part[1] - part[0], ratio), bbox.height);
  if (text) write(plot, text, part[0] + 4 * ratio, bbox.top + down * ratio, ink);
}
// Limits, what lies beyond a violated one, and moments, over the traces.
function drawLimits(plot, panel, named) {
  clipped(plot, (ctx, bbox, ratio) => {
    const red = css("--red");
    ctx.lineWidth = ratio;
    for (const violation of figure.violations) drawViolation(plot, panel, violation, red);
    for (const limit of panel.limits) {
      const y = plot.valToPos(limit.value, "y", true);
      line(ctx, bbox.left, y, bbox.left + bbox.width, y, red, [6 * ratio, 3 * ratio]);
      if (y >= bbox.top && y <= bbox.top + bbox.height) write(plot, limit.text, bbox.left + 4 * ratio, y - 3 * ratio, red);
    }
    for (const decided of figure.decided) {
      const x = plot.valToPos(decided.time, "x", true);
      line(ctx, x, bbox.top, x, bbox.top + bbox.height, css("--amber"), [2 * ratio, 3 * ratio]);
      if (named && x >= bbox.left && x <= bbox.left + bbox.width) {
        const width = ctx.measureText(decided.text).width;
        write(plot, decided.text, Math.max(bbox.left, x - width - 4 * ratio), bbox.top + 14 * ratio, css("--amber"));
      }
    }
    if (moment !== null) {
      const x = plot.valToPos(moment, "x", true);
      line(ctx, x, bbox.top, x, bbox.top + bbox.height, css("--link"), [4 * ratio, 2 * ratio]);
    }
  });
}
function drawViolation(plot, panel, violation, red) {
  const {ctx, bbox} = plot, ratio = devicePixelRatio, x = plot.valToPos(violation.time, "x", true);
  line(ctx, x, bbox.top, x, bbox.top + bbox.height, red, []);
  if (!panel.traces.some(trace => trace.column === violation.column)) return;
  if (violation.limit !== null) {
    const y = plot.valToPos(violation.limit * panel.scale, "y", true);
    const left = plot.valToPos(violation.since, "x", true), end = violation.upper ? bbox.top : bbox.top + bbox.height;
    ctx.fillStyle = "rgba(198,40,40,.22)";
    ctx.fillRect(left, Math.min(y, end), Math.max(x - left, 2 * ratio), Math.abs(end - y));
  }
  ctx.lineWidth = 2 * ratio;
  ctx.beginPath();
  ctx.arc(x, plot.valToPos(violation.value * panel.scale, "y", true), 5 * ratio, 0, 7);
  ctx.stroke();
  ctx.lineWidth = ratio;
}

// --- panels ----------------------------------------------------------------------------------------------------------
function value(unit) {
  return (plot, each) => each === null || each === undefined ? "–" : `${each.toPrecision(5)} ${unit}`;
}
function axes(label) {
  const axis = {stroke: css("--ink"), grid: {stroke: css("--grid"), width: 1}, ticks: {stroke: css("--grid")}};
  return [{...axis, incrs: TICKS, values: (plot, ticks) => ticks.map(clock)}, {...axis, label, size: 56, labelSize: 20}];
}
const TIME = {label: "time", value: (plot, each) => each === null ? "" : clock(each)};
function common(height, hooks) {
  return {
    width: document.body.clientWidth, height, cursor: {sync: {key: "run"}, drag: {x: true, y: false}, focus: {prox: 16}},
    hooks: {...hooks, setScale: [(plot, key) => key === "x" && zoomAll(plot)], setCursor: [readOut]},
  };
}
function options(panel, first, extra) {
  return {
    ...common(HEIGHT, {drawClear: [plot => drawTimes(plot, first)], draw: [plot => drawLimits(plot, panel, first)]}),
    scales: {x: {time: false}, y: {range: (plot, low, high) =>
      plot.zoomed && low !== null ? [low - .05 * (high - low || 1), high + .05 * (high - low || 1)]
                                  : [panel.low, panel.high]}},
    axes: axes(`${panel.title} / ${panel.unit}`),
    series: [TIME, ...panel.traces.map(trace => ({
      label: trace.label, stroke: trace.color, width: 1.4, dash: trace.dashed ? [6, 4] : undefined,
      value: value(panel.unit)})), ...extra],
    bands: panel.band ? [{series: panel.band.map(name =>
      panel.traces.findIndex(trace => trace.column === name) + 1).reverse(), fill: "rgba(128,128,128,.18)"}] : [],
  };
}
// One panel: its traces, behind them the cells and the last night where somebody asked for them.
async function drawPanel(panel, first) {
  const target = document.createElement("div"), data = [samples.time], extra = [];
  target.tabIndex = 0;
  target.setAttribute("role", "group");
  target.setAttribute("aria-label", `${panel.title}: arrow keys move the cursor, plus and minus zoom, 0 shows the whole run`);
  document.getElementById("panels").append(target);
  for (const trace of panel.traces) data.push(await samples.of(trace.column, panel.scale));
  if (shown.before) for (const trace of panel.traces.filter(trace => !trace.dashed)) {
    const earlier = await readBefore(trace.column, panel.scale);
    if (!earlier) continue;
    data.push(earlier);
    extra.push({label: `${trace.label}, ${figure.before.label}`, stroke: trace.color, width: 1.2, dash: [2, 3], spanGaps: true,
                value: value(panel.unit)});
  }
  if (shown.cells.has(panel.title)) for (const [cell, trace] of (await readCells(panel)).entries()) {
    data.push(trace);
    extra.push({label: panel.cells.names[cell], class: "single-cell", stroke: css("--cell"), width: .8, spanGaps: true,
                points: {show: false}});
  }
  const plot = new uPlot(options(panel, first, extra), data, target);
  plot.panel = panel;
  plots.push(plot);
  target.addEventListener("keydown", event => steer(plot, event));
  for (const name of target.querySelectorAll(".u-legend th")) {
    name.tabIndex = 0;
    name.setAttribute("role", "button");
    name.addEventListener("keydown", event => { if (event.key === "Enter") name.click(); });
  }
  if (shown.before) await drawDifference(panel, target);
}
async function drawDifference(panel, target) {
  const [trace] = panel.traces, earlier = await readBefore(trace.column, panel.scale);
  if (!earlier) return;
  const now = await samples.of(trace.column, panel.scale);
  const apart = earlier.map((then, row) => then === null || now[row] === null ? null : now[row] - then);
  const below = {
    ...common(LOWER, {drawClear: [plot => drawTimes(plot, false)]}), scales: {x: {time: false}},
    axes: axes(`Δ / ${panel.unit}`),
    series: [TIME, {label: `${trace.label}: now minus ${figure.before.label}`, stroke: trace.color, width: 1.2, spanGaps: true,
                    value: value(panel.unit)}],
  };
  const plot = new uPlot(below, [samples.time, apart], target);
  plot.difference = true;
  plots.push(plot);
}
// One zoom for all panels; a double click shows the whole run again.
function zoomAll(source) {
  if (zooming) return;
  zooming = true;
  const {min, max} = source.scales.x;
  range = {min, max};
  for (const plot of plots) {
    const time = plot.data[0];
    plot.zoomed = min > time[0] || max < time[time.length - 1];
    plot.setScale("x", {min, max});
  }
  zooming = false;
}
// Keys start from the moment that was looked at last, where it can be seen, and never leave the run.
function steer(plot, event) {
  const {min, max} = plot.scales.x, step = 1 / 60, time = plot.data[0], first = time[0], last = time[time.length - 1];
  const middle = moment !== null && moment >= min && moment <= max ? moment : (min + max) / 2;
  const zoom = factor => plot.setScale("x", {min: Math.max(middle - (middle - min) * factor, first),
                                             max: Math.min(middle + (max - middle) * factor, last)});
  const move = way => {
    moment = Math.min(Math.max(middle + way * (max - min) * step, first), last);
    if (moment < min || moment > max) plot.setScale("x", {min: min + moment - middle, max: max + moment - middle});
    plot.setCursor({left: plot.valToPos(moment, "x"), top: HEIGHT / 3});
    plots.forEach(each => each.redraw(false));
  };
  const keys = {ArrowLeft: () => move(-1), ArrowRight: () => move(1), "+": () => zoom(.5), "-": () => zoom(2),
                0: () => plot.setScale("x", {min: first, max: last})};
  if (!(event.key in keys) || event.target !== event.currentTarget) return;
  event.preventDefault();
  keys[event.key]();
}
// Which cell is the lowest and which the highest where the cursor is, of every panel that shows them.
function readOut(plot) {
  const row = plot.cursor.idx;
  if (row === null || row === undefined || plot.difference) return;
  const told = figure.panels.filter(panel => shown.cells.has(panel.title) && panel.cells.known?.length).map(panel => {
    const near = nearest(panel.cells.known, row);
    const values = panel.cells.traces.map(trace => trace[near]), known = values.filter(each => each !== null);
    const low = Math.min(...known), high = Math.max(...known), name = each => panel.cells.names[values.indexOf(each)];
    return `${panel.title}: ${name(low)} is the lowest, ${low.toPrecision(5)} ${panel.unit}; ${name(high)} is the highest, `
      + `${high.toPrecision(5)} ${panel.unit}`;
  });
  document.getElementById("readout").textContent = told.length ? `At ${clock(samples.time[row])}: ${told.join(". ")}.` : "";
}
function nearest(rows, row) {
  return rows.reduce((best, each) => Math.abs(each - row) < Math.abs(best - row) ? each : best);
}

// --- the page --------------------------------------------------------------------------------------------------------
function button(text, pressed, toggle) {
  const made = document.createElement("button");
  made.textContent = text;
  made.setAttribute("aria-pressed", pressed());
  made.addEventListener("click", async () => { toggle(); made.setAttribute("aria-pressed", pressed()); await draw(); });
  document.getElementById("buttons").append(made);
}
function buttons() {
  for (const {title, cells} of figure.panels.filter(panel => panel.cells)) {
    const kind = cells.names[0].split(" ")[0];
    button(`Every ${kind} (${cells.names.length})`, () => shown.cells.has(title),
           () => shown.cells.has(title) ? shown.cells.delete(title) : shown.cells.add(title));
  }
  if (figure.before) button(`Lay over ${figure.before.label}`, () => shown.before, () => { shown.before = !shown.before; });
}
let drawing = Promise.resolve();
function draw() { return drawing = drawing.then(drawAll); }
async function drawAll() {
  zooming = true;  // a plot that is new tells its own range, which is nobody's zoom
  plots.forEach(plot => plot.destroy());
  plots = [];
  document.getElementById("panels").replaceChildren();
  document.getElementById("readout").textContent = "";
  for (const [place, panel] of figure.panels.entries()) await drawPanel(panel, !place);
  await new Promise(resolve => setTimeout(resolve));
  zooming = false;
  if (range) plots[0].setScale("x", range);
  document.body.dataset.drawn = plots.length;
  document.body.dataset.traces = plots.reduce((sum, plot) => sum + plot.series.length - 1, 0);
}
async function show() {
  let sum = 0;
  const steps = new Int32Array(await inflate(figure.time)), read = {};
  samples.time = Array.from(steps, step => (sum += step) / figure.ticks);
  samples.of = (column, scale) => read[column + scale] ??= readColumn(figure.columns[column], scale);
  if (location.hash.includes("cells")) figure.panels.filter(panel => panel.cells).forEach(panel => shown.cells.add(panel.title));
  buttons();
  await draw();
  document.getElementById("hint").textContent = "Drag to zoom all panels, double-click to see the whole run, "
    + "click a name in a legend to hide its trace. With the keyboard: arrows, plus, minus and 0 in a panel.";
  addEventListener("resize", () => plots.forEach(plot =>
    plot.setSize({width: document.body.clientWidth, height: plot.difference ? LOWER : HEIGHT})));
  lookAt();
  addEventListener("hashchange", lookAt);
}
// A link to a moment (#at=1234, s of test time) shows five minutes before it and one after.
function lookAt() {
  const at = Number(new URLSearchParams(location.hash.slice(1)).get("at"));
  if (!plots.length || !location.hash.includes("at=") || !Number.isFinite(at)) return;
  moment = at;
  range = {min: at - 300, max: at + 60};
  plots[0].setScale("x", range);
  document.body.dataset.at = at;
}
show();
