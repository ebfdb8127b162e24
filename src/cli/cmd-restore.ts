/** `icecore restore`: brings a snapshot, or a part of it, back into a directory. */
import { type Raw, rawFromText } from '../base/raw.ts';
import { snapshotLine } from '../ui/snapshots.ts';
import { restorePlan, restoreSummary } from '../ui/summaries.ts';
import type { SnapshotFilter } from '../work/browse.ts';
import type { OverwritePolicy, RestoreOptions, RestorePlan } from '../work/restore.ts';
import { defineCommand } from './command.ts';
import { filterOptions, readFilter } from './filters.ts';
import { parseSnapshotPath } from './paths.ts';
import { usage } from './values.ts';

const POLICIES: readonly OverwritePolicy[] = ['always', 'if-changed', 'if-newer', 'never'];

interface Options {
  readonly snapshot: string;
  readonly filter: SnapshotFilter;
  readonly settings: Omit<RestoreOptions, 'snapshot'>;
}

export const restore = defineCommand<Options>({
  name: 'restore',
  summary: 'restore a snapshot, or a part of it, into a directory',
  details: [
    'With :PATH, what lies below it goes directly into DIR; without, whole paths are made there. What is there already and differs is replaced, unless --overwrite says otherwise; nothing else is removed without --delete',
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
    ...filterOptions,
  ],
  examples: [
    ['icecore restore latest --target /tmp/back', 'restore everything'],
    ['icecore restore latest:/home/anna/photos -t ~/photos', 'restore one directory in place'],
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
    };
  },
  async run({ snapshot: spec, filter, settings }, context) {
    const { io, globals } = context;
    const { resolveSnapshot } = await io.verbs.browse();
    const { runRestore } = await io.verbs.restore();
    return await context.withRepository('read', async (repository) => {
      const snapshot = await resolveSnapshot(repository, spec, filter);
      context.note(`snapshot ${snapshotLine(snapshot)}`);
      if (snapshot.partial || !snapshot.complete) {
        context.note(
          'this snapshot does not hold everything: its backup was interrupted, or could not read some items',
        );
      }
      await context.showProgress();
      const show = async (plan: RestorePlan): Promise<boolean> => {
        if (settings.planOnly || globals.isVerbose || globals.isJson) {
          await context.monitor.aside(async () =>
            context.print('plan', { ...plan, target: settings.target }, restorePlan(plan, settings.target)),
          );
        }
        return !settings.planOnly;
      };
      const stats = await runRestore(repository, { ...settings, snapshot }, show, context.monitor, io.signal);
      context.monitor.stop();
      if (settings.planOnly) {
        context.note('plan only: nothing was restored');
        return { summary: { snapshot: snapshot.id, plan: stats.plan, planOnly: true } };
      }
      if (!globals.isJson && !globals.isQuiet) {
        for (const line of restoreSummary(stats, settings.target, globals.isVerbose)) context.out.line(line);
      }
      return { summary: { snapshot: snapshot.id, ...stats }, ending: stats.errors > 0 ? 'incomplete' : 'done' };
    });
  },
});
