// The backend's REST API and event stream. Every failure is an Error with a text for people.
const BASE = 'api/v1/';

async function call(path, options) {
  let response;
  try {
    response = await fetch(BASE + path, options);
  } catch {
    throw new Error('The backend does not answer.');
  }
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(body.error ?? `The backend answered ${response.status}.`);
  return body;
}

const send = (method, path, body) =>
  call(path, { method, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });

const vehiclePath = (id, what) => `vehicles/${encodeURIComponent(id)}/${what}`;

export const vehicles = async () => (await call('vehicles')).vehicles;
export const twin = (id) => call(vehiclePath(id, 'twin'));
export const commands = async (id) => (await call(vehiclePath(id, 'commands'))).commands;
export const events = async (id) => (await call(vehiclePath(id, 'events'))).events;
export const setDesired = (id, path, value) => send('PUT', vehiclePath(id, 'desired'), { path, value });
export const diagnose = (id, ecu, request) => send('POST', vehiclePath(id, 'diagnostics'), { ecu, request });
export const history = (id, signal, from, to) =>
  call(vehiclePath(id, 'history') + '?' + new URLSearchParams({ signal, from: Math.round(from), to: Math.round(to) }));

// Calls handlers.twin and handlers.command with what comes, handlers.state with true or false as the stream is up or not.
// Returns a function that ends it.
export function stream(id, handlers) {
  const source = new EventSource(BASE + 'stream?' + new URLSearchParams({ vehicle: id }));
  source.addEventListener('twin', (event) => handlers.twin(JSON.parse(event.data)));
  source.addEventListener('command', (event) => handlers.command(JSON.parse(event.data)));
  source.onopen = () => handlers.state(true);
  source.onerror = () => handlers.state(false);
  return () => source.close();
}
