/** `icecore verify --drill SIZE`: a fire drill. Owns its options and how it ends; what it does is work/drill.ts's. */
import { parseSize } from '../base/units.ts';
import type { Repository } from '../repo/repository.ts';
import { drillSummary } from '../ui/drill.ts';
import type { SnapshotInfo } from '../work/browse.ts';
import type { DrillOptions, DrillStats } from '../work/drill.ts';
import type { Ending, Result } from './command.ts';
import type { Context } from './context.ts';
import type { OptionSpec } from './option.ts';
import { type ThawSettings, toThawOptions } from './thaw-options.ts';
import { CommandThawView, commandLine, shellWord } from './thaw-view.ts';
import { usage, type Values } from './values.ts';

/** What a drill is told on the command line. */
export type DrillSettings = Pick<DrillOptions, 'bytes' | 'target' | 'workers'> & { readonly seed: string | undefined };

export const drillOptions: readonly OptionSpec[] = [
  { flags: '--drill <size>', help: 'restore files picked by chance, of so many bytes, and compare them: 100MiB' },
  { flags: '--seed <text>', help: 'pick the files of the drill that had this seed' },
  {
    flags: '-t, --target <dir>',
    help: 'restore the files of a drill into this directory, and keep them',
    complete: 'directory',
  },
];

const SEED = /^[A-Za-z0-9_-]{1,40}$/;

/** Reads {@link drillOptions}; undefined when there is to be no drill. */
export function readDrill(values: Values, context: Context): DrillSettings | undefined {
  const bytes = values.parsed('drill', parseSize);
  if (bytes === undefined) {
    for (const name of ['seed', 'target', 'tier', 'days', 'wait', 'yes', 'thaw-command']) {
      if (values.source(name) === 'option') throw usage('no-drill', `${values.label(name)} is for --drill`);
    }
    return undefined;
  }
  for (const name of ['level', 'sample']) {
    if (values.text(name) === undefined) continue;
    throw usage('drill-alone', `${values.label('drill')} and ${values.label(name)} exclude each other`);
  }
  const seed = values.text('seed');
  if (seed !== undefined && !SEED.test(seed)) {
    throw usage('bad-value', `${values.label('seed')}: '${seed}' is not 1 to 40 letters, digits, - or _`);
  }
  const target = values.text('target');
  const workers = values.integer('workers', 1, 256);
  return {
    bytes,
    seed,
    ...(target === undefined ? {} : { target: context.absolute(target) }),
    ...(workers === undefined ? {} : { workers }),
  };
}

/** Runs a drill on a snapshot. */
export async function runDrillCommand(
  repository: Repository,
  snapshot: SnapshotInfo,
  settings: DrillSettings,
  thaw: ThawSettings,
  context: Context,
): Promise<Result> {
  const { io, globals, monitor } = context;
  const { runDrill } = await io.verbs.drill();
  const { restoreFrom } = await io.verbs.restore();
  const seed = settings.seed ?? Buffer.from(io.random(6)).toString('hex');
  await context.showProgress();
  const stats = await runDrill(
    repository,
    { ...settings, snapshot, seed, host: io.host() },
    async (options) => {
      const view = new CommandThawView(context, { target: options.target, isPlanOnly: false, settings: thaw });
      const asked = { ...toThawOptions(thaw, context), wantsCost: true };
      return await restoreFrom(repository, options, asked, view, monitor, io.signal);
    },
    monitor,
    io.signal,
  );
  monitor.stop();
  if (!globals.isJson && !globals.isQuiet) {
    for (const line of drillSummary(stats, globals.isVerbose)) context.out.line(line);
  }
  if (stats.result === 'warming') {
    const target = settings.target === undefined ? '' : ` --target ${shellWord(settings.target)}`;
    const again = `verify --drill ${settings.bytes} --snapshot ${snapshot.id} --seed ${seed}${target}`;
    context.note(`go on with: ${commandLine(again, context)}`);
  }
  return { summary: { ...stats }, ending: endingOf(stats) };
}

function endingOf({ result, files, filesVerified }: DrillStats): Ending {
  if (result === 'warming') return 'warming';
  // A source that differs says nothing against the backup; the problem that was reported makes the exit code 3.
  return result === 'failed' && filesVerified < files ? 'damaged' : 'done';
}
