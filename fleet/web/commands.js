// Actuators with their desired values, and the commands with their state until the end.
import { clock, hex, value } from './format.js';

const GOOD = new Set(['done']);
const BAD = new Set(['refused', 'failed', 'expired', 'cancelled', 'outcome-unknown']);

function element(kind, className, text) {
  const made = document.createElement(kind);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function title(command) {
  return command.action === 'set-desired'
    ? `${command.path} → ${value(command.value)}`
    : `${command.ecu}: ${command.request.toUpperCase()}`;
}

function item(command) {
  const entry = element('li');
  entry.dataset.id = command.command_id;
  entry.dataset.state = command.state;
  const line = element('div', 'line');
  const kind = GOOD.has(command.state) ? 'good' : BAD.has(command.state) ? 'bad' : 'running';
  line.append(element('span', 'what', title(command)), element('span', `state ${kind}`, command.state));
  entry.append(line);
  const notes = [clock(command.issued_utc_ms)];
  if (command.final) {
    const end = command.history.at(-1);
    if (end) notes.push(`${Math.max(0, end.utc_ms - command.issued_utc_ms)} ms`);
  }
  if (command.reason !== 'none') notes.push(command.reason);
  if (command.text) notes.push(command.text);
  if (command.reported !== null && command.action === 'set-desired') notes.push(`vehicle reports ${command.reported}`);
  entry.append(element('small', '', notes.join(' · ')));
  if (command.response) entry.append(element('code', '', hex(command.response)));
  return entry;
}

export class CommandList {
  constructor(list, hint) {
    this.list = list;
    this.hint = hint;
    this.commands = new Map();
  }

  set(commands) {
    this.commands = new Map(commands.map((command) => [command.command_id, command]));
    this.draw();
  }

  put(command) {
    this.commands.set(command.command_id, command);
    this.draw();
  }

  get open() { return [...this.commands.values()].some((command) => !command.final); }

  draw() {
    const newest = [...this.commands.values()].sort((a, b) => b.seq - a.seq).slice(0, 12);
    this.list.replaceChildren(...newest.map(item));
    this.hint.hidden = newest.length > 0;
  }
}

export class ActuatorList {
  // set(path, value): a person wants it so
  constructor(list, hint, set) {
    this.list = list;
    this.hint = hint;
    this.set = set;
    this.rows = new Map();
  }

  clear() {
    this.list.replaceChildren();
    this.rows.clear();
    this.hint.hidden = false;
  }

  // Takes signals that are actuators, and (sometimes) the desired values.
  update(signals, desired) {
    for (const signal of signals) {
      if (!signal.actuator) continue;
      let row = this.rows.get(signal.name);
      if (!row) {
        row = this.make(signal);
        this.rows.set(signal.name, row);
        this.list.append(row.entry);
      }
      row.show(signal);
    }
    for (const want of desired ?? []) {
      const row = this.rows.get(want.path);
      if (row) row.note.textContent = `wanted ${value(want.value)}: ${want.state}`;
    }
    this.hint.hidden = this.rows.size > 0;
  }

  make(signal) {
    const entry = element('li');
    const label = element('span', '', signal.name.split('.').slice(-3).join('.'));
    label.title = signal.name;
    const note = element('small', '', '');
    label.append(note);
    const control = typeof signal.value === 'boolean' ? this.makeSwitch(signal) : this.makeField(signal);
    entry.append(label, control.element);
    return { entry, note, show: control.show };
  }

  makeSwitch(signal) {
    const button = element('button', 'switch');
    button.type = 'button';
    button.setAttribute('role', 'switch');
    button.setAttribute('aria-label', signal.name);
    button.addEventListener('click', () => this.set(signal.name, button.getAttribute('aria-checked') !== 'true'));
    return { element: button, show: (s) => button.setAttribute('aria-checked', String(s.value === true)) };
  }

  makeField(signal) {
    const input = element('input');
    input.setAttribute('aria-label', signal.name);
    input.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter') return;
      const number = Number(input.value);
      this.set(signal.name, input.value.trim() !== '' && Number.isFinite(number) ? number : input.value);
      input.value = '';
    });
    return { element: input, show: (s) => { input.placeholder = value(s.value, s.text); } };
  }
}
