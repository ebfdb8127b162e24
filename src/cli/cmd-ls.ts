/** `icecore ls`: lists what lies in a snapshot. */
import { type Raw, rawFromText } from '../base/raw.ts';
import { longLines, markedPath } from '../ui/entries.ts';
import { encodeLine, entryFields } from '../ui/json-lines.ts';
import { snapshotLine } from '../ui/snapshots.ts';
import type { ListedEntry, SnapshotFilter } from '../work/browse.ts';
import { defineCommand } from './command.ts';
import { filterOptions, readFilter } from './filters.ts';
import { parseSnapshotPath, type SnapshotPath } from './paths.ts';

interface Options {
  readonly at: SnapshotPath;
  readonly filter: SnapshotFilter;
  readonly recursive: boolean;
  readonly long: boolean;
  readonly exact: boolean;
}

export const ls = defineCommand<Options>({
  name: 'ls',
  summary: 'list what lies in a snapshot',
  details: ['SNAPSHOT is an id, at least 4 characters of one, latest, or latest~N, and :PATH may follow it'],
  arguments: [{ name: 'snapshot[:path]' }],
  options: [
    { flags: '-l, --long', help: 'show type, permissions, owner, size and time' },
    { flags: '-R, --recursive', help: 'list everything below, too' },
    { flags: '-0, --print0', help: 'print exact names, each ended by a NUL byte' },
    ...filterOptions,
  ],
  examples: [
    ['icecore ls latest', 'list the top of the last snapshot'],
    ['icecore ls -l latest:/home/anna', 'list a directory'],
    ['icecore ls -R latest~1 --host nas', 'list all of the last but one of a host'],
  ],
  parse(values, context) {
    return {
      at: parseSnapshotPath(context.io.rawArgument(values.args[0]!)),
      filter: readFilter(values, context),
      recursive: values.flag('recursive'),
      long: values.flag('long'),
      exact: values.flag('print0'),
    };
  },
  async run({ at, filter, recursive, long, exact }, context) {
    const { resolveSnapshot, listEntries } = await context.io.verbs.browse();
    return await context.withRepository('read', async (repository) => {
      const snapshot = await resolveSnapshot(repository, at.snapshot, filter);
      if (at.snapshot.startsWith('latest')) context.note(`snapshot ${snapshotLine(snapshot)}`);
      let entries = 0;
      const listed = listEntries(repository, snapshot, at.path ?? rawFromText('/'), recursive);
      const counted = async function* (): AsyncGenerator<ListedEntry> {
        for await (const entry of listed) {
          entries++;
          yield entry;
        }
      };
      if (context.globals.isJson) await context.out.writeLines(jsonLines(counted()));
      else if (exact) await context.out.writeNames(paths(counted()));
      else await context.out.writeLines(long ? longLines(counted()) : shortLines(counted()));
      return { summary: { snapshot: snapshot.id, entries } };
    });
  },
});

async function* jsonLines(entries: AsyncIterable<ListedEntry>): AsyncGenerator<string> {
  for await (const { path, entry } of entries) yield encodeLine('entry', entryFields(path, entry));
}

async function* shortLines(entries: AsyncIterable<ListedEntry>): AsyncGenerator<string> {
  for await (const { path, entry } of entries) yield markedPath(path, entry);
}

async function* paths(entries: AsyncIterable<ListedEntry>): AsyncGenerator<Raw> {
  for await (const { path } of entries) yield path;
}
