// The pages: which one is shown, who looks, what comes again and again, and the keyboard.
import * as api from './api.js';
import { RuleList } from './edit.js';
import { AlertList, FleetTable } from './fleet.js';

const $ = (id) => document.getElementById(id);
const LIST_MS = 2000;
const REFRESH_MS = 10000;

let toastTimer = 0;
function complain(error) {
  if (error.name === 'AbortError') return;
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
  if ($('server').textContent !== text) $('server').textContent = text;
}

let view = null; // of a vehicle: its modules are fetched when the first one is looked at
let vehicleId = null;
const fleet = new FleetTable({ head: $('fleet-head'), body: $('vehicles'), count: $('vehicle-count'), hint: $('no-vehicles') },
  (id) => { location.hash = `#/v/${encodeURIComponent(id)}`; });
const alerts = new AlertList($('alerts'), $('no-alerts'), $('alert-count'), (alert) =>
  attempt(async () => { await api.acknowledge(alert.id, ''); await loadFleet(); }));

const rules = new RuleList($('rules'), $('no-rules'), $('rule'), attempt, () => loadFleet());

// ------------------------------------------------------------------------------------------------ which page

let routed = false; // people chose where they are

async function showVehicle(id) {
  const { VehicleView } = await import('./vehicle.js');
  view ??= new VehicleView(attempt, serverStatus, () => loadFleet());
  if (id !== vehicleId) return; // people went on meanwhile
  view.show(id);
  await loadFleet();
}

let rollouts = null;
async function loadUpdates() {
  const { RolloutList } = await import('./updates.js');
  rollouts ??= new RolloutList($('rollouts'), $('no-rollouts'), attempt);
  if (!$('updates').hidden && !document.activeElement.matches('#rollouts input')) await rollouts.load();
}

// Of the vehicle that is looked at, when somebody opens it.
async function loadSet() {
  if (!$('set').open || vehicleId === null) return;
  const { showVehicle: show } = await import('./updates.js');
  await show($('set-of'), vehicleId);
}
$('set').addEventListener('toggle', () => attempt(loadSet));

function route() {
  const updates = location.hash === '#/updates';
  const match = location.hash.match(/^#\/v\/(.+)$/);
  const id = match ? decodeURIComponent(match[1]) : null;
  routed = routed || location.hash !== '';
  if (id !== null && id === vehicleId) return;
  vehicleId = id;
  $('fleet').hidden = id !== null || updates;
  $('updates').hidden = !updates;
  $('set').open = false;
  $('vehicle').hidden = id === null;
  document.title = id === null ? 'cantwin fleet' : `${id} · cantwin fleet`;
  view?.hide();
  followFleet(id === null);
  if (updates) attempt(loadUpdates);
  attempt(id === null ? loadFleet : () => showVehicle(id));
}

// ------------------------------------------------------------------------------------------------ the fleet

let asked = null;
let endStream = null;

// Alerts as they come and go; everything else comes with the list, by and by.
function followFleet(shown) {
  endStream?.();
  endStream = shown ? api.stream(null, { alert: () => loadFleet(), rollout: () => { if (!$('updates').hidden) attempt(loadUpdates); }, state: () => {} }) : null;
}

async function loadFleet() {
  try {
    const list = await api.vehicles();
    serverStatus(true, `${list.filter((v) => v.connected).length} of ${list.length} connected`);
    fleet.set(list, view?.now ?? Date.now());
    if (!routed && list.length === 1) {
      routed = true;
      location.replace(`#/v/${encodeURIComponent(list[0].id)}`);
    }
    const shown = view && list.find((v) => v.id === view.id);
    if (shown) view.facts(shown);
  } catch (error) {
    serverStatus(false, error.message);
    return;
  }
  if ($('fleet').hidden) return;
  await attempt(async () => alerts.set(await api.alerts(false)));
  await attempt(() => rules.load());
  if (asked) await attempt(async () => fleet.answer(await api.ask(asked)));
}

$('fleet-search').addEventListener('input', () => fleet.filter($('fleet-search').value));
$('states').addEventListener('click', (event) => {
  const button = event.target.closest('button');
  if (!button) return;
  for (const other of $('states').children) other.setAttribute('aria-pressed', String(other === button));
  fleet.state = button.dataset.state;
  fleet.draw();
});

function ask(where) {
  $('ask-clear').hidden = where === '';
  asked = null;
  if (where === '') { fleet.answer(null); return; }
  attempt(async () => { fleet.answer(await api.ask(where)); asked = where; });
}

$('ask').addEventListener('submit', (event) => { event.preventDefault(); ask($('where').value.trim()); });
$('ask-clear').addEventListener('click', () => { $('where').value = ''; ask(''); });

// ------------------------------------------------------------------------------------------------ who

async function loadMe() {
  const me = await api.me();
  $('who').hidden = me.user === 'loopback';
  $('who').textContent = `${me.user} (${me.role})`;
  $('who').title = 'Use another token';
  document.body.dataset.role = me.role;
}

api.onTokenWanted(() => { if (!$('login').open) $('login').showModal(); });
$('who').addEventListener('click', () => { api.useToken(null); $('login').showModal(); });
$('login-form').addEventListener('submit', () => {
  api.useToken($('token').value.trim());
  $('token').value = '';
  attempt(loadMe);
  attempt(loadFleet);
  if (vehicleId !== null) attempt(() => showVehicle(vehicleId));
  else followFleet(true);
});

// ------------------------------------------------------------------------------------------------ keyboard

document.addEventListener('keydown', (event) => {
  const typing = event.target.matches?.('input, select');
  const search = $('fleet').hidden ? $('search') : $('fleet-search');
  if (event.ctrlKey || event.metaKey || event.altKey || $('login').open) return;
  if (event.key === '/' && !typing) {
    event.preventDefault();
    search.focus();
  } else if (event.key === 'f' && !typing) {
    location.hash = '#/';
  } else if (event.key === 'Escape' && event.target === search) {
    search.value = '';
    search.dispatchEvent(new Event('input'));
    search.blur();
  } else if ((event.key === 'ArrowDown' || event.key === 'ArrowUp') && !$('vehicle').hidden &&
             (event.target === document.body || event.target === search)) {
    event.preventDefault();
    view?.table.move(event.key === 'ArrowDown' ? 1 : -1);
  }
});

addEventListener('hashchange', route);
setInterval(loadFleet, LIST_MS);
setInterval(() => view?.refresh(), REFRESH_MS);
setInterval(() => view?.followCommands(), 3000);
setInterval(() => { if (view && view.id !== null) view.tick(); }, 500);
attempt(loadMe);
route();
