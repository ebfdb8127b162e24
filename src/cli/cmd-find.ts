/** `icecore find`: looks for entries in all snapshots, or in those that are meant. */
import type { Raw } from '../base/raw.ts';
import { parseSize } from '../base/units.ts';
import type { EntryType } from '../format/entry.ts';
import { longLines, markedPath } from '../ui/entries.ts';
import { encodeLine, entryFields } from '../ui/json-lines.ts';
import { shortId } from '../ui/snapshots.ts';
import type { FindOptions, FoundEntry } from '../work/browse.ts';
import { defineCommand } from './command.ts';
import { filterOptions, parseMoment, readFilter } from './filters.ts';
import { normaliseSnapshot } from './paths.ts';
import { usage } from './values.ts';

const TYPES: Readonly<Record<string, EntryType>> = {
  f: 'file',
  d: 'dir',
  l: 'symlink',
  p: 'fifo',
  b: 'block',
  c: 'char',
};

interface Options {
  readonly find: FindOptions;
  readonly long: boolean;
  readonly exact: boolean;
}

export const find = defineCommand<Options>({
  name: 'find',
  summary: 'find files by name in snapshots',
  details: [
    'PATTERN is a shell glob: one with a slash is matched against the whole path, another against the name. What is printed can be given to dump, restore and ls',
  ],
  arguments: [{ name: 'pattern', isVariadic: true }],
  options: [
    { flags: '-i, --ignore-case', help: 'take upper and lower case for the same' },
    { flags: '-l, --long', help: 'show type, permissions, owner, size and time' },
    { flags: '-0, --print0', help: 'print exact paths, each ended by a NUL byte, without snapshots' },
    { flags: '-s, --snapshot <snapshot>', help: 'only in this snapshot' },
    { flags: '--type <type>', help: 'only files, directories, links, …', choices: Object.keys(TYPES) },
    { flags: '--newer <time>', help: 'only modified after: 2026-01-31, or 30d for thirty days ago' },
    { flags: '--older <time>', help: 'only modified before' },
    { flags: '--min-size <size>', help: 'only files of at least this size' },
    { flags: '--max-size <size>', help: 'only files of at most this size' },
    ...filterOptions,
  ],
  examples: [
    ["icecore find '*.pdf'", 'find by name in all snapshots'],
    ["icecore find -s latest '/home/*/tax*' --newer 1y", 'find by path and time'],
    ["icecore find -l '*.iso' --min-size 1GiB --type f", 'find large files'],
  ],
  parse(values, context) {
    const now = context.io.clock.now();
    const newerThan = values.parsed('newer', (text) => parseMoment(text, now));
    const olderThan = values.parsed('older', (text) => parseMoment(text, now));
    const minSize = values.parsed('min-size', parseSize);
    const maxSize = values.parsed('max-size', parseSize);
    const snapshot = values.parsed('snapshot', normaliseSnapshot);
    const type = TYPES[values.text('type') ?? ''];
    if (values.args.includes('')) throw usage('empty-pattern', 'a pattern is empty');
    if (minSize !== undefined && maxSize !== undefined && minSize > maxSize) {
      throw usage('bad-range', 'nothing is at least --min-size and at most --max-size');
    }
    return {
      find: {
        patterns: values.args,
        ignoreCase: values.flag('ignore-case'),
        filter: readFilter(values, context),
        ...(snapshot === undefined ? {} : { snapshot }),
        ...(type === undefined ? {} : { type }),
        ...(newerThan === undefined ? {} : { newerThan }),
        ...(olderThan === undefined ? {} : { olderThan }),
        ...(minSize === undefined ? {} : { minSize }),
        ...(maxSize === undefined ? {} : { maxSize }),
      },
      long: values.flag('long'),
      exact: values.flag('print0'),
    };
  },
  async run({ find: wanted, long, exact }, context) {
    const { findEntries } = await context.io.verbs.browse();
    return await context.withRepository('read', async (repository) => {
      let found = 0;
      const counted = async function* (): AsyncGenerator<FoundEntry> {
        for await (const entry of findEntries(repository, wanted)) {
          found++;
          yield entry;
        }
      };
      if (context.globals.isJson) await context.out.writeLines(jsonLines(counted()));
      else if (exact) await context.out.writeNames(paths(counted()));
      else await context.out.writeLines(long ? longLines(counted(), snapshotPrefix) : shortLines(counted()));
      if (found === 0) context.note('nothing was found');
      return { summary: { found } };
    });
  },
});

function snapshotPrefix(found: FoundEntry): string {
  return `${shortId(found.snapshot.id)}:`;
}

async function* jsonLines(entries: AsyncIterable<FoundEntry>): AsyncGenerator<string> {
  for await (const { snapshot, path, entry } of entries) {
    yield encodeLine('entry', { snapshot: snapshot.id, ...entryFields(path, entry) });
  }
}

async function* shortLines(entries: AsyncIterable<FoundEntry>): AsyncGenerator<string> {
  for await (const found of entries) yield snapshotPrefix(found) + markedPath(found.path, found.entry);
}

async function* paths(entries: AsyncIterable<FoundEntry>): AsyncGenerator<Raw> {
  for await (const { path } of entries) yield path;
}
