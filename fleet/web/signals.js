// The table of live signals: rows are made once per signal and only their changed cells are touched.
import { age, matcher, value } from './format.js';

export class SignalTable {
  // choose(name): a row was chosen
  constructor(body, counter, choose) {
    this.body = body;
    this.counter = counter;
    this.choose = choose;
    this.rows = new Map();
    this.matches = () => true;
    this.searching = false;
    this.selected = null;
    body.addEventListener('click', (event) => this.select(event.target.closest('tr')?.dataset.name));
    body.addEventListener('keydown', (event) => this.onKey(event));
  }

  clear() {
    this.body.replaceChildren();
    this.rows.clear();
    this.selected = null;
    this.count();
  }

  names() { return [...this.rows.keys()]; }
  get(name) { return this.rows.get(name)?.signal; }

  // Takes signals as the API gives them. `all`: they are the whole twin, what is missing goes.
  update(signals, all = false) {
    if (all) {
      const present = new Set(signals.map((s) => s.name));
      for (const [name, row] of this.rows) if (!present.has(name)) { row.element.remove(); this.rows.delete(name); }
    }
    for (const signal of signals) this.put(signal, !all);
    this.count();
  }

  put(signal, flash) {
    let row = this.rows.get(signal.name);
    if (!row) {
      row = this.make(signal.name);
      this.rows.set(signal.name, row);
      this.body.append(row.element);
    }
    row.signal = signal;
    row.seenAt = signal.age_ms === null ? null : performance.now() - signal.age_ms;
    const text = value(signal.value, signal.text);
    if (row.value.textContent !== text) {
      row.value.textContent = text;
      row.value.title = text;
      if (flash) this.flash(row.value);
    }
    if (row.unit.textContent !== signal.unit) row.unit.textContent = signal.unit;
    const quality = signal.quality.join(', ') || 'good';
    if (row.quality.textContent !== quality) {
      row.quality.textContent = quality;
      row.quality.className = signal.quality.length ? 'flag' : 'ok';
      row.never = signal.quality.includes('never-seen');
      row.element.className = row.never ? 'never' : '';
      this.hide(row);
    }
  }

  flash(cell) {
    cell.classList.add('fresh');
    requestAnimationFrame(() => requestAnimationFrame(() => cell.classList.remove('fresh')));
  }

  make(name) {
    const element = document.createElement('tr');
    element.dataset.name = name;
    element.tabIndex = -1;
    const cells = ['', 'num value', 'unit', '', 'num age'].map((kind) => {
      const cell = document.createElement('td');
      cell.className = kind;
      return cell;
    });
    const dot = name.lastIndexOf('.') + 1;
    const path = document.createElement('span');
    path.className = 'path';
    path.textContent = name.slice(0, dot);
    cells[0].append(path, name.slice(dot));
    cells[0].title = name;
    element.append(...cells);
    return { element, value: cells[1], unit: cells[2], quality: cells[3], age: cells[4] };
  }

  tick() {
    const now = performance.now();
    for (const row of this.rows.values()) {
      if (row.element.hidden) continue;
      const text = row.seenAt === null ? '–' : age(now - row.seenAt);
      if (row.age.textContent !== text) row.age.textContent = text;
    }
  }

  // What was never seen is shown only to those who look for it.
  hide(row) { row.element.hidden = !this.matches(row.signal.name) || (row.never && !this.searching); }

  filter(query) {
    this.matches = matcher(query);
    this.searching = query.trim() !== '';
    for (const row of this.rows.values()) this.hide(row);
    this.count();
  }

  count() {
    const shown = [...this.rows.values()].filter((row) => !row.element.hidden).length;
    this.counter.textContent = shown === this.rows.size ? shown : `${shown} of ${this.rows.size}`;
    this.counter.title = 'Signals never seen are shown when searched for.';
    const target = this.rows.get(this.selected)?.element ?? this.body.querySelector('tr:not([hidden])');
    for (const row of this.rows.values()) row.element.tabIndex = row.element === target ? 0 : -1;
  }

  select(name) {
    if (!name || !this.rows.has(name)) return;
    const before = this.rows.get(this.selected)?.element;
    if (before) { before.removeAttribute('aria-selected'); before.tabIndex = -1; }
    this.selected = name;
    const { element } = this.rows.get(name);
    element.setAttribute('aria-selected', 'true');
    element.tabIndex = 0;
    this.choose(name);
  }

  // Steps over hidden rows.
  move(step) {
    const shown = [...this.rows.values()].map((row) => row.element).filter((element) => !element.hidden);
    if (shown.length === 0) return;
    const at = shown.findIndex((element) => element.dataset.name === this.selected);
    const next = shown[Math.min(shown.length - 1, Math.max(0, at + step))];
    next.focus();
    this.select(next.dataset.name);
  }

  onKey(event) {
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 15, PageUp: -15, Home: -1e6, End: 1e6 };
    if (event.key in steps) {
      event.preventDefault();
      this.move(steps[event.key]);
    } else if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      this.select(event.target.closest('tr')?.dataset.name);
    }
  }
}
