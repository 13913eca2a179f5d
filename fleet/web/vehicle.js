// One vehicle: its signals, history, track, actuators, commands, quality and events.
import * as api from './api.js';
import { ActuatorList, CommandList } from './commands.js';
import { mountJobs, readRelease } from './diagnostics.js';
import { LabelForm } from './edit.js';
import { age, clock, element, moment, value } from './format.js';
import { Plot } from './plot.js';
import { SignalTable } from './signals.js';

const RAW_MS = 15 * 60000; // longer stretches are asked for as bins
const LATITUDE = 'Vehicle.CurrentLocation.Latitude';
const LONGITUDE = 'Vehicle.CurrentLocation.Longitude';

const $ = (id) => document.getElementById(id);

export class VehicleView {
  // attempt(work): runs it and tells people what failed; status(up, text); labelled(): labels were changed
  constructor(attempt, status, labelled) {
    this.attempt = attempt;
    this.status = status;
    this.id = null;
    this.clockOffset = 0; // backend's UTC minus this machine's, from the newest signal
    this.plot = new Plot($('plot'), () => this.looked());
    this.map = null; // fetched with the first position
    this.table = new SignalTable($('signals'), $('signal-count'), () => this.chooseSignal());
    this.commands = new CommandList($('commands'), $('no-commands'), (command, file) => attempt(async () => {
      await api.release(this.id, command, await readRelease(file));
      await this.loadCommands();
    }));
    this.actuators = new ActuatorList($('actuators'), $('no-actuators'), (path, wanted, revision) =>
      attempt(async () => {
        try { await api.setDesired(this.id, path, wanted, revision); } finally { await this.loadTwin(); }
        await this.loadCommands();
      }));
    this.labels = new LabelForm($('labels'), attempt, labelled);
    this.listen();
  }

  get now() { return Date.now() + this.clockOffset; }

  show(id) {
    this.hide();
    this.id = id;
    this.revision = null;
    $('title').textContent = id;
    this.table.clear();
    this.actuators.clear();
    this.commands.set([]);
    this.plot.clear();
    this.plot.view = null;
    $('plot-title').textContent = 'History';
    $('plot-note').hidden = false;
    $('map-card').hidden = true;
    this.endStream = api.stream(id, { twin: (u) => this.onTwin(u), command: (c) => this.onCommand(c),
      alert: () => this.attempt(() => this.loadAlerts()), state: (up) => this.onStream(up) });
    for (const load of [this.loadTwin, this.loadCommands, this.loadEvents, this.loadQuality, this.loadAlerts]) {
      this.attempt(() => load.call(this));
    }
  }

  hide() {
    this.endStream?.();
    this.endStream = null;
    this.id = null;
  }

  facts(v) {
    this.labels.show(v);
    const facts = [['State', v.connected ? 'connected' : 'offline'],
      ['Last seen', `${age(this.now - v.last_seen_utc_ms)} ago`], ['Software', v.software || 'unknown'],
      ['Group', v.group], ['Model', v.model], ['Tags', v.tags.join(', ')], ['Signals', v.signals],
      ['Revision', this.revision ?? v.revision]].filter(([, text]) => text !== '');
    $('facts').replaceChildren(...facts.map(([name, text]) => {
      const pair = element('div');
      pair.append(element('dt', '', name), element('dd', name === 'State' ? `dot ${v.connected ? 'on' : ''}` : '', text));
      return pair;
    }));
  }

  // ---------------------------------------------------------------------------------------------- loading

  noteClock(signals) {
    const seen = signals.find((s) => s.utc_ms !== null);
    if (seen) this.clockOffset = seen.utc_ms + seen.age_ms - Date.now();
  }

  async loadTwin() {
    const { id } = this;
    const twin = await api.twin(id);
    if (id !== this.id) return;
    this.revision = twin.revision;
    this.noteClock(twin.signals);
    this.table.update(twin.signals, true);
    this.actuators.update(twin.signals, twin.desired);
    const located = twin.signals.some((s) => s.name === LATITUDE && s.value !== null);
    if (located && $('map-card').hidden) { $('map-card').hidden = false; this.attempt(() => this.loadTrack()); }
    if (this.table.selected === null && twin.signals.length > 0) {
      const first = twin.signals.find((s) => s.name === 'Vehicle.Speed') ?? twin.signals[0];
      this.table.select(first.name);
    }
  }

  async loadCommands() {
    const { id } = this;
    const list = await api.commands(id);
    if (id === this.id) this.commands.set(list);
  }

  async loadEvents() {
    const { id } = this;
    const list = await api.events(id);
    if (id !== this.id) return;
    $('no-events').hidden = list.length > 0;
    $('events').replaceChildren(...list.slice(0, 8).map((event) => {
      const item = element('li');
      const line = element('div', 'line');
      line.append(element('span', 'what', `${event.name}: ${event.text}`), element('small', '', moment(event.utc_ms)));
      item.append(line);
      return item;
    }));
  }

  async loadAlerts() {
    const { id } = this;
    const list = await api.vehicleAlerts(id);
    if (id !== this.id) return;
    $('vehicle-alerts').replaceChildren(...list.map((a) => {
      const item = element('li', `state ${a.severity}`, `${a.rule}: ${a.value}`);
      item.title = `since ${moment(a.since_utc_ms)}`;
      return item;
    }));
  }

  async loadQuality() {
    const { id } = this;
    const q = await api.quality(id);
    if (id !== this.id) return;
    const s = q.signals;
    const bar = element('div', 'quality-bar');
    for (const [kind, count] of [['good', s.good], ['stale', s.stale], ['other', s.total - s.good - s.stale - s.never_seen], ['never', s.never_seen]]) {
      const part = element('span', kind);
      part.style.flexGrow = Math.max(count, 0);
      bar.append(part);
    }
    const gaps = q.gaps_of_a_day;
    const ahead = q.clock_ahead_ms;
    const rows = [`${s.good} good · ${s.stale} stale · ${s.never_seen} never seen of ${s.total} signals`,
      gaps.count === 0 ? 'no gap within a day' : `${gaps.count} gaps within a day, ${gaps.samples} samples, the last ${moment(gaps.last_utc_ms)}`];
    if (ahead !== null && ahead > 2000) rows.push(`the vehicle's clock is ${age(ahead)} ahead`);
    $('quality').replaceChildren(bar, ...rows.map((text) => element('p', 'hint', text)));
    if (q.stale.length > 0) {
      const names = element('details');
      names.append(element('summary', '', `stale: ${q.stale.length}`), element('p', 'hint', q.stale.join(', ')));
      $('quality').append(names);
    }
  }

  async loadTrack() {
    const { id } = this;
    const [from, to] = this.plot.span(this.now);
    const long = to - from > RAW_MS;
    const get = async (name) => {
      const h = long ? await api.bins(id, name, from, to, 1000) : await api.history(id, name, from, to);
      return long ? h.bins.map(([us, , , , last]) => [us, last]) : h.samples;
    };
    const [{ track, TrackMap }, lat, lon] = await Promise.all([import('./map.js'), get(LATITUDE), get(LONGITUDE)]);
    if (id !== this.id) return;
    this.map ??= new TrackMap($('map'), $('map-note'));
    this.map.set(track(lat, lon));
  }

  // ---------------------------------------------------------------------------------------------- live

  onTwin(update) {
    this.revision = update.revision;
    this.noteClock(update.signals);
    this.table.update(update.signals);
    this.actuators.update(update.signals);
    const plotted = update.signals.find((s) => s.name === this.table.selected);
    if (plotted && !this.plot.view) this.plot.add(plotted.utc_ms, plotted.value);
  }

  onCommand(command) {
    this.commands.put(command);
    if (command.final) this.attempt(() => this.loadTwin());
  }

  onStream(up) {
    if (!up) this.status(false, 'live updates interrupted, trying again…');
    if (up && this.id !== null) { this.attempt(() => this.loadTwin()); this.attempt(() => this.loadCommands()); }
  }

  tick() {
    this.table.tick();
    if (!this.plot.empty && !this.plot.view) this.plot.draw(this.now);
  }

  // ---------------------------------------------------------------------------------------------- history

  // The last changes of a text, beside its timeline.
  changes(samples) {
    const changed = samples.filter(([, v], i) => i === 0 || v !== samples[i - 1][1]);
    return changed.slice(-8).map(([us, v]) => `${clock(us / 1000)} ${value(v)}`).join(' · ');
  }

  async loadHistory() {
    const { id, plot } = this;
    const name = this.table.selected;
    if (name === null) return;
    const { now } = this;
    const [from, to] = plot.span(now);
    const v = this.table.get(name)?.value;
    const long = to - from > RAW_MS && (typeof v === 'number' || typeof v === 'boolean');
    const history = long ? await api.bins(id, name, from, to + 1000, 600) : await api.history(id, name, from, to + 1000);
    if (id !== this.id || name !== this.table.selected) return;
    plot.set(history);
    const parts = name.split('.');
    const short = parts.length > 2 && parts.at(-1).length < 5 ? parts.slice(-2).join('.') : parts.at(-1);
    $('plot-title').textContent = history.unit ? `${short} (${history.unit})` : short;
    $('plot-title').title = name;
    $('plot').setAttribute('aria-label', `History of ${name}, ${clock(from)} to ${clock(to)}`);
    const finite = plot.bins ? plot.bins.length > 0 : plot.samples.some(([, n]) => Number.isFinite(n));
    $('plot-note').hidden = finite && !plot.textual;
    if (plot.textual) $('plot-note').textContent = this.changes(history.samples);
    else $('plot-note').textContent = `No ${plot.empty ? 'sample' : 'finite value'} of this signal in this time.`;
    $('csv').hidden = plot.empty;
    plot.draw(now);
  }

  chooseSignal() {
    this.plot.clear();
    this.attempt(() => this.loadHistory());
  }

  looked() {
    $('live').hidden = this.plot.view === null;
    this.attempt(() => this.loadHistory());
    if (!$('map-card').hidden) this.attempt(() => this.loadTrack());
  }

  async save() {
    const [from, to] = this.plot.span(this.now);
    const name = this.table.selected;
    const link = element('a');
    link.href = URL.createObjectURL(await api.csv(this.id, name, from, to));
    link.download = `${this.id}-${name}.csv`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  // ---------------------------------------------------------------------------------------------- people

  listen() {
    $('ranges').addEventListener('click', (event) => {
      const button = event.target.closest('button');
      if (!button) return;
      for (const other of $('ranges').children) other.setAttribute('aria-pressed', String(other === button));
      this.plot.minutes = Number(button.dataset.minutes);
      this.plot.look(null);
    });
    $('live').addEventListener('click', () => this.plot.look(null));
    $('csv').href = '#csv';
    $('csv').addEventListener('click', (event) => { event.preventDefault(); this.attempt(() => this.save()); });
    $('search').addEventListener('input', () => this.table.filter($('search').value));
    $('fold').addEventListener('click', () => {
      const all = $('fold').getAttribute('aria-pressed') !== 'true';
      $('fold').setAttribute('aria-pressed', String(all));
      this.table.fold(all);
    });
    mountJobs($('jobs'), (body) => this.attempt(async () => {
      const job = await api.startJob(this.id, body);
      if (job.payload) this.commands.prepared(job.command_id, job.payload);
      await this.loadCommands();
    }));
    $('diagnose').addEventListener('submit', (event) => {
      event.preventDefault();
      const form = new FormData(event.target);
      this.attempt(async () => {
        await api.diagnose(this.id, form.get('ecu'), form.get('request'));
        await this.loadCommands();
      });
    });
  }

  // What nothing tells: the ages of what did not change, gaps, alerts.
  refresh() {
    if (this.id === null) return;
    for (const load of [this.loadTwin, this.loadEvents, this.loadQuality, this.loadAlerts]) this.attempt(() => load.call(this));
    if (this.plot.bins && !this.plot.view) this.attempt(() => this.loadHistory());
    if (!$('map-card').hidden && !this.plot.view) this.attempt(() => this.loadTrack());
  }

  followCommands() {
    if (this.id !== null && this.commands.open) this.attempt(() => this.loadCommands());
  }
}
