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

// `start(body)` sends the job; it is told errors by rejecting.
export function mountJobs(place, start) {
  const kind = made('select', { name: 'job', ariaLabel: 'Job' },
    ...JOBS.map(([value, textContent]) => made('option', { value, textContent })));
  const ecu = made('input', { name: 'ecu', value: '*', required: true, autocomplete: 'off' });
  ecu.setAttribute('list', 'ecus');
  const identifier = made('input', { name: 'identifier', pattern: '[0-9A-Fa-f]{1,4}', autocomplete: 'off', value: 'F190' });
  const data = made('input', { name: 'data', pattern: '([0-9A-Fa-f]{2})*', autocomplete: 'off' });
  const form = made('form', { id: 'job' }, made('label', {}, 'Job ', kind), made('label', {}, 'ECU (* for all) ', ecu),
    made('label', {}, 'Identifier, hex ', identifier), made('label', {}, 'Data, hex ', data),
    made('button', { type: 'submit', className: 'primary', textContent: 'Start' }));
  const fit = () => {
    identifier.parentElement.hidden = !['read-did', 'write-did', 'routine'].includes(kind.value);
    data.parentElement.hidden = !['write-did', 'routine', 'raw'].includes(kind.value);
  };
  kind.addEventListener('change', fit);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const body = { job: kind.value, ecu: ecu.value };
    if (!identifier.parentElement.hidden) body.identifier = parseInt(identifier.value, 16);
    if (!data.parentElement.hidden && data.value) body.data = data.value;
    start(body);
  });
  fit();
  place.append(form);
}
