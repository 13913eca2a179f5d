// Diagnostic jobs of the vehicle shown: trouble codes and data of one ECU or all of them, with their results.
const JOBS = [['read-dtcs', 'Read trouble codes'], ['read-did', 'Read data'], ['clear-dtcs', 'Clear trouble codes'],
  ['write-did', 'Write data'], ['routine', 'Routine'], ['raw', 'Raw request']];
const LETTERS = 'PCBU';
const STATUS = ['test failed', 'failed this cycle', 'pending', 'confirmed', 'not tested since clear', 'failed since clear',
  'not tested this cycle', 'warning lamp'];

function made(kind, properties = {}, ...children) {
  const one = Object.assign(document.createElement(kind), properties);
  one.append(...children);
  return one;
}

// ISO 15031-6: two bits for the letter, three hex digits behind the first; the third byte is the failure type.
export function troubleCode(code) {
  const high = code >> 8;
  const failure = (code & 0xff).toString(16).padStart(2, '0').toUpperCase();
  return `${LETTERS[high >> 14]}${(high >> 12) & 3}${(high & 0xfff).toString(16).padStart(3, '0').toUpperCase()}-${failure}`;
}

export function statusText(status) {
  return STATUS.filter((_, bit) => status & (1 << bit)).join(', ') || 'none';
}

function ecuResult(ecu) {
  const item = made('li', {}, made('b', { textContent: ecu.ecu }));
  if (ecu.reason !== 'none') {
    item.append(` ${ecu.reason}${ecu.nrc ? ` (NRC ${ecu.nrc.toString(16).toUpperCase()})` : ''}`);
  } else if (ecu.response) {
    item.append(' ', made('code', { textContent: ecu.response.toUpperCase() }));
  } else if (!ecu.dtcs.length) {
    item.append(' no trouble codes');
  }
  if (ecu.dtcs.length) {
    item.append(made('ul', {}, ...ecu.dtcs.map((dtc) => made('li', {}, made('b', { textContent: troubleCode(dtc.code) }),
      ` ${statusText(dtc.status)}`, ...(dtc.snapshots ? [' ', made('code', { textContent: dtc.snapshots.toUpperCase() })] : [])))));
  }
  return item;
}

// What the vehicle answered, for the list of commands.
export function jobResult(result) {
  return made('ul', { className: 'job-result' }, ...result.ecus.map(ecuResult));
}

// What a release key signs, away from the backend, and the way back: `release(signature)` sends it, errors as of `start`.
// Without a payload (the page was loaded anew) the file can still be given.
export function releaseForm(payload, release) {
  const file = made('input', { type: 'file', name: 'release', accept: '.json,application/json' });
  file.addEventListener('change', () => release(file.files[0]));
  const form = made('div', { className: 'release' });
  if (payload) {
    const text = made('textarea', { readOnly: true, rows: 3, spellcheck: false, className: 'payload',
      value: `cantwin keys sign-command --key release.ed25519.key ${payload} > release.json` });
    text.addEventListener('focus', () => text.select());
    form.append(made('label', {}, 'To be run where the release key is ', text));
  }
  form.append(made('label', {}, 'Signed release (release.json) ', file));
  return form;
}

// The file of `cantwin keys sign-command`.
export async function readRelease(file) {
  const signature = await file.text().then(JSON.parse).catch(() => null);
  if (!signature?.key_id || !signature?.signature) throw new Error('This is no file of cantwin keys sign-command.');
  return signature;
}

// `start(body)` sends the job; it is told errors by rejecting.
export function mountJobs(place, start) {
  const kind = made('select', { name: 'job', ariaLabel: 'Job' },
    ...JOBS.map(([value, textContent]) => made('option', { value, textContent })));
  const ecu = made('input', { name: 'ecu', value: '*', required: true, autocomplete: 'off' });
  ecu.setAttribute('list', 'ecus');
  const identifier = made('input', { name: 'identifier', pattern: '[0-9A-Fa-f]{1,4}', autocomplete: 'off', value: 'F190' });
  const data = made('input', { name: 'data', pattern: '([0-9A-Fa-f]{2})*', autocomplete: 'off' });
  const offline = made('input', { name: 'offline', type: 'checkbox' });
  const form = made('form', { id: 'job' }, made('label', {}, 'Job ', kind), made('label', {}, 'ECU (* for all) ', ecu),
    made('label', {}, 'Identifier, hex ', identifier), made('label', {}, 'Data, hex ', data),
    made('label', { className: 'check' }, offline, ' A release key signs it'),
    made('button', { type: 'submit', className: 'primary', textContent: 'Start' }));
  const fit = () => {
    identifier.parentElement.hidden = !['read-did', 'write-did', 'routine'].includes(kind.value);
    data.parentElement.hidden = !['write-did', 'routine', 'raw'].includes(kind.value);
    offline.parentElement.hidden = kind.value.startsWith('read-');
  };
  kind.addEventListener('change', fit);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const body = { job: kind.value, ecu: ecu.value };
    if (!identifier.parentElement.hidden) body.identifier = parseInt(identifier.value, 16);
    if (!data.parentElement.hidden && data.value) body.data = data.value;
    if (!offline.parentElement.hidden && offline.checked) body.release = 'offline';
    start(body);
  });
  fit();
  place.append(form);
}
