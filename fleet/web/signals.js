// The tree of live signals: branches by VSS (or bus and message), one row per signal made once, and only changed cells touched.
import { age, element, matcher, value } from './format.js';

export class SignalTable {
  // choose(name): a row was chosen
  constructor(body, counter, choose) {
    this.body = body;
    this.counter = counter;
    this.choose = choose;
    this.rows = new Map();
    this.branches = new Map(); // by path
    this.closed = new Set();
    this.matches = () => true;
    this.searching = false;
    this.selected = null;
    body.addEventListener('click', (event) => this.onClick(event.target.closest('tr')));
    body.addEventListener('keydown', (event) => this.onKey(event));
  }

  clear() {
    this.body.replaceChildren();
    this.rows.clear();
    this.branches.clear();
    this.closed.clear();
    this.selected = null;
    this.count();
  }

  get(name) { return this.rows.get(name)?.signal; }

  // Takes signals as the API gives them. `all`: they are the whole twin, what is missing goes.
  update(signals, all = false) {
    let changed = false;
    if (all) {
      const present = new Set(signals.map((s) => s.name));
      for (const name of this.rows.keys()) if (!present.has(name)) { this.rows.delete(name); changed = true; }
    }
    for (const signal of signals) changed = this.put(signal, !all) || changed;
    if (changed) this.arrange();
    this.count();
  }

  // True when the row is new or its place in the tree changed.
  put(signal, flash) {
    let row = this.rows.get(signal.name);
    const made = !row;
    if (made) {
      row = this.make(signal.name);
      this.rows.set(signal.name, row);
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
    const never = signal.quality.includes('never-seen');
    const moved = made || never !== row.never;
    if (row.quality.textContent !== quality) {
      row.quality.textContent = quality;
      row.quality.className = signal.quality.length ? 'flag' : 'ok';
      row.never = never;
      row.element.className = never ? 'never' : '';
    }
    return moved;
  }

  flash(cell) {
    cell.classList.add('fresh');
    requestAnimationFrame(() => requestAnimationFrame(() => cell.classList.remove('fresh')));
  }

  make(name) {
    const row = element('tr');
    row.dataset.name = name;
    row.tabIndex = -1;
    const cells = ['', 'num value', 'unit', '', 'num age'].map((kind) => element('td', kind));
    const dot = name.lastIndexOf('.') + 1;
    cells[0].append(element('span', 'path', name.slice(0, dot)), name.slice(dot));
    cells[0].title = name;
    row.append(...cells);
    return { element: row, value: cells[1], unit: cells[2], quality: cells[3], age: cells[4], never: false };
  }

  makeBranch(path, label) {
    const row = element('tr', 'branch');
    row.dataset.path = path;
    row.tabIndex = -1;
    const cell = element('td');
    cell.colSpan = 5;
    const count = element('span', 'count');
    cell.append(element('span', 'turn', ''), element('b', '', label), ' ', count);
    row.append(cell);
    return { element: row, count };
  }

  // The tree of what is to be seen: { leaves, children by segment }.
  tree() {
    const root = { children: new Map(), leaves: [] };
    for (const [name, row] of this.rows) {
      if (row.never && !this.searching) continue;
      let node = root;
      for (const part of name.split('.').slice(0, -1)) {
        if (!node.children.has(part)) node.children.set(part, { children: new Map(), leaves: [] });
        node = node.children.get(part);
      }
      node.leaves.push(name);
    }
    return root;
  }

  // Puts the rows in the order of the tree. A chain of branches with nothing beside it is one row.
  arrange() {
    const list = [];
    const walk = (node, path, label, level) => {
      if (node.leaves.length === 0 && node.children.size === 1) {
        const [[part, only]] = node.children;
        walk(only, [...path, part], label ? `${label}.${part}` : part, level);
        return;
      }
      const key = path.join('.');
      if (label) {
        const branch = this.branches.get(key) ?? this.makeBranch(key, label);
        this.branches.set(key, branch);
        branch.leaves = [];
        branch.level = level;
        list.push(branch);
      }
      const under = label ? [...(this.above ?? []), key] : [];
      const before = this.above;
      this.above = under;
      for (const [part, child] of node.children) walk(child, [...path, part], part, label ? level + 1 : level);
      for (const name of node.leaves) {
        const row = this.rows.get(name);
        row.under = under;
        row.level = label ? level + 1 : level;
        list.push(row);
        for (const above of under) this.branches.get(above).leaves.push(row);
      }
      const branch = this.branches.get(key);
      if (branch) branch.under = under.slice(0, -1);
      this.above = before;
    };
    this.above = null;
    walk(this.tree(), [], '', 1);
    const focused = document.activeElement;
    for (const item of list) {
      item.element.setAttribute('aria-level', item.level);
      item.element.firstChild.style.setProperty('--level', item.level - 1);
    }
    this.body.replaceChildren(...list.map((item) => item.element));
    if (focused && this.body.contains(focused)) focused.focus({ preventScroll: true });
    this.hide();
  }

  tick() {
    const now = performance.now();
    for (const row of this.rows.values()) {
      if (row.element.hidden) continue;
      const text = row.seenAt === null ? '–' : age(now - row.seenAt);
      if (row.age.textContent !== text) row.age.textContent = text;
    }
  }

  // What was never seen is shown only to those who look for it; a search looks into closed branches too.
  hide() {
    const shut = (item) => !this.searching && (item.under ?? []).some((path) => this.closed.has(path));
    for (const row of this.rows.values()) {
      row.fits = this.matches(row.signal.name) && (!row.never || this.searching);
      row.element.hidden = !row.fits || shut(row);
    }
    for (const [path, branch] of this.branches) {
      const fitting = (branch.leaves ?? []).filter((row) => row.fits).length;
      const open = this.searching || !this.closed.has(path);
      branch.element.hidden = fitting === 0 || shut(branch);
      branch.element.setAttribute('aria-expanded', String(open));
      branch.count.textContent = fitting;
    }
  }

  filter(query) {
    this.matches = matcher(query);
    this.searching = query.trim() !== '';
    this.body.parentElement.classList.toggle('searching', this.searching);
    this.arrange();
    this.count();
  }

  fold(all) {
    this.closed = new Set(all ? this.branches.keys() : []);
    this.hide();
    this.count();
  }

  toggle(path, open = this.closed.has(path)) {
    if (open) this.closed.delete(path);
    else this.closed.add(path);
    this.hide();
    this.count();
  }

  count() {
    const fitting = [...this.rows.values()].filter((row) => row.fits).length;
    this.counter.textContent = fitting === this.rows.size ? fitting : `${fitting} of ${this.rows.size}`;
    this.counter.title = 'Signals never seen are shown when searched for.';
    const chosen = this.rows.get(this.selected)?.element;
    const target = chosen && !chosen.hidden ? chosen : this.body.querySelector('tr:not([hidden])');
    for (const row of this.body.children) row.tabIndex = row === target ? 0 : -1;
  }

  select(name) {
    if (!name || !this.rows.has(name)) return;
    this.rows.get(this.selected)?.element.setAttribute('aria-selected', 'false');
    this.selected = name;
    this.rows.get(name).element.setAttribute('aria-selected', 'true');
    this.focusable(this.rows.get(name).element);
    this.choose(name);
  }

  focusable(target) {
    for (const row of this.body.children) row.tabIndex = row === target ? 0 : -1;
  }

  // From the row that has the focus, or is chosen; over hidden rows. Branches are stopped at only when one has the focus.
  move(step) {
    const active = document.activeElement?.closest?.('#signals tr');
    const shown = [...this.body.children].filter((row) => !row.hidden && (active || row.dataset.name));
    if (shown.length === 0) return;
    const from = active ?? this.rows.get(this.selected)?.element;
    const next = shown[Math.min(shown.length - 1, Math.max(0, shown.indexOf(from) + step))];
    next.focus();
    if (next.dataset.name) this.select(next.dataset.name);
    else this.focusable(next);
  }

  onClick(row) {
    if (!row) return;
    if (row.dataset.path !== undefined) this.toggle(row.dataset.path);
    else this.select(row.dataset.name);
  }

  onKey(event) {
    const row = event.target.closest('tr');
    const branch = row?.dataset.path;
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 15, PageUp: -15, Home: -1e6, End: 1e6 };
    if (event.key in steps) this.move(steps[event.key]);
    else if (event.key === 'Enter' || event.key === ' ') this.onClick(row);
    else if (event.key === 'ArrowRight' && branch !== undefined) this.toggle(branch, true);
    else if (event.key === 'ArrowLeft' && branch !== undefined) this.toggle(branch, false);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
