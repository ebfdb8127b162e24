/** Options that several commands share: which snapshots are meant, and points in time. */
import { isIcecoreError } from '../base/errors.ts';
import { parseAge, subtractAge } from '../base/units.ts';
import type { SnapshotFilter } from '../work/browse.ts';
import type { Context } from './context.ts';
import type { OptionSpec } from './option.ts';
import { resolveRaw } from './paths.ts';
import { usage, type Values } from './values.ts';

/** `--host`, `--tag`, `--path`. */
export const filterOptions: readonly OptionSpec[] = [
  { flags: '--host <host>', help: 'only snapshots of this host (repeatable)', isList: true },
  { flags: '--tag <tag>', help: 'only snapshots with this tag (repeatable: all of them)', isList: true },
  { flags: '--path <path>', help: 'only snapshots of this path (repeatable)', isList: true, complete: 'file' },
];

/** Reads {@link filterOptions}. */
export function readFilter(values: Values, context: Context): SnapshotFilter {
  const { io } = context;
  return {
    hosts: values.words('host'),
    tags: values.words('tag'),
    paths: values.list('path').map((path) => {
      const resolved = resolveRaw(io.cwd(), io.rawArgument(path));
      return (resolved.length > 1 && resolved.endsWith('/') ? resolved.slice(0, -1) : resolved) as typeof resolved;
    }),
  };
}

/**
 * Reads a point in time: `2026-01-31`, `2026-01-31 10:00`, `2026-01-31T10:00:00Z` (local unless it says a zone), or an
 * age before now: `30d`, `6mo`.
 * @returns nanoseconds
 * @throws kind `usage`
 */
export function parseMoment(text: string, now: number): bigint {
  const match = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(Z|[+-]\d\d:\d\d)?)?$/.exec(text.trim());
  if (match) {
    // Without a time of day JavaScript would take the date as UTC.
    const milliseconds = Date.parse(`${match[1]}T${match[2] ?? '00:00'}${match[3] ?? ''}`);
    if (!Number.isNaN(milliseconds)) return BigInt(milliseconds) * 1_000_000n;
  }
  try {
    return BigInt(subtractAge(now, parseAge(text))) * 1_000_000n;
  } catch (error) {
    if (!isIcecoreError(error, 'usage')) throw error;
    throw usage('bad-time', `'${text}' is no time`, 'write it as 2026-01-31, 2026-01-31 10:00, or an age: 30d, 6mo');
  }
}
