/** `icecore thaw`: the restores that wait for archived packs. */
import { rawToDisplay } from '../base/raw.ts';
import { escapeText } from '../ui/escape.ts';
import { count, localTime } from '../ui/figures.ts';
import { pathFields } from '../ui/json-lines.ts';
import { renderFields } from '../ui/table.ts';
import { thawJobTable } from '../ui/thaw.ts';
import type { ThawJobInfo } from '../work/thaw-jobs.ts';
import { type CommandGroup, defineCommand, type Result } from './command.ts';
import { readThaw, resumeOptions, type ThawSettings, toThawOptions } from './thaw-options.ts';
import { CommandThawView, resumeCommand, thawResult } from './thaw-view.ts';

const JOB = { name: 'job' } as const;

function jobFields({ path, ...job }: ThawJobInfo): Record<string, unknown> {
  return { ...job, ...pathFields(path) };
}

const list = defineCommand<{ readonly all: boolean }>(
  {
    name: 'list',
    summary: 'list the restores that wait for archived packs',
    arguments: [],
    options: [{ flags: '-a, --all', help: 'also show those that are over' }],
    examples: [['icecore thaw list', 'see what waits']],
    parse: (values) => ({ all: values.flag('all') }),
    async run({ all }, context) {
      const { listJobs, describeJob } = await context.io.verbs.thaw();
      return await context.withRepository('read', async (repository) => {
        const jobs = (await listJobs(repository, all)).map(describeJob);
        if (context.globals.isJson) for (const job of jobs) context.print('job', jobFields(job), []);
        else if (jobs.length === 0) context.note(all ? 'there are no thaw jobs' : 'no thaw job is open');
        else {
          const lines = thawJobTable(jobs, context.io.clock.now(), context.out.columns);
          for (const line of lines) context.out.line(line);
        }
        return { summary: { jobs: jobs.length } };
      });
    },
  },
  'thaw',
);

const status = defineCommand<{ readonly job: string }>(
  {
    name: 'status',
    summary: 'say which packs of a job can be read, and which are warming',
    arguments: [JOB],
    options: [],
    examples: [['icecore thaw status 01JD', 'look how far a job is']],
    parse: (values) => ({ job: values.args[0]! }),
    async run({ job }, context) {
      const { findThawJob, describeJob, lookAtJob } = await context.io.verbs.thaw();
      return await context.withRepository('read', async (repository) => {
        const stored = await findThawJob(repository, job);
        const info = describeJob(stored);
        const look = await lookAtJob(repository, stored, context.io.signal);
        context.print('job', { ...jobFields(info), ...look }, [
          ...renderFields([
            ['job', info.id],
            ['state', info.state],
            ['made', `${localTime(Date.parse(info.time))} by ${escapeText(`${info.user}@${info.host}`)}`],
            ['restores', `${info.snapshot}:${escapeText(rawToDisplay(info.path))}`],
            ['target', escapeText(info.target)],
            [
              'packs',
              `${count(info.packs, 'pack')}, ${info.asked} asked for${info.tier === undefined ? '' : ` in the tier ${info.tier}`}`,
            ],
            ['now', `${look.readable} can be read, ${look.warming} warming, ${look.cold} cold`],
            ...(look.until === undefined ? [] : [['readable until', localTime(look.until)] as const]),
          ]),
          ...(info.state === 'open' ? [`go on with: ${resumeCommand(info.id, context)}`] : []),
        ]);
        return { summary: { job: info.id, state: info.state, packs: info.packs, ...look } };
      });
    },
  },
  'thaw',
);

interface ResumeOptions {
  readonly job: string | undefined;
  readonly target: string | undefined;
  readonly workers: number | undefined;
  readonly settings: ThawSettings;
}

const resume = defineCommand<ResumeOptions>(
  {
    name: 'resume',
    summary: 'go on with a job: ask for packs, restore what can be read',
    details: [
      'Does one step and ends with exit 75 while packs are warming, with 0 when everything is restored: run it from cron or a timer as often as you like. Works on any host that can read the repository. Without JOB, goes on with all open jobs that were made on this host',
    ],
    arguments: [{ ...JOB, isOptional: true }],
    options: [
      { flags: '-t, --target <dir>', help: 'restore into this directory instead', complete: 'directory' },
      { flags: '--workers <n>', help: 'use this many threads (one a core)' },
      ...resumeOptions,
    ],
    examples: [
      ['icecore thaw resume', 'go on with whatever waits, as a cron job'],
      ['icecore thaw resume 01JD --wait', 'stay until everything is there'],
      ['icecore thaw resume 01JD --tier standard', 'ask for packs that are warming to come faster'],
    ],
    parse: (values, context) => {
      const target = values.text('target');
      return {
        job: values.args[0],
        target: target === undefined ? undefined : context.absolute(target),
        workers: values.integer('workers', 1, 256),
        settings: readThaw(values, context),
      };
    },
    async run(options, context) {
      const { findThawJob, ownJobs } = await context.io.verbs.thaw();
      return await context.withRepository('read', async (repository) => {
        const jobs =
          options.job === undefined
            ? await ownJobs(repository, context.io.host())
            : [await findThawJob(repository, options.job)];
        if (jobs.length === 0) context.note('no thaw job of this host is open');
        const results: Result[] = [];
        for (const stored of jobs) results.push(await resumeOne(stored));
        return joined(results);

        async function resumeOne(stored: (typeof jobs)[number]): Promise<Result> {
          const { resumeJob } = await context.io.verbs.thaw();
          const target = options.target ?? stored.job.target;
          if (stored.state !== 'open') {
            context.note(`thaw job ${stored.id} was ${stored.state} before`);
            return { summary: { job: stored.id, state: stored.state } };
          }
          await context.showProgress();
          const { settings, workers } = options;
          const view = new CommandThawView(context, { target, isPlanOnly: false, settings });
          const outcome = await resumeJob(
            repository,
            stored,
            { target, ...(workers === undefined ? {} : { workers }) },
            toThawOptions(settings, context),
            view,
            context.monitor,
            context.io.signal,
          );
          context.monitor.stop();
          return thawResult(outcome, { target, snapshot: stored.job.snapshot }, context);
        }
      });
    },
  },
  'thaw',
);

const cancel = defineCommand<{ readonly job: string }>(
  {
    name: 'cancel',
    summary: 'end a job; what it has asked for is billed all the same',
    arguments: [JOB],
    options: [],
    examples: [['icecore thaw cancel 01JD', 'ask for nothing more']],
    parse: (values) => ({ job: values.args[0]! }),
    async run({ job }, context) {
      const { findThawJob, cancelJob } = await context.io.verbs.thaw();
      return await context.withRepository('read', async (repository) => {
        const stored = await findThawJob(repository, job);
        await cancelJob(repository, stored, context.io.host(), context.monitor, context.io.signal);
        context.note(`thaw job ${stored.id} is cancelled`);
        return { summary: { job: stored.id, state: stored.state } };
      });
    },
  },
  'thaw',
);

/** One result for several jobs: what is warming decides, and then what is incomplete. */
function joined(results: readonly Result[]): Result {
  if (results.length === 1) return results[0]!;
  const endings = results.map(({ ending }) => ending);
  const ending = endings.includes('warming') ? 'warming' : endings.includes('incomplete') ? 'incomplete' : 'done';
  return { summary: { jobs: results.map(({ summary }) => summary) }, ending };
}

export const thaw: CommandGroup = {
  name: 'thaw',
  summary: 'the restores that wait for archived packs',
  commands: [list, status, resume, cancel],
};
