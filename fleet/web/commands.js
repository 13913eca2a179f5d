// Actuators with what is desired and what the vehicle reports, and the commands with their state until the end.
import { jobResult, releaseForm } from './diagnostics.js';
import { element, hex, moment, value } from './format.js';

const STEPS = ['queued', 'sent', 'accepted', 'running', 'done'];

const GOOD = new Set(['done']);
const BAD = new Set(['refused', 'failed', 'expired', 'cancelled', 'outcome-unknown']);

function title(command) {
  return command.action === 'set-desired'
    ? `${command.path} → ${value(command.value)}`
    : `${command.ecu === '*' ? 'all ECUs' : command.ecu}: ${command.job ?? command.request.toUpperCase()}`;
}

function progress(state) {
  const bar = element('progress');
  bar.max = STEPS.length - 1;
  bar.value = Math.max(0, STEPS.indexOf(state));
  bar.setAttribute('aria-label', `Step ${bar.value + 1} of ${STEPS.length}: ${state}`);
  return bar;
}

// `awaits`: what to do with a command that no release key has signed yet.
function item(command, awaits) {
  const entry = element('li');
  entry.dataset.id = command.command_id;
  entry.dataset.state = command.state;
  const line = element('div', 'line');
  const kind = GOOD.has(command.state) ? 'good' : BAD.has(command.state) ? 'bad' : 'running';
  line.append(element('span', 'what', title(command)), element('span', `state ${kind}`, command.state));
  entry.append(line);
  if (!command.final) entry.append(progress(command.state));
  const notes = [moment(command.issued_utc_ms)];
  if (command.final) {
    const end = command.history.at(-1);
    if (end) notes.push(`${Math.max(0, end.utc_ms - command.issued_utc_ms)} ms`);
  }
  if (command.reason !== 'none') notes.push(command.reason);
  if (command.text) notes.push(command.text);
  if (command.reported !== null && command.action === 'set-desired') notes.push(`vehicle reports ${command.reported}`);
  entry.append(element('small', '', notes.join(' · ')));
  if (command.state === 'awaiting-release') entry.append(awaits(command.command_id));
  if (command.response) entry.append(element('code', '', hex(command.response)));
  if (command.result) entry.append(jobResult(command.result));
  return entry;
}

export class CommandList {
  // release(command_id, file): a person gives the release of a command
  constructor(list, hint, release) {
    this.list = list;
    this.hint = hint;
    this.release = release;
    this.commands = new Map();
    this.payloads = new Map(); // of commands prepared here, to be signed
    this.drawn = '';
  }

  // A command that was prepared here: what a release key is to sign.
  prepared(id, payload) {
    this.payloads.set(id, payload);
    this.draw();
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
    const drawn = JSON.stringify(newest.map((command) => [command, this.payloads.has(command.command_id)]));
    if (drawn === this.drawn) return; // who is about to copy or to choose a file is not disturbed
    this.drawn = drawn;
    const awaits = (id) => releaseForm(this.payloads.get(id), (file) => this.release(id, file));
    this.list.replaceChildren(...newest.map((command) => item(command, awaits)));
    this.hint.hidden = newest.length > 0;
  }
}

export class ActuatorList {
  // set(path, value, revision): a person wants it so, who saw that revision
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
      row.reported = signal.value;
      row.show(signal);
    }
    for (const want of desired ?? []) {
      const row = this.rows.get(want.path);
      if (!row) continue;
      row.revision = want.revision;
      const met = String(want.value) === String(row.reported);
      row.note.className = met ? '' : 'differs';
      row.note.textContent = met ? `as desired (${want.state})` :
        `desired ${value(want.value)}, reported ${value(row.reported)}: ${want.state}`;
    }
    this.hint.hidden = this.rows.size > 0;
  }

  make(signal) {
    const entry = element('li');
    const label = element('span', '', signal.name.split('.').slice(-3).join('.'));
    label.title = signal.name;
    const note = element('small', '', '');
    label.append(note);
    const row = { entry, note };
    const control = typeof signal.value === 'boolean' ? this.makeSwitch(signal, row) : this.makeField(signal, row);
    entry.append(label, control.element);
    row.show = control.show;
    return row;
  }

  makeSwitch(signal, row) {
    const button = element('button', 'switch');
    button.type = 'button';
    button.setAttribute('role', 'switch');
    button.setAttribute('aria-label', signal.name);
    button.addEventListener('click', () => this.set(signal.name, button.getAttribute('aria-checked') !== 'true', row.revision));
    return { element: button, show: (s) => button.setAttribute('aria-checked', String(s.value === true)) };
  }

  makeField(signal, row) {
    const input = element('input');
    input.setAttribute('aria-label', signal.name);
    input.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter') return;
      const number = Number(input.value);
      this.set(signal.name, input.value.trim() !== '' && Number.isFinite(number) ? number : input.value, row.revision);
      input.value = '';
    });
    return { element: input, show: (s) => { input.placeholder = value(s.value, s.text); } };
  }
}
