// One signal over time on a canvas: numbers as steps (a value holds until the next one), texts as a timeline of states;
// gaps shaded, the value under the pointer; a drag looks more closely (keys: + - arrows 0).
import { clock, isText, moment, number, value as show } from './format.js';

const MARGIN = { left: 48, right: 10, top: 10, bottom: 20 };
const STATE_HEIGHT = 40;
const LABEL_PAD = 6;

const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// Round steps for an axis.
function ticks(low, high, count) {
  const span = high - low || 1;
  const raw = span / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw);
  const result = [];
  for (let t = Math.ceil(low / step) * step; t <= high + step * 1e-6; t += step) result.push(Math.abs(t) < step * 1e-6 ? 0 : t);
  return result;
}

// Neighbouring samples of one value as [from ms, to ms, value]; a null value is no state.
export function states(samples, now) {
  const result = [];
  for (const [ms, , v] of samples) {
    const last = result.at(-1);
    if (last && last[2] === v) continue;
    if (last) last[1] = ms;
    result.push([ms, Math.max(ms, now), v]);
  }
  return result.filter(([, , v]) => v !== null);
}

// Colours as far apart as there are texts; the label tells them apart too.
const hue = (index) => `hsl(${Math.round(index * 137.5 + 175) % 360} 45% 36%)`;

export class Plot {
  // looked(): another stretch of time is to be shown
  constructor(canvas, looked = () => {}) {
    this.canvas = canvas;
    this.looked = looked;
    this.samples = []; // [ms, number, as sent]
    this.bins = null; // [ms, min, max, mean]: of long stretches, instead of samples
    this.gaps = [];
    this.minutes = 10;
    this.view = null; // [from, to] when people look at something else than the newest
    this.pointer = null;
    this.dragged = null;
    canvas.addEventListener('pointermove', (event) => this.point(event.offsetX));
    canvas.addEventListener('pointerleave', () => this.point(null));
    canvas.addEventListener('pointerdown', (event) => { if (event.button === 0) this.dragged = event.offsetX; });
    canvas.addEventListener('pointerup', (event) => this.drop(event.offsetX));
    canvas.addEventListener('dblclick', () => this.look(null));
    canvas.addEventListener('keydown', (event) => this.onKey(event));
    new ResizeObserver(() => this.draw()).observe(canvas);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.draw());
  }

  // The stretch that is asked for.
  span(now) { return this.view ?? [now - this.minutes * 60000, now]; }

  look(view) {
    this.view = view && view[1] - view[0] > 1000 ? view : null;
    this.looked();
  }

  point(x) {
    this.pointer = x;
    if (x === null) this.dragged = null;
    this.draw();
  }

  // A drag over a stretch looks at it more closely.
  drop(x) {
    const begin = this.dragged;
    this.dragged = null;
    if (begin === null || Math.abs(x - begin) < 8 || !this.shown) { this.draw(); return; }
    const { area, from, to } = this.shown;
    const at = (px) => from + (Math.min(Math.max(px - area.x, 0), area.w) / area.w) * (to - from);
    this.look([at(Math.min(begin, x)), at(Math.max(begin, x))]);
  }

  onKey(event) {
    const [from, to] = this.span(this.now ?? Date.now());
    const w = to - from;
    const views = { '+': [from + w / 4, to - w / 4], '=': [from + w / 4, to - w / 4], '-': [from - w / 2, to + w / 2],
      ArrowLeft: [from - w / 4, to - w / 4], ArrowRight: [from + w / 4, to + w / 4], 0: null };
    if (!(event.key in views)) return;
    event.preventDefault();
    this.look(views[event.key]);
  }

  set(history) {
    this.bins = history.bins?.map(([us, low, high, mean]) => [us / 1000 + history.width_us / 2000, low, high, mean]) ?? null;
    this.samples = (history.samples ?? []).map(([us, v]) => [us / 1000, number(v), v]);
    this.gaps = history.gaps;
    this.unit = history.unit;
    this.draw();
  }

  clear() {
    this.samples = [];
    this.bins = null;
    this.gaps = [];
    this.draw();
  }

  get empty() { return this.samples.length === 0 && !this.bins?.length; }

  add(ms, v) {
    const last = this.samples.at(-1);
    if (this.bins || (last && ms <= last[0])) return;
    this.samples.push([ms, number(v), v]);
  }

  // now: the right edge, ms UTC of the backend
  draw(now = this.now ?? Date.now()) {
    this.now = now;
    const { canvas } = this;
    const ratio = devicePixelRatio || 1;
    const width = canvas.clientWidth;
    const height = canvas.clientHeight;
    if (width === 0) return;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const g = canvas.getContext('2d');
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    g.clearRect(0, 0, width, height);
    const area = { x: MARGIN.left, y: MARGIN.top, w: width - MARGIN.left - MARGIN.right, h: height - MARGIN.top - MARGIN.bottom };
    const [from, to] = this.edges(now);
    const first = this.samples.findIndex(([ms]) => ms >= from);
    const shown = first < 0 ? this.samples.slice(-1) : this.samples.slice(Math.max(0, first - 1));
    const x = (ms) => area.x + ((ms - from) / (to - from)) * area.w;
    const values = this.bins ? this.bins.flatMap(([, low, high]) => [low, high]) : shown.map(([, v]) => v);
    const y = this.textual ? () => area.y + area.h / 2 : this.valueAxis(g, area, values);
    this.shown = { area, from, to };
    if (y === null) return;
    this.timeAxis(g, area, x, from, to);
    g.save();
    g.beginPath();
    g.rect(area.x, area.y - 2, area.w, area.h + 4);
    g.clip();
    this.shadeGaps(g, area, x);
    if (this.bins) this.band(g, x, y);
    else if (this.textual) this.timeline(g, area, states(shown, to), x);
    else this.line(g, area, shown, x, y, to);
    this.shadeDrag(g, area);
    g.restore();
    if (this.pointer === null) return;
    if (this.bins) this.readout(g, area, this.bins.map(([ms, low, high, mean]) => [ms, mean, mean, low, high]), x, y, from, to);
    else this.readout(g, area, shown, x, y, from, to);
  }

  // The newest samples fill the width when there are few.
  edges(now) {
    const [from, to] = this.span(now);
    if (this.view || this.bins) return [from, to];
    const oldest = this.samples.length > 0 ? this.samples[0][0] : now;
    return [Math.max(from, Math.min(oldest, now - 10000)), to];
  }

  get textual() { return this.samples.some(([, , v]) => isText(v)); }

  // Lowest and highest of each bin as a band, the mean as a line.
  band(g, x, y) {
    g.fillStyle = color('--accent');
    g.globalAlpha = 0.25;
    g.beginPath();
    for (const [ms, low] of this.bins) g.lineTo(x(ms), y(low) + 0.5);
    for (const [ms, , high] of this.bins.toReversed()) g.lineTo(x(ms), y(high) - 0.5);
    g.fill();
    g.globalAlpha = 1;
    g.strokeStyle = color('--accent');
    g.lineWidth = 1.4;
    g.lineJoin = 'round';
    g.beginPath();
    for (const [ms, , , mean] of this.bins) g.lineTo(x(ms), y(mean));
    g.stroke();
  }

  shadeDrag(g, area) {
    if (this.dragged === null || this.pointer === null) return;
    g.fillStyle = color('--accent');
    g.globalAlpha = 0.15;
    g.fillRect(Math.min(this.dragged, this.pointer), area.y, Math.abs(this.pointer - this.dragged), area.h);
    g.globalAlpha = 1;
  }

  // Draws the axis of the finite values shown and returns the function from value to y; null when there is none.
  valueAxis(g, area, values) {
    const numbers = values.filter(Number.isFinite);
    if (numbers.length === 0) return null;
    let low = numbers.reduce((a, b) => Math.min(a, b));
    let high = numbers.reduce((a, b) => Math.max(a, b));
    const pad = high > low ? (high - low) * 0.08 : Math.abs(high) * 0.1 || 1;
    low -= pad;
    high += pad;
    const y = (v) => area.y + (1 - (v - low) / (high - low)) * area.h;
    g.font = '11px system-ui, sans-serif';
    g.fillStyle = color('--dim');
    g.strokeStyle = color('--line');
    g.lineWidth = 1;
    g.textAlign = 'right';
    g.textBaseline = 'middle';
    for (const t of ticks(low, high, 4)) {
      g.beginPath();
      g.moveTo(area.x, Math.round(y(t)) + 0.5);
      g.lineTo(area.x + area.w, Math.round(y(t)) + 0.5);
      g.stroke();
      g.fillText(Number(t.toPrecision(6)).toString(), area.x - 6, y(t));
    }
    return y;
  }

  timeAxis(g, area, x, from, to) {
    g.font = '11px system-ui, sans-serif';
    g.fillStyle = color('--dim');
    g.textAlign = 'center';
    g.textBaseline = 'top';
    for (let i = 0; i <= 2; i++) {
      const ms = from + ((to - from) * (i * 2 + 1)) / 6;
      g.fillText(to - from > 86400000 ? moment(ms) : clock(ms), x(ms), area.y + area.h + 6);
    }
  }

  shadeGaps(g, area, x) {
    g.fillStyle = color('--bad');
    g.globalAlpha = 0.15;
    for (const gap of this.gaps) {
      const left = x(gap.from_utc_ms);
      g.fillRect(left, area.y, Math.max(2, x(gap.to_utc_ms) - left), area.h);
    }
    g.globalAlpha = 1;
  }

  line(g, area, shown, x, y, now) {
    g.beginPath();
    let before = null;
    for (const [ms, v] of shown) {
      if (!Number.isFinite(v)) { before = null; continue; }
      if (before === null) g.moveTo(x(ms), y(v));
      else { g.lineTo(x(ms), y(before)); g.lineTo(x(ms), y(v)); }
      before = v;
    }
    if (before !== null) g.lineTo(x(now), y(before));
    g.strokeStyle = color('--accent');
    g.lineWidth = 1.6;
    g.lineJoin = 'round';
    g.stroke();
    if (before === null) return;
    g.fillStyle = color('--accent'); // the newest value, seen even when it is the only one
    g.beginPath();
    g.arc(Math.min(x(now), area.x + area.w) - 2, y(before), 2.5, 0, 7);
    g.fill();
  }

  timeline(g, area, list, x) {
    const texts = [...new Set(this.samples.map(([, , v]) => v))];
    const top = area.y + (area.h - STATE_HEIGHT) / 2;
    g.font = '12px system-ui, sans-serif';
    g.textAlign = 'left';
    g.textBaseline = 'middle';
    for (const [from, to, v] of list) {
      const left = Math.max(area.x, x(from));
      const room = Math.max(2, x(to) - left);
      g.fillStyle = hue(texts.indexOf(v));
      g.fillRect(Math.min(left, area.x + area.w - 2), top, Math.max(2, room - 1), STATE_HEIGHT);
      if (g.measureText(show(v)).width + 2 * LABEL_PAD > room) continue;
      g.fillStyle = '#fff';
      g.fillText(show(v), left + LABEL_PAD, top + STATE_HEIGHT / 2);
    }
  }

  readout(g, area, shown, x, y, from, now) {
    const ms = from + ((this.pointer - area.x) / area.w) * (now - from);
    const sample = shown.findLast((s) => s[0] <= ms);
    if (!sample || this.pointer < area.x || this.pointer > area.x + area.w) return;
    const range = sample.length > 3 ? ` (${show(sample[3])} to ${show(sample[4])})` : '';
    const text = `${show(sample[2])}${range} ${this.unit ?? ''}  ${moment(sample[0])}`;
    g.strokeStyle = color('--dim');
    g.beginPath();
    g.moveTo(this.pointer + 0.5, area.y);
    g.lineTo(this.pointer + 0.5, area.y + area.h);
    g.stroke();
    g.font = '12px system-ui, sans-serif';
    const w = g.measureText(text).width + 12;
    const left = Math.min(Math.max(area.x, this.pointer - w / 2), area.x + area.w - w);
    g.fillStyle = color('--text');
    g.fillRect(left, area.y, w, 20);
    g.fillStyle = color('--card');
    g.textAlign = 'left';
    g.textBaseline = 'middle';
    g.fillText(text, left + 6, area.y + 10);
    if (Number.isFinite(sample[1])) {
      g.fillStyle = color('--accent');
      g.beginPath();
      g.arc(this.pointer, y(sample[1]), 3.5, 0, 7);
      g.fill();
    }
  }
}
