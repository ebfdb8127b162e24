/** Figures for people that base/units.ts does not have: counted nouns, paces, local times. */
import { formatBytes, formatCount } from '../base/units.ts';

/** A counted noun: `1 file`, `12,034 files`. */
export function count(n: number, singular: string, plural = `${singular}s`): string {
  return `${formatCount(n)} ${n === 1 ? singular : plural}`;
}

/** Less than this says nothing about how fast things go. */
const PACE_BYTES = 1 << 20;

/** Bytes a second over a run, in brackets: ` (120 MiB/s)`; empty when the run was too short, or did too little, to tell. */
export function paceOf(bytes: number, seconds: number): string {
  return seconds < 0.1 || bytes < PACE_BYTES ? '' : ` (${formatBytes(bytes / seconds)}/s)`;
}

/** A time in milliseconds, in the local time zone: `2026-11-17 10:05`, with seconds on request. */
export function localTime(milliseconds: number, withSeconds = false): string {
  const date = new Date(milliseconds);
  if (Number.isNaN(date.getTime())) return '?';
  const two = (n: number) => String(n).padStart(2, '0');
  const day = `${String(date.getFullYear()).padStart(4, '0')}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const time = `${two(date.getHours())}:${two(date.getMinutes())}`;
  return withSeconds ? `${day} ${time}:${two(date.getSeconds())}` : `${day} ${time}`;
}

/** A time in nanoseconds, local; `@SECONDS` where the calendar of JavaScript does not reach. */
export function localTimeOf(nanoseconds: bigint): string {
  // Division of BigInts rounds towards zero; times before 1970 must round down like the others.
  const seconds = nanoseconds / 1_000_000_000n - (nanoseconds % 1_000_000_000n < 0n ? 1n : 0n);
  const milliseconds = Number(seconds) * 1000;
  return Math.abs(milliseconds) <= 8.64e15 ? localTime(milliseconds, true) : `@${seconds}`;
}
