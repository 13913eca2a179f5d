// The fleet: a table of vehicles with search, state and a question to all of them; and the alerts.
import { age, element, matcher, moment, value } from './format.js';

const COLUMNS = [
  { key: 'id', name: 'Vehicle', of: (v) => v.id },
  { key: 'state', name: 'State', of: (v) => (v.connected ? 'connected' : 'offline') },
  { key: 'last_seen_utc_ms', name: 'Last seen', of: (v) => v.last_seen_utc_ms, number: true },
  { key: 'answer', name: 'Answer', of: (v) => v.answer?.value ?? null, number: true },
  { key: 'alerts', name: 'Alerts', of: (v) => v.alerts, number: true },
  { key: 'group', name: 'Group', of: (v) => v.group },
  { key: 'model', name: 'Model', of: (v) => v.model },
  { key: 'tags', name: 'Tags', of: (v) => v.tags.join(' ') },
  { key: 'signals', name: 'Signals', of: (v) => v.signals, number: true },
  { key: 'software', name: 'Software', of: (v) => v.software },
];
const SHOWN_MAX = 500;

const compare = (a, b) => (typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b)));

export class FleetTable {
  constructor(parts, open) {
    this.parts = parts; // head, body, count, hint
    this.open = open;
    this.list = [];
    this.answers = null; // by id, while a question is asked
    this.state = 'all';
    this.matches = () => true;
    this.sort = { key: 'id', down: false };
    this.makeHead();
    parts.body.addEventListener('click', (event) => {
      const id = event.target.closest('tr')?.dataset.id;
      if (id && !event.target.closest('a')) this.open(id);
    });
  }

  makeHead() {
    this.heads = COLUMNS.map((column) => {
      const cell = element('th', column.number ? 'num' : '');
      cell.scope = 'col';
      const button = element('button', 'sort', column.name);
      button.type = 'button';
      button.addEventListener('click', () => {
        this.sort = { key: column.key, down: this.sort.key === column.key && !this.sort.down };
        this.draw();
      });
      cell.append(button);
      return cell;
    });
    this.parts.head.replaceChildren(...this.heads);
  }

  set(list, now) {
    this.list = list;
    this.now = now;
    this.draw();
  }

  answer(answers) {
    this.answers = answers === null ? null : new Map(answers.vehicles.map((v) => [v.id, v.signals[0]]));
    this.draw();
  }

  filter(query) {
    this.matches = matcher(query);
    this.draw();
  }

  shows(v) {
    const state = this.state === 'all' || (this.state === 'alerts' ? v.alerts > 0 : v.connected === (this.state === 'connected'));
    const text = [v.id, v.group, v.model, v.software, ...v.tags].join(' ');
    return state && (this.matches(text) || this.matches(v.id)) && (this.answers === null || this.answers.has(v.id));
  }

  draw() {
    const column = COLUMNS.find((c) => c.key === this.sort.key);
    const shown = this.list.map((v) => ({ ...v, answer: this.answers?.get(v.id) })).filter((v) => this.shows(v));
    shown.sort((a, b) => (this.sort.down ? -1 : 1) * compare(column.of(a), column.of(b)) || compare(a.id, b.id));
    this.heads.forEach((cell, i) => {
      const { key } = COLUMNS[i];
      cell.hidden = key === 'answer' && this.answers === null;
      cell.setAttribute('aria-sort', this.sort.key !== key ? 'none' : this.sort.down ? 'descending' : 'ascending');
    });
    const focused = document.activeElement?.closest?.('#vehicles tr')?.dataset.id;
    this.parts.body.replaceChildren(...shown.slice(0, SHOWN_MAX).map((v) => this.row(v)));
    if (focused) this.parts.body.querySelector(`[data-id="${CSS.escape(focused)}"] a`)?.focus({ preventScroll: true });
    this.parts.count.textContent = shown.length === this.list.length ? shown.length : `${shown.length} of ${this.list.length}`;
    this.parts.hint.hidden = shown.length > 0;
    this.parts.hint.textContent = this.list.length > 0 ? 'No vehicle fits.' :
      'No vehicle has connected yet. It appears here with its first hello.';
  }

  row(v) {
    const row = element('tr', v.connected ? 'connected' : 'offline');
    row.dataset.id = v.id;
    const link = element('a', '', v.id);
    link.href = `#/v/${encodeURIComponent(v.id)}`;
    const tags = element('td');
    for (const tag of v.tags) tags.append(element('span', 'tag', tag), ' ');
    const cells = {
      id: element('td', 'id'), state: element('td'), tags,
      last_seen_utc_ms: element('td', 'num', `${age(this.now - v.last_seen_utc_ms)} ago`),
      answer: element('td', 'num value', v.answer ? `${value(v.answer.value, v.answer.text)} ${v.answer.unit}` : ''),
      alerts: element('td', `num${v.alerts > 0 ? ' alarm' : ''}`, v.alerts || '–'),
    };
    cells.id.append(link);
    cells.state.append(element('span', `dot ${v.connected ? 'on' : ''}`, v.connected ? 'connected' : 'offline'));
    cells.answer.hidden = this.answers === null;
    for (const column of COLUMNS) {
      const cell = cells[column.key] ?? element('td', column.number ? 'num' : '', column.of(v));
      cell.dataset.label = column.name;
      row.append(cell);
    }
    return row;
  }
}

export class AlertList {
  constructor(list, hint, count, acknowledge) {
    Object.assign(this, { list, hint, count, acknowledge });
  }

  set(alerts) {
    const open = alerts.filter((a) => a.until_utc_ms === null).length;
    const text = JSON.stringify(alerts);
    if (text === this.text) return;
    this.text = text;
    this.count.textContent = alerts.length > 0 ? `${open} open` : '';
    this.hint.hidden = alerts.length > 0;
    this.list.replaceChildren(...alerts.map((a) => this.item(a)));
  }

  item(a) {
    const entry = element('li', a.until_utc_ms === null ? 'open' : 'over');
    const line = element('div', 'line');
    const link = element('a', '', a.vehicle);
    link.href = `#/v/${encodeURIComponent(a.vehicle)}`;
    const what = element('span', 'what');
    what.append(link, ` ${a.rule}: ${a.value}`);
    line.append(element('span', `state ${a.severity}`, a.severity), what);
    if (a.acknowledged_by === null) {
      const button = element('button', 'plain', 'Acknowledge');
      button.type = 'button';
      button.addEventListener('click', () => this.acknowledge(a));
      line.append(button);
    }
    const end = a.until_utc_ms === null ? 'open' : `over ${moment(a.until_utc_ms)}`;
    const by = a.acknowledged_by === null ? '' : ` · seen by ${a.acknowledged_by}${a.note ? `: ${a.note}` : ''}`;
    entry.append(line, element('small', '', `since ${moment(a.since_utc_ms)} · ${end}${by}`));
    return entry;
  }
}
