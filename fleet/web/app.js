// The page: which vehicle is shown, what comes from the backend, and where it goes.
import * as api from './api.js';
import { ActuatorList, CommandList } from './commands.js';
import { age, clock, value } from './format.js';
import { Plot } from './plot.js';
import { SignalTable } from './signals.js';

const $ = (id) => document.getElementById(id);
const LIST_MS = 2000;
const TWIN_MS = 10000; // the stream tells changes; this also brings the age of what did not change

let vehicle = null; // id shown
let revision = null;
let endStream = null;
let clockOffset = 0; // backend's UTC minus this machine's, from the newest signal

const plot = new Plot($('plot'));
const table = new SignalTable($('signals'), $('signal-count'), chooseSignal);
const commands = new CommandList($('commands'), $('no-commands'));
const actuators = new ActuatorList($('actuators'), $('no-actuators'), (path, wanted) =>
  attempt(async () => { await api.setDesired(vehicle, path, wanted); await loadCommands(); }));

// ------------------------------------------------------------------------------------------------ errors and status

let toastTimer = 0;
function complain(error) {
  $('toast').textContent = error.message;
  $('toast').hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { $('toast').hidden = true; }, 6000);
}

async function attempt(work) {
  try { await work(); } catch (error) { complain(error); }
}

function serverStatus(on, text) {
  $('server').className = `status ${on ? 'on' : 'off'}`;
  $('server').textContent = text;
}

// ------------------------------------------------------------------------------------------------ vehicles

function drawVehicles(list) {
  $('vehicle-count').textContent = list.length;
  $('no-vehicles').hidden = list.length > 0;
  const items = list.map((v) => {
    const item = document.createElement('li');
    const button = document.createElement('button');
    button.type = 'button';
    button.dataset.id = v.id;
    if (v.connected) button.className = 'connected';
    button.setAttribute('aria-current', String(v.id === vehicle));
    const name = document.createElement('b');
    name.textContent = v.id;
    const note = document.createElement('small');
    const seen = age(Date.now() + clockOffset - v.last_seen_utc_ms);
    note.textContent = `${v.connected ? 'connected' : 'offline'} · ${seen} ago`;
    note.title = 'last seen';
    button.append(name, note);
    item.append(button);
    return item;
  });
  const focused = document.activeElement?.closest?.('#vehicles button')?.dataset.id;
  $('vehicles').replaceChildren(...items);
  if (focused) $('vehicles').querySelector(`[data-id="${CSS.escape(focused)}"]`)?.focus();
}

function drawFacts(v) {
  const facts = [['State', v.connected ? 'connected' : 'offline'], ['Last seen', clock(v.last_seen_utc_ms)],
    ['Software', v.software || 'unknown'], ['Signals', v.signals], ['Revision', revision ?? v.revision]];
  $('facts').replaceChildren(...facts.map(([name, text]) => {
    const pair = document.createElement('div');
    const term = document.createElement('dt');
    const detail = document.createElement('dd');
    term.textContent = name;
    detail.textContent = text;
    pair.append(term, detail);
    return pair;
  }));
}

async function loadVehicles() {
  try {
    const list = await api.vehicles();
    serverStatus(true, `backend up · ${list.filter((v) => v.connected).length} of ${list.length} connected`);
    drawVehicles(list);
    if (vehicle === null && list.length > 0) {
      const wanted = decodeURIComponent(location.hash.slice(1));
      showVehicle((list.find((v) => v.id === wanted) ?? list.find((v) => v.connected) ?? list[0]).id);
    }
    const shown = list.find((v) => v.id === vehicle);
    if (shown) drawFacts(shown);
  } catch (error) {
    serverStatus(false, error.message);
  }
}

function showVehicle(id) {
  endStream?.();
  vehicle = id;
  revision = null;
  location.hash = encodeURIComponent(id);
  $('main').hidden = false;
  $('title').textContent = id;
  table.clear();
  actuators.clear();
  commands.set([]);
  plot.clear();
  $('plot-title').textContent = 'History';
  $('plot-note').hidden = false;
  for (const button of $('vehicles').querySelectorAll('button')) {
    button.setAttribute('aria-current', String(button.dataset.id === id));
  }
  endStream = api.stream(id, { twin: onTwin, command: onCommand, state: onStream });
  attempt(loadTwin);
  attempt(loadCommands);
  attempt(loadEvents);
}

// ------------------------------------------------------------------------------------------------ one vehicle

function noteClock(signals) {
  for (const s of signals) {
    if (s.utc_ms !== null) { clockOffset = s.utc_ms + s.age_ms - Date.now(); return; }
  }
}

async function loadTwin() {
  const id = vehicle;
  const twin = await api.twin(id);
  if (id !== vehicle) return;
  revision = twin.revision;
  noteClock(twin.signals);
  table.update(twin.signals, true);
  actuators.update(twin.signals, twin.desired);
  if (table.selected === null && twin.signals.length > 0) {
    const first = twin.signals.find((s) => s.name === 'Vehicle.Speed') ?? twin.signals[0];
    table.select(first.name);
  }
}

async function loadCommands() {
  const id = vehicle;
  const list = await api.commands(id);
  if (id === vehicle) commands.set(list);
}

async function loadEvents() {
  const id = vehicle;
  const list = await api.events(id);
  if (id !== vehicle) return;
  $('no-events').hidden = list.length > 0;
  $('events').replaceChildren(...list.slice(0, 8).map((event) => {
    const item = document.createElement('li');
    const line = document.createElement('div');
    line.className = 'line';
    const what = document.createElement('span');
    what.className = 'what';
    what.textContent = `${event.name}: ${event.text}`;
    const when = document.createElement('small');
    when.textContent = clock(event.utc_ms);
    line.append(what, when);
    item.append(line);
    return item;
  }));
}

function onTwin(update) {
  revision = update.revision;
  noteClock(update.signals);
  table.update(update.signals);
  actuators.update(update.signals);
  const plotted = update.signals.find((s) => s.name === table.selected);
  if (plotted) plot.add(plotted.utc_ms, plotted.value);
}

function onCommand(command) {
  commands.put(command);
  if (command.final) attempt(loadTwin);
}

function onStream(up) {
  if (!up) serverStatus(false, 'live updates interrupted, trying again…');
  if (up && vehicle !== null) { attempt(loadTwin); attempt(loadCommands); }
}

// ------------------------------------------------------------------------------------------------ history

// The last changes of a text, beside its timeline.
function changes(samples) {
  const changed = samples.filter(([, v], i) => i === 0 || v !== samples[i - 1][1]);
  return changed.slice(-8).map(([us, v]) => `${clock(us / 1000)} ${value(v)}`).join(' · ');
}

async function loadHistory() {
  const id = vehicle;
  const name = table.selected;
  if (name === null) return;
  const now = Date.now() + clockOffset;
  const history = await api.history(id, name, now - plot.minutes * 60000, now + 1000);
  if (id !== vehicle || name !== table.selected) return;
  plot.set(history);
  const short = name.split('.').slice(-2).join('.');
  $('plot-title').textContent = history.unit ? `${short} (${history.unit})` : short;
  $('plot-title').title = name;
  $('plot').setAttribute('aria-label', `History of ${name}`);
  $('plot-note').hidden = plot.samples.some(([, v]) => Number.isFinite(v)) && !plot.textual;
  if (plot.textual) $('plot-note').textContent = changes(history.samples);
  else $('plot-note').textContent = `No ${plot.samples.length > 0 ? 'finite value' : 'sample'} of this signal in this time.`;
  plot.draw(now);
}

function chooseSignal() {
  plot.clear();
  attempt(loadHistory);
}

// ------------------------------------------------------------------------------------------------ people

$('vehicles').addEventListener('click', (event) => {
  const id = event.target.closest('button')?.dataset.id;
  if (id && id !== vehicle) showVehicle(id);
});

$('ranges').addEventListener('click', (event) => {
  const button = event.target.closest('button');
  if (!button) return;
  for (const other of $('ranges').children) other.setAttribute('aria-pressed', String(other === button));
  plot.minutes = Number(button.dataset.minutes);
  attempt(loadHistory);
});

$('search').addEventListener('input', () => table.filter($('search').value));

$('diagnose').addEventListener('submit', (event) => {
  event.preventDefault();
  const form = new FormData(event.target);
  attempt(async () => {
    await api.diagnose(vehicle, form.get('ecu'), form.get('request'));
    await loadCommands();
  });
});

document.addEventListener('keydown', (event) => {
  const typing = event.target.matches?.('input');
  if (event.key === '/' && !typing) {
    event.preventDefault();
    $('search').focus();
  } else if (event.key === 'Escape' && event.target === $('search')) {
    $('search').value = '';
    table.filter('');
    $('search').blur();
  } else if ((event.key === 'ArrowDown' || event.key === 'ArrowUp') &&
             (event.target === document.body || event.target === $('search'))) {
    event.preventDefault();
    table.move(event.key === 'ArrowDown' ? 1 : -1);
  }
});

setInterval(loadVehicles, LIST_MS);
setInterval(() => { if (vehicle !== null) { attempt(loadTwin); attempt(loadEvents); } }, TWIN_MS);
setInterval(() => { if (vehicle !== null && commands.open) attempt(loadCommands); }, 3000);
setInterval(() => { table.tick(); if (vehicle !== null && plot.samples.length > 0) plot.draw(Date.now() + clockOffset); }, 500);
loadVehicles();
