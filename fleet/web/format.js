// How values, ages and times look.
const rounded = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 6, useGrouping: false });

export function value(v, text) {
  if (v === null || v === undefined) return '–';
  if (text) return text;
  if (typeof v === 'boolean') return v ? 'on' : 'off';
  return typeof v === 'number' && !Number.isInteger(v) ? rounded.format(v) : String(v);
}

export function age(ms) {
  if (ms === null || !Number.isFinite(ms)) return '–';
  const s = Math.max(0, ms) / 1000;
  if (s < 10) return s.toFixed(1) + ' s';
  if (s < 120) return Math.round(s) + ' s';
  if (s < 7200) return Math.round(s / 60) + ' min';
  return s < 172800 ? Math.round(s / 3600) + ' h' : Math.round(s / 86400) + ' d';
}

export const clock = (ms) =>
  new Date(ms).toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });

// A history value as a number to plot; NaN when it is none.
export function number(v) {
  if (typeof v === 'boolean') return v ? 1 : 0;
  if (typeof v === 'number') return v;
  return typeof v === 'string' && v.trim() !== '' ? Number(v) : NaN;
}

// Numbers beyond double's integers and those that are none (`nan`, `inf`, `-inf`) come as strings; every other string is text.
export const isText = (v) => typeof v === 'string' && !Number.isFinite(number(v)) && !/^(nan|-?inf)$/.test(v);

// Hex as text with what is printable shown beside it.
export function hex(text) {
  const bytes = text.match(/../g) ?? [];
  const ascii = bytes.map((b) => parseInt(b, 16)).map((c) => (c >= 32 && c < 127 ? String.fromCharCode(c) : '·')).join('');
  return bytes.join(' ').toUpperCase() + '   ' + ascii;
}

// `*` any text, `?` one character; without them the words must all occur.
export function matcher(query) {
  const text = query.trim().toLowerCase();
  if (text === '') return () => true;
  if (/[*?]/.test(text)) {
    const pattern = text.replace(/[.+^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*').replaceAll('?', '.');
    const expression = new RegExp(`^${pattern}$`);
    return (name) => expression.test(name.toLowerCase());
  }
  const words = text.split(/\s+/);
  return (name) => words.every((word) => name.toLowerCase().includes(word));
}

export function element(kind, className, text) {
  const made = document.createElement(kind);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

// Day and time, where the day is not today.
export function moment(ms) {
  const when = new Date(ms);
  const today = when.toDateString() === new Date().toDateString();
  return today ? clock(ms) : `${when.toLocaleDateString(undefined, { day: '2-digit', month: 'short' })} ${clock(ms).slice(0, 5)}`;
}
