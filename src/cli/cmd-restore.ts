/** `icecore restore`: brings a snapshot, or a part of it, back into a directory. */
import { type Raw, rawFromText } from '../base/raw.ts';
import { snapshotLine } from '../ui/snapshots.ts';
import type { SnapshotFilter } from '../work/browse.ts';
import type { OverwritePolicy, RestoreOptions } from '../work/restore-options.ts';
import { batchOptions, readBatch } from './batch-options.ts';
import { defineCommand } from './command.ts';
import { filterOptions, readFilter } from './filters.ts';
import { parseSnapshotPath } from './paths.ts';
import { readThaw, type ThawSettings, thawOptions, toThawOptions } from './thaw-options.ts';
import { CommandThawView, thawResult } from './thaw-view.ts';
import { usage } from './values.ts';

const POLICIES: readonly OverwritePolicy[] = ['always', 'if-changed', 'if-newer', 'never'];

interface Options {
  readonly snapshot: string;
  readonly filter: SnapshotFilter;
  readonly settings: Omit<RestoreOptions, 'snapshot'>;
  readonly thaw: ThawSettings;
}

export const restore = defineCommand<Options>({
  name: 'restore',
  summary: 'restore a snapshot, or a part of it, into a directory',
  details: [
    'With :PATH, what lies below it goes directly into DIR; without, whole paths are made there. What is there already and differs is replaced, unless --overwrite says otherwise; nothing else is removed without --delete',
    'Where packs are archived, it shows what thawing them costs and asks; it ends with exit 75 while they are warming, and icecore thaw resume goes on',
  ],
  arguments: [{ name: 'snapshot[:path]' }],
  options: [
    { flags: '-t, --target <dir>', help: 'restore into this directory, made when missing', complete: 'directory' },
    { flags: '-n, --plan', help: 'show what would be done, and stop' },
    { flags: '--dry-run', help: 'the same as --plan', isHidden: true },
    {
      flags: '-i, --include <pattern>',
      help: 'restore only what matches, as in .gitignore (repeatable)',
      isList: true,
    },
    { flags: '-e, --exclude <pattern>', help: 'leave out what matches (repeatable)', isList: true },
    { flags: '--overwrite <when>', help: 'replace what is there already (if-changed)', choices: POLICIES },
    { flags: '--delete', help: 'remove what is in the target and not in the snapshot' },
    { flags: '--verify', help: 'read everything back and compare' },
    { flags: '--sparse', help: 'make holes of long runs of zeros' },
    { flags: '--numeric-ids', help: 'restore owners by number, even where their names are known here' },
    { flags: '--workers <n>', help: 'use this many threads (one a core)' },
    ...thawOptions,
    ...batchOptions,
    ...filterOptions,
  ],
  examples: [
    ['icecore restore latest --target /tmp/back', 'restore everything'],
    ['icecore restore latest:/home/anna/photos -t ~/photos', 'restore one directory in place'],
    ['icecore restore latest:/home/anna -t /back --tier bulk --max-cost 5 --wait', 'restore from an archive, and stay'],
    ["icecore restore latest~3 -t /tmp/back -i '*.doc' --plan", 'see what a partial restore would do'],
  ],
  parse(values, context) {
    const { snapshot, path } = parseSnapshotPath(context.io.rawArgument(values.args[0]!));
    const target = values.text('target');
    if (target === undefined) {
      throw usage('no-target', 'restore needs a directory to restore into', `icecore restore ${snapshot} --target DIR`);
    }
    const workers = values.integer('workers', 1, 256);
    return {
      snapshot,
      filter: readFilter(values, context),
      settings: {
        path: path ?? (rawFromText('/') as Raw),
        target: context.absolute(target),
        include: values.list('include'),
        exclude: values.list('exclude'),
        overwrite: (values.text('overwrite') as OverwritePolicy | undefined) ?? 'if-changed',
        delete: values.flag('delete'),
        verify: values.flag('verify'),
        sparse: values.flag('sparse'),
        numericIds: values.flag('numeric-ids'),
        planOnly: values.flag('plan') || values.flag('dry-run'),
        ...(workers === undefined ? {} : { workers }),
      },
      thaw: { ...readThaw(values, context), ...readBatch(values, context) },
    };
  },
  async run({ snapshot: spec, filter, settings, thaw }, context) {
    const { io } = context;
    const { resolveSnapshot } = await io.verbs.browse();
    const { restoreFrom } = await io.verbs.restore();
    return await context.withRepository('read', async (repository) => {
      const snapshot = await resolveSnapshot(repository, spec, filter);
      context.note(`snapshot ${snapshotLine(snapshot)}`);
      if (snapshot.partial || !snapshot.complete) {
        context.note(
          'this snapshot does not hold everything: its backup was interrupted, or could not read some items',
        );
      }
      await context.showProgress();
      const { target, planOnly: isPlanOnly } = settings;
      const view = new CommandThawView(context, { target, isPlanOnly, settings: thaw });
      const options = toThawOptions(thaw, context);
      const outcome = await restoreFrom(
        repository,
        { ...settings, snapshot },
        options,
        view,
        context.monitor,
        io.signal,
      );
      context.monitor.stop();
      return thawResult(outcome, { target, snapshot }, context);
    });
  },
});
