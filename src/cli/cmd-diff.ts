/** `icecore diff`: shows what differs between two snapshots. */
import type { Raw } from '../base/raw.ts';
import { formatBytes, formatCount } from '../base/units.ts';
import { differenceLine } from '../ui/entries.ts';
import { encodeLine, entryFields, pathFields } from '../ui/json-lines.ts';
import { snapshotLine } from '../ui/snapshots.ts';
import type { Difference, SnapshotFilter } from '../work/browse.ts';
import { defineCommand } from './command.ts';
import { filterOptions, readFilter } from './filters.ts';
import { parseSnapshotPath } from './paths.ts';
import { usage } from './values.ts';

interface Options {
  readonly before: string;
  readonly after: string;
  readonly path: Raw | undefined;
  readonly metadata: boolean;
  readonly exact: boolean;
  readonly filter: SnapshotFilter;
}

export const diff = defineCommand<Options>({
  name: 'diff',
  summary: 'show what differs between two snapshots',
  details: [
    'Marks: + added, - removed, M content modified, T another type, U only permissions, owner, time or attributes',
  ],
  arguments: [{ name: 'before[:path]' }, { name: 'after' }],
  options: [
    { flags: '--metadata', help: 'show differences of permissions, owner, time and attributes, too' },
    { flags: '-0, --print0', help: 'print exact paths, each ended by a NUL byte, without marks' },
    ...filterOptions,
  ],
  examples: [
    ['icecore diff latest~1 latest', 'see what the last backup changed'],
    ['icecore diff latest~7:/etc latest --metadata', 'compare one directory, with permissions'],
  ],
  parse(values, context) {
    const [before, after] = values.args.map((text) => parseSnapshotPath(context.io.rawArgument(text)));
    if (before!.path !== undefined && after!.path !== undefined && before!.path !== after!.path) {
      throw usage('two-paths', 'the two paths are not the same', 'icecore diff latest~1:/etc latest');
    }
    return {
      before: before!.snapshot,
      after: after!.snapshot,
      path: before!.path ?? after!.path,
      metadata: values.flag('metadata'),
      exact: values.flag('print0'),
      filter: readFilter(values, context),
    };
  },
  async run(options, context) {
    const { resolveSnapshot, diffSnapshots } = await context.io.verbs.browse();
    return await context.withRepository('read', async (repository) => {
      const before = await resolveSnapshot(repository, options.before, options.filter);
      const after = await resolveSnapshot(repository, options.after, options.filter);
      context.note(`before ${snapshotLine(before)}`);
      context.note(`after  ${snapshotLine(after)}`);
      const tally = new Tally();
      const differences = tally.count(
        diffSnapshots(repository, before, after, {
          metadata: options.metadata,
          ...(options.path === undefined ? {} : { path: options.path }),
        }),
      );
      if (context.globals.isJson) await context.out.writeLines(jsonLines(differences));
      else if (options.exact) await context.out.writeNames(paths(differences));
      else await context.out.writeLines(lines(differences));
      context.note(tally.sentence());
      return {
        summary: {
          before: before.id,
          after: after.id,
          ...tally.counts,
          bytesAdded: tally.added,
          bytesRemoved: tally.removed,
        },
      };
    });
  },
});

/** Counts differences as they pass. */
class Tally {
  readonly counts: Record<Difference['change'], number> = { added: 0, removed: 0, modified: 0, metadata: 0, type: 0 };
  added = 0;
  removed = 0;

  async *count(differences: AsyncIterable<Difference>): AsyncGenerator<Difference> {
    for await (const difference of differences) {
      this.counts[difference.change]++;
      if (difference.change !== 'metadata') {
        this.added += difference.after?.size ?? 0;
        this.removed += difference.before?.size ?? 0;
      }
      yield difference;
    }
  }

  sentence(): string {
    const { added, removed, modified, metadata, type } = this.counts;
    const parts = [
      `${formatCount(added)} added`,
      `${formatCount(removed)} removed`,
      `${formatCount(modified)} modified`,
      type > 0 ? `${formatCount(type)} of another type` : '',
      metadata > 0 ? `${formatCount(metadata)} with other metadata` : '',
    ];
    return `${parts.filter(Boolean).join(', ')} (+${formatBytes(this.added)}, -${formatBytes(this.removed)})`;
  }
}

async function* jsonLines(differences: AsyncIterable<Difference>): AsyncGenerator<string> {
  for await (const { change, path, before, after } of differences) {
    yield encodeLine('difference', {
      change,
      ...pathFields(path),
      before: before && entryFields(path, before),
      after: after && entryFields(path, after),
    });
  }
}

async function* lines(differences: AsyncIterable<Difference>): AsyncGenerator<string> {
  for await (const difference of differences) yield differenceLine(difference);
}

async function* paths(differences: AsyncIterable<Difference>): AsyncGenerator<Raw> {
  for await (const { path } of differences) yield path;
}
