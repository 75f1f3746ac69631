// Numbers, units and times as people write them.

const UNITS = {
  degC: '°C', degF: '°F', degree: '°', degrees: '°', deg: '°', arc_degree: '°', percent: '%',
  uL: 'µL', ul: 'µL', um: 'µm', us: 'µs', uM: 'µM', umol: 'µmol', ug: 'µg', ohm: 'Ω', angstrom: 'Å',
};
const SUPERSCRIPTS = {'-': '⁻', 0: '⁰', 1: '¹', 2: '²', 3: '³', 4: '⁴', 5: '⁵', 6: '⁶', 7: '⁷', 8: '⁸', 9: '⁹'};

/** A UDUNITS text as it is printed: "degC" → "°C", "umol/L" → "µmol/L", "m^2" → "m²". */
export function unit(text) {
  return (text || '')
      .replace(/[A-Za-z_]+/g, word => UNITS[word] || word)
      .replace(/(?:\^|\*\*)(-?\d+)/g, (_, power) => [...power].map(c => SUPERSCRIPTS[c]).join(''))
      .replace(/\*/g, '·');
}

/** Four significant digits unless told otherwise; powers of ten only where they save the reader zeros. */
export function number(value, digits = 4) {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e7)) {
    const [mantissa, power] = value.toExponential(digits - 1).split('e');
    return `${minus(String(Number(mantissa)))}·10${[...String(Number(power))].map(c => SUPERSCRIPTS[c]).join('')}`;
  }
  const whole = Math.abs(Math.round(value)).toString().length;
  return minus(String(Number.isInteger(value) || whole >= digits ? Math.round(value) : Number(value.toPrecision(digits))));
}

function minus(text) {
  return text.replace(/^-/, '−');
}

/** A number with its unit, or a name as it is. */
export function quantity(value, unitText, digits) {
  if (typeof value === 'string') return value;
  const shown = unit(unitText);
  if (!shown) return number(value, digits);
  return number(value, digits) + (shown === '°' ? '' : '\u202f') + shown;
}

/** A condition as people write it: "impurity <= 5 %" → "impurity ≤ 5 %". */
export function comparison(text) {
  return text.replace('<=', '≤').replace('>=', '≥');
}

/** "temperature (°C)" */
export function titled(thing) {
  return thing.unit ? `${thing.name} (${unit(thing.unit)})` : thing.name;
}

const PIECES = [['d', 86400], ['h', 3600], ['min', 60], ['s', 1]];

/** "3 d 4 h", "12 min 5 s", "0.4 s": the two largest pieces. */
export function duration(seconds) {
  if (!Number.isFinite(seconds)) return '–';
  if (seconds < 10) return `${number(seconds, 2)} s`;
  let rest = Math.round(seconds);
  const parts = [];
  for (const [name, size] of PIECES) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) parts.push(`${count} ${name}`);
    if (parts.length && (parts.length === 2 || name === 's')) break;
    if (parts.length === 1 && count === 0) break;
  }
  return parts.join(' ');
}

/** The unit in which a span of so many seconds is best read, as {name, seconds}. */
export function timeUnit(span) {
  if (span > 3 * 86400) return {name: 'd', seconds: 86400};
  if (span > 2 * 3600) return {name: 'h', seconds: 3600};
  if (span > 2 * 60) return {name: 'min', seconds: 60};
  return {name: 's', seconds: 1};
}

const DATE = new Intl.DateTimeFormat('en-GB', {dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC'});

/** "1 Mar 2026, 08:15 UTC" */
export function date(iso) {
  const time = new Date(iso);
  return Number.isNaN(time.getTime()) ? '–' : `${DATE.format(time)} UTC`;
}

/** "1 experiment", "3 experiments" */
export function count(n, noun) {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}

/**
 * How to write a column of numbers: all with as many decimals as the largest needs for four digits, none where all are
 * whole. returns a function from a number, or null, to text.
 */
export function decimals(values) {
  const finite = values.filter(Number.isFinite);
  const size = finite.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  if (size >= 1e7 || (size > 0 && size < 1e-3)) return value => Number.isFinite(value) ? number(value) : '';
  const places = finite.every(Number.isInteger) ? 0 : Math.min(6, Math.max(0, 3 - Math.floor(Math.log10(size))));
  return value => Number.isFinite(value) ? minus(value.toFixed(places)) : '';
}
