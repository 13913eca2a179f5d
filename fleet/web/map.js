// Where the vehicle was, as a line on an empty ground: no tiles, nothing is fetched. North is up; metres by a local projection.
import { clock } from './format.js';

const METRES = 111320; // a degree of latitude
const PAD = 18;

const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const rad = (degrees) => (degrees * Math.PI) / 180;

// Latitudes and longitudes with their times as points: [ms, lat, lon], where both are known and mean something.
export function track(latitudes, longitudes) {
  const points = [];
  let at = 0;
  for (const [us, lat] of latitudes) {
    while (at + 1 < longitudes.length && longitudes[at + 1][0] <= us + 500000) at++;
    const lon = longitudes[at]?.[1];
    if (!Number.isFinite(lat) || !Number.isFinite(lon) || Math.abs(lat) > 90 || (lat === 0 && lon === 0)) continue;
    points.push([us / 1000, lat, lon]);
  }
  return points;
}

// A length of 1, 2 or 5 times a power of ten that is at most `metres`.
const round = (metres) => {
  const power = 10 ** Math.floor(Math.log10(metres));
  return [5, 2, 1].map((m) => m * power).find((m) => m <= metres) ?? power;
};

export class TrackMap {
  constructor(canvas, note) {
    this.canvas = canvas;
    this.note = note;
    this.points = [];
    new ResizeObserver(() => this.draw()).observe(canvas);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.draw());
  }

  set(points) {
    this.points = points;
    const last = points.at(-1);
    this.note.textContent = last ? `${last[1].toFixed(5)}, ${last[2].toFixed(5)} at ${clock(last[0])}` :
      'No position in this time.';
    this.canvas.setAttribute('aria-label', last ? `Track of ${points.length} positions, the last at ${this.note.textContent}` : 'No track');
    this.draw();
  }

  draw() {
    const { canvas, points } = this;
    const ratio = devicePixelRatio || 1;
    const w = canvas.clientWidth;
    const h = canvas.clientHeight;
    if (w === 0) return;
    canvas.width = Math.round(w * ratio);
    canvas.height = Math.round(h * ratio);
    const g = canvas.getContext('2d');
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    if (points.length === 0) return;
    const [, lat0, lon0] = points[0];
    const metres = points.map(([, lat, lon]) => [(lon - lon0) * METRES * Math.cos(rad(lat0)), (lat - lat0) * METRES]);
    const least = (k) => metres.reduce((m, p) => Math.min(m, p[k]), Infinity);
    const most = (k) => metres.reduce((m, p) => Math.max(m, p[k]), -Infinity);
    const [left, right, bottom, top] = [least(0), most(0), least(1), most(1)];
    const scale = Math.min((w - 2 * PAD) / Math.max(right - left, 20), (h - 2 * PAD) / Math.max(top - bottom, 20));
    const x = (p) => w / 2 + (p[0] - (left + right) / 2) * scale;
    const y = (p) => h / 2 - (p[1] - (bottom + top) / 2) * scale;
    this.grid(g, w, h, scale, x, y);
    g.strokeStyle = color('--accent');
    g.lineWidth = 2.5;
    g.lineJoin = g.lineCap = 'round';
    g.beginPath();
    for (const p of metres) g.lineTo(x(p), y(p));
    g.stroke();
    this.mark(g, x(metres[0]), y(metres[0]), color('--card'), 4);
    this.mark(g, x(metres.at(-1)), y(metres.at(-1)), color('--accent'), 6);
    this.scaleBar(g, h, scale);
  }

  grid(g, w, h, scale, x, y) {
    const step = round(Math.max(60 / scale, 1));
    g.strokeStyle = color('--line');
    g.lineWidth = 1;
    g.beginPath();
    const origin = [x([0, 0]), y([0, 0])];
    const px = Math.max(step * scale, 12);
    for (let at = origin[0] % px; at < w; at += px) { g.moveTo(Math.round(at) + 0.5, 0); g.lineTo(Math.round(at) + 0.5, h); }
    for (let at = origin[1] % px; at < h; at += px) { g.moveTo(0, Math.round(at) + 0.5); g.lineTo(w, Math.round(at) + 0.5); }
    g.stroke();
  }

  mark(g, x, y, fill, radius) {
    g.beginPath();
    g.arc(x, y, radius, 0, 7);
    g.fillStyle = fill;
    g.fill();
    g.strokeStyle = color('--accent');
    g.lineWidth = 2;
    g.stroke();
  }

  scaleBar(g, h, scale) {
    const metres = round(90 / scale);
    const text = metres >= 1000 ? `${metres / 1000} km` : `${metres} m`;
    g.strokeStyle = g.fillStyle = color('--text');
    g.lineWidth = 2;
    g.beginPath();
    g.moveTo(PAD, h - 10);
    g.lineTo(PAD + metres * scale, h - 10);
    g.stroke();
    g.font = '11px system-ui, sans-serif';
    g.textBaseline = 'bottom';
    g.fillText(text, PAD, h - 13);
  }
}
