/** `icecore verify`: checks that what snapshots need is there, and is what was written. */
import { parsePercentage, parseSize } from '../base/units.ts';
import { verifyCost } from '../plan/verify-cost.ts';
import type { Repository } from '../repo/repository.ts';
import { batchText } from '../ui/batch.ts';
import { findingLines, verifyPlan, verifySummary } from '../ui/verify.ts';
import type { SnapshotFilter } from '../work/browse.ts';
import type { VerifyOptions } from '../work/verify.ts';
import type { AuditOrder } from '../work/verify-audit.ts';
import { readRole, roleOption } from './batch-options.ts';
import { defineCommand, type Result } from './command.ts';
import type { Context } from './context.ts';
import { filterOptions, readFilter } from './filters.ts';
import { normaliseSnapshot } from './paths.ts';
import { requireWithin } from './price-options.ts';
import { readThaw, type ThawSettings, thawOptions } from './thaw-options.ts';
import { usage } from './values.ts';
import { type DrillSettings, drillOptions, readDrill, runDrillCommand } from './verify-drill.ts';

const LEVELS = ['list', 'checksums', 'data'] as const;
/** So many paths are named for one damaged object unless the run is verbose. */
const SHOWN_PATHS = 5;

interface Options {
  readonly settings: Omit<VerifyOptions, 'snapshot' | 'approve'>;
  readonly thaw: ThawSettings;
  readonly drill: DrillSettings | undefined;
  readonly audit: AuditOrder | undefined;
  readonly snapshot: string | undefined;
  readonly filter: SnapshotFilter;
}

export const verify = defineCommand<Options>({
  name: 'verify',
  summary: 'check that backups are there and undamaged',
  details: [
    'Level list checks that every object is there, with its size, and that all metadata is sound; level checksums also compares what the store keeps of every pack with the index, archived ones included; level data reads every byte of what is not archived',
    'Nothing is changed, and nothing is thawed but for a drill; exit 13 means damage',
    'A drill restores instead: files picked by chance, from the latest snapshot unless another is named, into a folder that is removed afterwards; each is read again and compared, also with its source where that has not changed; what is archived is thawed as by restore',
  ],
  arguments: [],
  options: [
    { flags: '--level <level>', help: 'how deep to look (list)', choices: LEVELS },
    { flags: '--sample <amount>', help: 'read only a part, the oldest readings first: 5%, 100 packs as 100, or 1GiB' },
    { flags: '--listings-only', help: 'at level checksums: go by listings, and ask for no object by itself' },
    { flags: '-s, --snapshot <snapshot>', help: 'check only what this snapshot needs' },
    ...drillOptions,
    {
      flags: '--audit <dir>',
      help: 'write a job that has S3 compute the checksums of all packs where they lie',
      complete: 'directory',
    },
    roleOption,
    {
      flags: '--audit-report <path>',
      help: 'at level checksums: take what such a job has reported (repeatable)',
      isList: true,
      complete: 'file',
    },
    ...thawOptions,
    { flags: '--workers <n>', help: 'use this many threads (one a core)' },
    ...filterOptions,
  ],
  examples: [
    ['icecore verify', 'check what is there'],
    ['icecore verify --level checksums', 'check archived packs too, without a thaw'],
    ['icecore verify --level data', 'read and check everything'],
    ['icecore verify --level data --sample 5%', 'read a different part every time'],
    [
      'icecore verify --audit job --role-arn arn:aws:iam::123456789012:role/batch',
      'prepare a check of archived content by S3 itself',
    ],
    ['icecore verify --drill 1GiB', 'try a restore, and compare what comes back'],
  ],
  parse(values, context) {
    const sample = values.parsed('sample', parseSample);
    const level = (values.text('level') as VerifyOptions['level'] | undefined) ?? 'list';
    if (sample !== undefined && level !== 'data') {
      throw usage('sample-of-nothing', `${values.label('sample')} needs --level data: level ${level} reads no data`);
    }
    const looks = !values.flag('listings-only');
    if (!looks && level !== 'checksums') {
      throw usage('listings-only', `${values.label('listings-only')} is for --level checksums`);
    }
    const reports = values.list('audit-report').map((path) => context.absolute(path));
    if (reports.length > 0 && level !== 'checksums') {
      throw usage('audit-report', `${values.label('audit-report')} is for --level checksums`);
    }
    const workers = values.integer('workers', 1, 256);
    const folder = values.text('audit');
    const roleArn = readRole(values, 'audit');
    return {
      audit: folder !== undefined && roleArn !== undefined ? { folder: context.absolute(folder), roleArn } : undefined,
      settings: {
        level,
        looks,
        reports,
        ...(sample === undefined ? {} : { sample }),
        ...(workers === undefined ? {} : { workers }),
      },
      thaw: readThaw(values, context),
      drill: readDrill(values, context),
      snapshot: values.parsed('snapshot', normaliseSnapshot),
      filter: readFilter(values, context),
    };
  },
  async run({ settings, thaw, drill, audit, snapshot: spec, filter }, context) {
    if (audit) return await runAudit(audit, context);
    const { io, globals } = context;
    const { resolveSnapshot } = await io.verbs.browse();
    const { runVerify } = await io.verbs.verify();
    return await context.withRepository('read', async (repository) => {
      const isNarrowed = filter.hosts.length + filter.tags.length + filter.paths.length > 0;
      const isWhole = spec === undefined && !isNarrowed && !drill;
      const snapshot = isWhole ? undefined : await resolveSnapshot(repository, spec ?? 'latest', filter);
      if (snapshot && drill) return await runDrillCommand(repository, snapshot, drill, thaw, context);
      const approve = await approval(repository, thaw, context);
      await context.showProgress();
      const stats = await runVerify(
        repository,
        { ...settings, ...(snapshot === undefined ? {} : { snapshot }), approve },
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

/** Writes the job of an audit, and says what to do with it. */
async function runAudit(order: AuditOrder, context: Context): Promise<Result> {
  const { writeAudit } = await context.io.verbs.audit();
  return await context.withRepository('write', async (repository) => {
    const files = await writeAudit(repository, order, context.io.signal);
    const { bucket, prefix } = files.report;
    const next = [
      `aws s3 cp --recursive s3://${bucket}/${prefix} ${order.folder}/report`,
      `icecore verify --level checksums --audit-report ${order.folder}/report`,
    ];
    if (!context.globals.isJson) for (const line of batchText(files, next)) context.out.line(line);
    return { summary: { ...files } };
  });
}

/** Shows what a check costs before it begins, where that is not nothing, and stops one that is too dear. */
async function approval(
  repository: Repository,
  { prices, maxCost, egress }: ThawSettings,
  context: Context,
): Promise<NonNullable<VerifyOptions['approve']>> {
  const { termsOfRepository } = await context.io.verbs.terms();
  const terms = await termsOfRepository(repository, prices, context.io.signal);
  return async (plan) => {
    if (!terms) return;
    const cost = verifyCost(plan, terms, egress);
    const { provider, region, asOf } = terms.prices;
    await context.monitor.aside(async () => {
      if (context.globals.isJson) context.print('plan', { ...plan, cost, provider, region, asOf }, []);
      else for (const line of verifyPlan(plan, cost, terms.prices)) context.note(line);
    });
    requireWithin(maxCost, cost.total);
  };
}

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
