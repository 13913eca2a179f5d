// The backend's REST API and event stream. Every failure is an Error with a text for people.
const BASE = 'api/v1/';
const KEY = 'cantwin-token';

let token = sessionStorage.getItem(KEY);
let wanted = () => {}; // called when the backend asks for a token
let asking = false;

export function useToken(text) {
  token = text;
  asking = false;
  if (text) sessionStorage.setItem(KEY, text);
  else sessionStorage.removeItem(KEY);
}

export function onTokenWanted(fn) { wanted = fn; }

const head = () => (token ? { Authorization: `Bearer ${token}` } : {});

function askForToken() {
  if (!asking) { asking = true; wanted(); }
}

async function request(path, options = {}) {
  let response;
  try {
    response = await fetch(BASE + path, { ...options, headers: { ...options.headers, ...head() } });
  } catch (error) {
    throw error.name === 'AbortError' ? error : new Error('The backend does not answer.');
  }
  if (response.status === 401) askForToken();
  if (!response.ok) {
    const body = await response.json().catch(() => ({}));
    throw new Error(body.error ?? `The backend answered ${response.status}.`);
  }
  return response;
}

const call = async (path, options) => (await request(path, options)).json();
const send = (method, path, body, headers = {}) =>
  call(path, { method, headers: { 'Content-Type': 'application/json', ...headers }, body: JSON.stringify(body) });
const vehiclePath = (id, what) => `vehicles/${encodeURIComponent(id)}/${what}`;
const query = (values) => '?' + new URLSearchParams(values);

export const me = () => call('me');
export const vehicles = async () => (await call('vehicles')).vehicles;
export const ask = (where) => call('query' + query({ where }));
export const alerts = async (open) => (await call('alerts' + query({ open, limit: 50 }))).alerts;
export const vehicleAlerts = async (id) => (await call('alerts' + query({ vehicle: id, open: true }))).alerts;
export const acknowledge = (id, note) => send('POST', `alerts/${id}/acknowledge`, { note });
export const rules = async () => (await call('rules')).rules;
export const setRule = (name, rule) => send('PUT', `rules/${encodeURIComponent(name)}`, rule);
export const removeRule = (name) => request(`rules/${encodeURIComponent(name)}`, { method: 'DELETE' });
export const setLabels = (id, labels) => send('PUT', vehiclePath(id, 'labels'), labels);
export const twin = (id) => call(vehiclePath(id, 'twin'));
export const quality = (id) => call(vehiclePath(id, 'quality'));
export const commands = async (id) => (await call(vehiclePath(id, 'commands'))).commands;
export const events = async (id) => (await call(vehiclePath(id, 'events'))).events;
export const diagnose = (id, ecu, text) => send('POST', vehiclePath(id, 'diagnostics'), { ecu, request: text });
export const startJob = (id, body) => send('POST', vehiclePath(id, 'jobs'), body);
export const release = (id, command, signature) => send('POST', vehiclePath(id, `commands/${command}/release`), signature);
export const setDesired = (id, path, value, revision) =>
  send('PUT', vehiclePath(id, 'desired'), { path, value }, revision ? { 'If-Match': `"${revision}"` } : {});

export const rollouts = async () => (await call('updates/rollouts')).rollouts;
export const rolloutVehicles = async (id) => (await call(`updates/rollouts/${id}/vehicles`)).vehicles;
export const changeRollout = (id, what, body, revision) =>
  send('POST', `updates/rollouts/${id}/${what}`, body, { 'If-Match': `"${revision}"` });
export const vehicleUpdates = (id) => call(vehiclePath(id, 'updates'));

const span = (signal, from, to) => ({ signal, from: Math.round(from), to: Math.round(to) });
export const history = (id, signal, from, to) => call(vehiclePath(id, 'history') + query(span(signal, from, to)));
export const bins = (id, signal, from, to, points) =>
  call(vehiclePath(id, 'history') + query({ ...span(signal, from, to), points }));

// The whole file, for the reader to save.
export async function csv(id, signal, from, to) {
  return (await request(vehiclePath(id, 'history.csv') + query(span(signal, from, to)))).blob();
}

// Events as they stand in the text so far; returns what is left of it.
function takeEvents(text, handlers) {
  const parts = text.split('\n\n');
  for (const part of parts.slice(0, -1)) {
    const fields = Object.fromEntries(part.split('\n').map((line) => {
      const at = line.indexOf(':');
      return [line.slice(0, at), line.slice(at + 1).trim()];
    }));
    if (fields.event && fields.data) handlers[fields.event]?.(JSON.parse(fields.data));
  }
  return parts.at(-1);
}

async function readStream(id, handlers, signal) {
  const response = await request('stream' + (id === null ? '' : query({ vehicle: id })), { signal });
  handlers.state(true);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let text = ''; ;) {
    const { value, done } = await reader.read();
    if (done) return;
    text = takeEvents(text + value, handlers);
  }
}

// Calls handlers.twin, .command and .alert with what comes, handlers.state with true or false as the stream is up or not.
// Without an id (null): alerts of the whole fleet.
// Returns a function that ends it. By fetch, since an EventSource sends no token.
export function stream(id, handlers) {
  const control = new AbortController();
  (async () => {
    for (let wait = 1000; !control.signal.aborted; wait = Math.min(wait * 2, 15000)) {
      try {
        await readStream(id, { ...handlers, state: (up) => { wait = 500; handlers.state(up); } }, control.signal);
      } catch { /* comes again */ }
      if (control.signal.aborted) return;
      handlers.state(false);
      await new Promise((resume) => { setTimeout(resume, wait); });
    }
  })();
  return () => control.abort();
}
