// Signed updates: rollouts of the fleet, why one halted, and what a vehicle has. Fetched when somebody looks.
import * as api from './api.js';
import { element, moment } from './format.js';

const STATES = [['succeeded', 'have it'], ['failed', 'failed'], ['open', 'under way'], ['declined', 'declined'],
  ['waiting', 'wait'], ['left-out', 'left out']];

function button(text, work, primary) {
  const one = element('button', primary ? 'primary' : 'plain', text);
  one.type = 'button';
  one.addEventListener('click', work);
  return one;
}

const total = (vehicles) => Object.values(vehicles).reduce((sum, n) => sum + n, 0);
const counts = (vehicles) => STATES.filter(([key]) => vehicles[key] > 0).map(([key, text]) => `${vehicles[key]} ${text}`).join(', ');

function failures(rollout) {
  return rollout.failures.map((f) => `${f.vehicles} × ${f.verdict}`).join(', ');
}

export class RolloutList {
  // attempt(work): runs it and tells people what failed
  constructor(list, hint, attempt) {
    this.list = list;
    this.hint = hint;
    this.attempt = attempt;
    this.open = new Set();
  }

  async load() {
    const rollouts = await api.rollouts();
    this.hint.hidden = rollouts.length > 0;
    this.list.replaceChildren(...rollouts.map((r) => this.item(r)));
    await Promise.all(rollouts.filter((r) => this.open.has(r.id)).map((r) => this.vehicles(r)));
  }

  act(rollout, what, body = {}) {
    this.attempt(async () => {
      try { await api.changeRollout(rollout.id, what, body, rollout.revision); } finally { await this.load(); }
    });
  }

  buttons(rollout) {
    const bar = element('div', 'line');
    if (document.body.dataset.role === 'viewer') return bar;
    if (rollout.state === 'running') bar.append(button('Pause', () => this.act(rollout, 'pause')));
    if (rollout.state === 'paused' || rollout.state === 'halted') bar.append(...this.resume(rollout));
    if (!['done', 'cancelled'].includes(rollout.state)) {
      bar.append(button('Cancel', () => { if (confirm(`Cancel rollout ${rollout.id}?`)) this.act(rollout, 'cancel'); }));
    }
    bar.append(button('Vehicles', () => {
      if (!this.open.delete(rollout.id)) this.open.add(rollout.id);
      this.attempt(() => this.load());
    }));
    return bar;
  }

  resume(rollout) {
    const percent = Object.assign(element('input'), { type: 'number', min: 0, max: 100, value: rollout.success_percent });
    const retry = Object.assign(element('input'), { type: 'checkbox' });
    const first = element('label', '', 'must succeed, % ');
    const second = element('label', '', 'failed ones again ');
    first.append(percent);
    second.append(retry);
    return [first, second, button('Resume', () =>
      this.act(rollout, 'resume', { success_percent: Number(percent.value), retry: retry.checked }), true)];
  }

  item(rollout) {
    const item = element('li', ['done', 'cancelled'].includes(rollout.state) ? 'over' : '');
    const ended = rollout.vehicles.succeeded + rollout.vehicles.failed + rollout.vehicles.declined + rollout.vehicles['left-out'];
    const line = element('div', 'line');
    const bar = Object.assign(element('progress'), { max: total(rollout.vehicles), value: ended });
    item.dataset.rollout = rollout.id;
    item.dataset.state = rollout.state;
    bar.setAttribute('aria-label', `Rollout ${rollout.id}: ${ended} of ${bar.max} vehicles ended`);
    line.append(element('b', 'what', `${rollout.set_id} ${rollout.counter}`), element('span', '', `${rollout.state}, wave ${rollout.wave}`));
    item.append(line, bar, element('small', '', counts(rollout.vehicles)));
    if (rollout.reason) item.append(element('p', 'reason', `${rollout.reason}${rollout.failures.length ? `: ${failures(rollout)}` : ''}`));
    item.append(element('small', '', ` started by ${rollout.user || 'nobody known'} ${moment(rollout.created_utc_ms)}`), this.buttons(rollout));
    return item;
  }

  async vehicles(rollout) {
    const rows = await api.rolloutVehicles(rollout.id);
    const list = element('ul');
    list.append(...rows.filter((v) => v.state !== 'waiting').sort((a, b) => (b.state === 'failed') - (a.state === 'failed')).slice(0, 500)
      .map((v) => {
        const one = element('li');
        const link = Object.assign(element('a', '', v.vehicle), { href: `#/v/${encodeURIComponent(v.vehicle)}` });
        const why = v.verdict && v.verdict !== 'ok' ? `: ${v.verdict}${v.text ? `, ${v.text}` : ''}` : '';
        one.append(link, ` ${v.state}${why}`);
        return one;
      }));
    this.list.querySelector(`[data-rollout="${rollout.id}"]`)?.append(list);
  }
}

const short = (hash) => (hash ? hash.slice(0, 12) : 'none');

// Set and history of one vehicle.
export async function showVehicle(root, id) {
  const { set, updates } = await api.vehicleUpdates(id);
  const parts = [element('p', 'hint', set?.set_id ? `Set ${set.set_id} ${set.counter}, ${short(set.set_hash)}` : 'No signed set has been applied.')];
  if (set?.rxswin) parts.push(element('p', 'hint', `RXSWIN ${set.rxswin}`));
  if (set?.audit_broken) parts.push(element('p', 'reason', 'Its audit log of updates is not the one that it reported before.'));
  const list = element('ol', 'list');
  list.append(...updates.map((u) => {
    const item = element('li');
    const line = element('div', 'line');
    line.append(element('span', 'what', `${u.set_id} ${u.counter}`), element('span', '', u.state));
    item.append(line, element('small', '', `${moment(u.changed_utc_ms)} ${u.verdict === 'ok' ? '' : u.verdict} ${u.text}`));
    if (u.steps && u.state === 'applying') item.append(Object.assign(element('progress'), { max: u.steps, value: u.step }));
    return item;
  }));
  root.replaceChildren(...parts, list);
}
