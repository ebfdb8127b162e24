/** `icecore snapshots`: lists snapshots, oldest first. */

import { count } from '../ui/figures.ts';
import { snapshotFields } from '../ui/json-lines.ts';
import { snapshotTable } from '../ui/snapshots.ts';
import type { SnapshotFilter, SnapshotInfo } from '../work/browse.ts';
import { defineCommand } from './command.ts';
import { filterOptions, readFilter } from './filters.ts';

interface Options {
  readonly filter: SnapshotFilter;
  readonly latest: number | undefined;
}

export const snapshots = defineCommand<Options>({
  name: 'snapshots',
  summary: 'list snapshots',
  arguments: [],
  options: [...filterOptions, { flags: '--latest <n>', help: 'only the last N of every host and set of paths' }],
  examples: [
    ['icecore snapshots', 'list all'],
    ['icecore snapshots --host nas --latest 3', 'list the last three of a host'],
    ['icecore snapshots --json | jq -r \'select(.type == "snapshot").id\'', 'print the ids'],
  ],
  parse(values, context) {
    return { filter: readFilter(values, context), latest: values.integer('latest', 1, 1_000_000) };
  },
  async run({ filter, latest }, context) {
    const { listSnapshots } = await context.io.verbs.browse();
    return await context.withRepository('write', async (repository) => {
      const all = await listSnapshots(repository, filter);
      const listed = latest === undefined ? all : lastOfEach(all, latest);
      if (context.globals.isJson) {
        for (const snapshot of listed) context.print('snapshot', snapshotFields(snapshot), []);
      } else {
        const heading = !context.globals.isQuiet;
        if (listed.length > 0) {
          for (const line of snapshotTable(listed, { columns: context.out.columns, heading })) context.out.line(line);
        }
        if (heading) context.note(listed.length === 0 ? 'there are no snapshots' : count(listed.length, 'snapshot'));
      }
      return { summary: { snapshots: listed.length } };
    });
  },
});

/** The last `n` snapshots of every host and set of paths, in the order given. */
function lastOfEach(snapshots: readonly SnapshotInfo[], n: number): SnapshotInfo[] {
  const counts = new Map<string, number>();
  const kept = snapshots.toReversed().filter((snapshot) => {
    const group = [snapshot.host, ...snapshot.paths.toSorted()].join('\0');
    const seen = (counts.get(group) ?? 0) + 1;
    counts.set(group, seen);
    return seen <= n;
  });
  return kept.reverse();
}
