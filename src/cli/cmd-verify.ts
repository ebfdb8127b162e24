/** `icecore verify`: checks that what snapshots need is there, and is what was written. */
import { parsePercentage, parseSize } from '../base/units.ts';
import { findingLines, verifySummary } from '../ui/summaries.ts';
import type { SnapshotFilter } from '../work/browse.ts';
import type { VerifyOptions } from '../work/verify.ts';
import { defineCommand } from './command.ts';
import { filterOptions, readFilter } from './filters.ts';
import { normaliseSnapshot } from './paths.ts';
import { usage } from './values.ts';

/** So many paths are named for one damaged object unless the run is verbose. */
const SHOWN_PATHS = 5;

interface Options {
  readonly settings: Omit<VerifyOptions, 'snapshot'>;
  readonly snapshot: string | undefined;
  readonly filter: SnapshotFilter;
}

export const verify = defineCommand<Options>({
  name: 'verify',
  summary: 'check that backups are there and undamaged',
  details: [
    'Level list checks that every object is there, with its size, and that all metadata is sound; level data also reads every byte. Nothing is changed; exit 13 means damage',
  ],
  arguments: [],
  options: [
    { flags: '--level <level>', help: 'how deep to look (list)', choices: ['list', 'data'] },
    { flags: '--sample <amount>', help: 'read only a part, chosen at random: 5%, 100 packs as 100, or 1GiB' },
    { flags: '-s, --snapshot <snapshot>', help: 'check only what this snapshot needs' },
    { flags: '--workers <n>', help: 'use this many threads (one a core)' },
    ...filterOptions,
  ],
  examples: [
    ['icecore verify', 'check what is there'],
    ['icecore verify --level data', 'read and check everything'],
    ['icecore verify --level data --sample 5%', 'read a different part every time'],
  ],
  parse(values, context) {
    const sample = values.parsed('sample', parseSample);
    const level = values.text('level') === 'data' ? 'data' : 'list';
    if (sample !== undefined && level === 'list') {
      throw usage('sample-of-nothing', `${values.label('sample')} needs --level data: level list reads no data`);
    }
    const workers = values.integer('workers', 1, 256);
    return {
      settings: {
        level,
        ...(sample === undefined ? {} : { sample }),
        ...(workers === undefined ? {} : { workers }),
      },
      snapshot: values.parsed('snapshot', normaliseSnapshot),
      filter: readFilter(values, context),
    };
  },
  async run({ settings, snapshot: spec, filter }, context) {
    const { io, globals } = context;
    const { resolveSnapshot } = await io.verbs.browse();
    const { runVerify } = await io.verbs.verify();
    return await context.withRepository('read', async (repository) => {
      const isNarrowed = filter.hosts.length + filter.tags.length + filter.paths.length > 0;
      const snapshot =
        spec === undefined && !isNarrowed ? undefined : await resolveSnapshot(repository, spec ?? 'latest', filter);
      await context.showProgress();
      const stats = await runVerify(
        repository,
        { ...settings, ...(snapshot === undefined ? {} : { snapshot }) },
        context.monitor,
        io.signal,
      );
      context.monitor.stop();
      const { findings, ...counts } = stats;
      for (const finding of findings) {
        const lines = findingLines(finding, globals.isVerbose ? Number.POSITIVE_INFINITY : SHOWN_PATHS);
        context.print('error', { severity: 'error', ...finding }, lines);
      }
      if (!globals.isJson && !globals.isQuiet) {
        for (const line of verifySummary(stats, settings.level, globals.isVerbose)) context.out.line(line);
      }
      return {
        summary: { level: settings.level, ...counts, findings: findings.length },
        ending: findings.length > 0 ? 'damaged' : 'done',
      };
    });
  },
});

/** Reads `5%`, a number of packs, or a size with a unit. */
function parseSample(text: string): NonNullable<VerifyOptions['sample']> {
  const trimmed = text.trim();
  if (trimmed.endsWith('%')) {
    const share = parsePercentage(trimmed);
    if (share > 0) return { share };
  } else if (/^\d+$/.test(trimmed)) {
    const packs = Number(trimmed);
    if (packs > 0 && Number.isSafeInteger(packs)) return { packs };
  } else {
    const bytes = parseSize(trimmed);
    if (bytes > 0) return { bytes };
  }
  throw usage('bad-sample', `'${text}' is no part`, 'write it as 5%, 100 (packs) or 1GiB');
}
