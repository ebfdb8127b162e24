/**
 * Sizes, rates, durations, ages and percentages as people write them, and back. Owns the grammar of all of them; knows
 * no option names and no locale. Parsers take the whole text or throw a usage error that says what is understood.
 *
 * `K`, `M`, `G`, `T`, `P` and `KiB` … `PiB` are powers of 1,024; `KB` … `PB` are powers of 1,000. Case does not matter,
 * one space may stand before the unit, and a fraction takes a point. A month is not a duration, since it has no fixed
 * length; ages are subtracted from a calendar.
 */
import { IcecoreError } from './errors.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const DURATION_UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: SECOND,
  min: MINUTE,
  m: MINUTE,
  h: HOUR,
  d: DAY,
  w: 7 * DAY,
};
const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

/** A stretch of the calendar. Subtracted in this order: years and months first, then the rest. */
export interface Age {
  readonly years: number;
  readonly months: number;
  readonly days: number;
  readonly hours: number;
}

/**
 * Parses a size in bytes: `4096`, `5MiB`, `1.5G`, `10 MB`. Fractions of a byte are rounded.
 * @throws IcecoreError kind `usage`, code `bad-size`
 */
export function parseSize(text: string): number {
  const match = /^(\d{1,16}(?:\.\d{1,9})?) ?(?:([kmgtp])(i?b)?|b)?$/i.exec(text.trim());
  if (!match) throw badSize(text);
  const [, digits, prefix, suffix] = match;
  if (prefix === undefined && digits!.includes('.')) throw badSize(text);
  const base = suffix?.toLowerCase() === 'b' ? 1000 : 1024;
  const power = prefix === undefined ? 0 : 'kmgtp'.indexOf(prefix.toLowerCase()) + 1;
  const bytes = Math.round(Number(digits) * base ** power);
  if (!Number.isSafeInteger(bytes)) throw badSize(text);
  return bytes;
}

/**
 * Parses a rate in bytes a second: a size with or without `/s`, at least 1.
 * @throws IcecoreError kind `usage`, code `bad-rate`
 */
export function parseRate(text: string): number {
  const bytes = attempt(() => parseSize(text.trim().replace(/ ?\/s$/i, '')));
  if (bytes === undefined || bytes < 1) {
    throw usage('bad-rate', text, 'a rate', 'write it as 10MiB/s or 500K/s (bytes a second, more than nothing)');
  }
  return bytes;
}

/**
 * Parses a duration in milliseconds: `24h`, `7d`, `1h30m`, `1.5s`, `250ms`; units w, d, h, min or m, s, ms, each at most
 * once, from long to short. Only `0` needs no unit.
 * @throws IcecoreError kind `usage`, code `bad-duration`
 */
export function parseDuration(text: string): number {
  const trimmed = text.trim().toLowerCase();
  if (trimmed === '0') return 0;
  const hint = 'write it as 24h, 7d or 1h30m (w, d, h, m, s, ms)';
  let total = 0;
  let last = Number.POSITIVE_INFINITY;
  let rest = trimmed;
  while (rest !== '') {
    const match = /^(\d{1,12}(?:\.\d{1,6})?) ?(ms|s|min|m|h|d|w) ?/.exec(rest);
    const unit = match ? DURATION_UNITS[match[2]!]! : 0;
    if (!match || unit >= last) throw usage('bad-duration', text, 'a duration', hint);
    total += Number(match[1]) * unit;
    last = unit;
    rest = rest.slice(match[0].length);
  }
  const milliseconds = Math.round(total);
  if (trimmed === '' || !Number.isSafeInteger(milliseconds)) throw usage('bad-duration', text, 'a duration', hint);
  return milliseconds;
}

/**
 * Parses an age: `30d`, `6mo`, `1y6mo`, `2w`, `36h`; units y, mo, w, d, h, each at most once, from long to short. `m` is
 * refused, since it could be taken for minutes.
 * @throws IcecoreError kind `usage`, code `bad-age`
 */
export function parseAge(text: string): Age {
  const match =
    /^(?=\d)(?:(\d{1,4}) ?y ?)?(?:(\d{1,5}) ?mo ?)?(?:(\d{1,6}) ?w ?)?(?:(\d{1,7}) ?d ?)?(?:(\d{1,8}) ?h)?$/i.exec(
      text.trim(),
    );
  if (!match) throw usage('bad-age', text, 'an age', 'write it as 30d, 6mo or 1y6mo (y, mo for months, w, d, h)');
  const [years, months, weeks, days, hours] = match.slice(1).map((digits) => Number(digits ?? 0));
  return { years: years!, months: months!, days: weeks! * 7 + days!, hours: hours! };
}

/**
 * The time that lies an age before `time`, both milliseconds in UTC. A day that the month does not have becomes its last:
 * a month before 31 March is 28 or 29 February.
 */
export function subtractAge(time: number, age: Age): number {
  const date = new Date(time);
  const day = date.getUTCDate();
  date.setUTCDate(1);
  date.setUTCMonth(date.getUTCMonth() - age.years * 12 - age.months);
  const daysInMonth = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
  date.setUTCDate(Math.min(day, daysInMonth));
  return date.getTime() - age.days * DAY - age.hours * HOUR;
}

/**
 * Parses a percentage from 0 to 100 (`5%`, `2.5`) into a fraction from 0 to 1.
 * @throws IcecoreError kind `usage`, code `bad-percentage`
 */
export function parsePercentage(text: string): number {
  const match = /^(\d{1,3}(?:\.\d{1,6})?) ?%?$/.exec(text.trim());
  const value = match ? Number(match[1]) : Number.NaN;
  if (!(value <= 100)) throw usage('bad-percentage', text, 'a percentage', 'write it as 5% (0 to 100)');
  return value / 100;
}

/** Three significant digits in powers of 1,024: `0 B`, `1023 B`, `1.00 KiB`, `12.3 MiB`, `456 GiB`. */
export function formatBytes(bytes: number): string {
  const sign = bytes < 0 ? '-' : '';
  let value = Math.abs(bytes);
  let power = 0;
  // What would be shown as 1024 of a unit is shown as 1.00 of the next.
  while (power < BYTE_UNITS.length - 1 && Math.round(value) >= 1024) {
    value /= 1024;
    power++;
  }
  return `${sign}${power === 0 ? Math.round(value) : threeDigits(value)} ${BYTE_UNITS[power]}`;
}

/** Bytes a second: `12.3 MiB/s`. */
export function formatRate(bytesPerSecond: number): string {
  return `${formatBytes(bytesPerSecond)}/s`;
}

/** The two largest units of a duration in milliseconds: `0.4 s`, `42 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`. */
export function formatDuration(milliseconds: number): string {
  const tenths = Math.round(Math.max(0, milliseconds) / 100);
  if (tenths < 100) return `${(tenths / 10).toFixed(1)} s`;
  const seconds = Math.round(milliseconds / SECOND);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return pair(Math.floor(seconds / 60), 'min', seconds % 60, 's');
  const minutes = Math.round(seconds / 60);
  if (minutes < 1440) return pair(Math.floor(minutes / 60), 'h', minutes % 60, 'min');
  const hours = Math.round(seconds / 3600);
  return pair(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

/** How long ago, by the largest unit, rounded down: `just now`, `5 minutes ago`, `1 day ago`, `3 years ago`. */
export function formatAge(milliseconds: number): string {
  if (milliseconds < 0) return 'in the future';
  const units: readonly (readonly [name: string, length: number])[] = [
    ['year', 365.25 * DAY],
    ['month', 30.4375 * DAY],
    ['day', DAY],
    ['hour', HOUR],
    ['minute', MINUTE],
  ];
  for (const [name, length] of units) {
    const count = Math.floor(milliseconds / length);
    if (count > 0) return `${count} ${name}${count === 1 ? '' : 's'} ago`;
  }
  return 'just now';
}

/** A whole number with commas: `84,000`. */
export function formatCount(count: number): string {
  return String(Math.round(count)).replace(/\B(?=(?:\d{3})+$)/g, ',');
}

/** A fraction from 0 to 1 as `5%`, `0.4%`; what is not quite everything never shows as 100%, nor something as 0%. */
export function formatPercentage(fraction: number): string {
  const percent = fraction * 100;
  if (percent <= 0) return '0%';
  if (percent < 0.1) return '<0.1%';
  if (percent < 9.95) return `${percent.toFixed(1).replace(/\.0$/, '')}%`;
  return fraction < 1 ? `${Math.min(99, Math.round(percent))}%` : `${Math.round(percent)}%`;
}

function threeDigits(value: number): string {
  if (value < 9.995) return value.toFixed(2);
  return value < 99.95 ? value.toFixed(1) : value.toFixed(0);
}

function pair(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}

function badSize(text: string): IcecoreError {
  return usage('bad-size', text, 'a size', 'write it as 4096, 5MiB, 1.5G or 10MB (at most 2^53 - 1 bytes)');
}

function usage(code: string, text: string, what: string, hint: string): IcecoreError {
  const shown = text.length > 40 ? `${text.slice(0, 40)}…` : text;
  return new IcecoreError('usage', code, `${JSON.stringify(shown)} is not ${what}`, { hint });
}
