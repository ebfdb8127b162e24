/**
 * How far a run is, as figures and as one line of text. Owns the rate over the last seconds, the estimate of the time
 * that remains, and what of it fits into a width. Pure: the time comes in as a number, nothing is written.
 */
import type { Progress } from '../base/monitor.ts';
import { formatBytes, formatDuration } from '../base/units.ts';
import { escapeName } from './escape.ts';
import { count } from './figures.ts';
import { cutStart, displayWidth } from './width.ts';

const WINDOW = 15_000;
const SAMPLE_EVERY = 250;
const SETTLED = 2_000;
const GAP = 2;
const SHORTEST_PATH = 10;

/** What can be said of the pace. */
export interface Pace {
  readonly seconds: number;
  readonly bytesPerSecond?: number;
  readonly secondsRemaining?: number;
  /** 0 to 1; absent while the total is not known. */
  readonly fraction?: number;
}

/** Follows the progress of a run; every phase starts anew. Times are monotonic milliseconds. */
export class PaceMeter {
  #phase: string | undefined;
  #started: number | undefined;
  #samples: { readonly at: number; readonly bytes: number }[] = [];

  /** Takes a report and says how fast things go. */
  measure(progress: Progress, now: number): Pace {
    this.#started ??= now;
    if (progress.phase !== this.#phase) {
      this.#phase = progress.phase;
      this.#samples = [{ at: now, bytes: progress.bytesDone }];
    }
    const newest = this.#samples.at(-1)!;
    if (now - newest.at >= SAMPLE_EVERY) this.#samples.push({ at: now, bytes: progress.bytesDone });
    while (this.#samples.length > 2 && now - this.#samples[0]!.at > WINDOW) this.#samples.shift();

    const oldest = this.#samples[0]!;
    const elapsed = now - oldest.at;
    const bytesPerSecond =
      elapsed < SAMPLE_EVERY ? undefined : Math.max(0, ((progress.bytesDone - oldest.bytes) * 1000) / elapsed);
    const total = progress.bytesTotal;
    const remaining =
      total === undefined || !bytesPerSecond || elapsed < SETTLED
        ? undefined
        : Math.max(0, total - progress.bytesDone) / bytesPerSecond;
    return {
      seconds: (now - this.#started) / 1000,
      ...(bytesPerSecond === undefined ? {} : { bytesPerSecond }),
      ...(remaining === undefined ? {} : { secondsRemaining: remaining }),
      ...(total === undefined || total === 0 ? {} : { fraction: Math.min(1, progress.bytesDone / total) }),
    };
  }
}

/**
 * One line that fits into `columns`: the most telling figures first, each only when it fits whole, then as much of the
 * end of the current path as there is room for.
 */
export function progressLine(progress: Progress, pace: Pace, columns: number): string {
  const about = progress.totalsAreEstimates ? '~' : '';
  const percent = pace.fraction === undefined ? '' : `${about}${Math.floor(pace.fraction * 100)}%`;
  const bytes =
    progress.bytesTotal === undefined
      ? formatBytes(progress.bytesDone)
      : `${formatBytes(progress.bytesDone)} of ${about}${formatBytes(progress.bytesTotal)}`;
  // In the order of the line; the number is the order in which they claim room.
  const parts: (readonly [rank: number, text: string])[] = [
    [6, progress.phase],
    [0, percent],
    [percent === '' ? 0 : 4, bytes],
    [2, pace.bytesPerSecond === undefined ? '' : `${formatBytes(pace.bytesPerSecond)}/s`],
    [5, count(progress.filesDone, progress.unit ?? 'file')],
    [3, pace.secondsRemaining === undefined ? '' : `${formatDuration(pace.secondsRemaining * 1000)} left`],
    [1, progress.errors === 0 ? '' : count(progress.errors, 'error')],
  ];
  let room = columns;
  const chosen = new Set<string>();
  for (const [, text] of parts.toSorted(([a], [b]) => a - b)) {
    if (text === '') continue;
    const needed = displayWidth(text) + (chosen.size === 0 ? 0 : GAP);
    if (needed > room) continue;
    chosen.add(text);
    room -= needed;
  }
  const line = parts.flatMap(([, text]) => (chosen.has(text) ? [text] : [])).join(' '.repeat(GAP));
  if (progress.current === undefined || room < SHORTEST_PATH + GAP) return line;
  return `${line}${' '.repeat(GAP)}${cutStart(escapeName(progress.current), room - GAP)}`;
}
