/** Shows on the command line what a restore from an archive does, and says how to go on with it. */
import type { SessionId } from '../base/ids.ts';
import type { Usd } from '../plan/prices.ts';
import { batchText } from '../ui/batch.ts';
import { localTime } from '../ui/figures.ts';
import { restoreOffer, thawQuestion, upgradeQuestion } from '../ui/plan.ts';
import { restoreSummary } from '../ui/summaries.ts';
import { thawStatusLine } from '../ui/thaw.ts';
import type { SnapshotInfo } from '../work/browse.ts';
import type { RestoreOffer, ThawOutcome, ThawStatus, ThawView } from '../work/thaw-options.ts';
import type { Result } from './command.ts';
import type { Context } from './context.ts';
import { askApproval, type ThawSettings } from './thaw-options.ts';

/** From so many packs on a batch job is worth its price, which is a quarter of a dollar and a dollar per million. */
const BATCH_PACKS = 10_000;

/** What is shown of a restore. */
export interface ThawViewOptions {
  readonly target: string;
  readonly isPlanOnly: boolean;
  readonly settings: ThawSettings;
}

/** Shows one restore. */
export class CommandThawView implements ThawView {
  readonly #context: Context;
  readonly #options: ThawViewOptions;
  #lastLine = '';

  constructor(context: Context, options: ThawViewOptions) {
    this.#context = context;
    this.#options = options;
  }

  async show({ plan, cost }: RestoreOffer): Promise<void> {
    const { globals, monitor } = this.#context;
    const { target, isPlanOnly } = this.#options;
    const isThaw = cost !== undefined && cost.cold.packs + cost.warming.packs > 0;
    if (!isPlanOnly && !isThaw && !globals.isVerbose && !globals.isJson) return;
    await monitor.aside(async () => {
      const fields = { ...plan, target, ...(cost ? { cost } : {}) };
      this.#context.print('plan', fields, restoreOffer(plan, target, cost));
    });
    const isMany = cost !== undefined && cost.cold.packs >= BATCH_PACKS && cost.prices.provider === 'aws';
    if (isMany && !this.#options.settings.batch) {
      this.#context.note('for so many packs, --batch DIR writes a job that has S3 Batch Operations ask for them');
    }
  }

  async approve({ cost }: RestoreOffer): Promise<boolean> {
    if (this.#options.settings.isAgreed || !cost || cost.cold.packs + cost.warming.packs === 0) return true;
    return await askApproval(thawQuestion(cost), this.#context);
  }

  async approveUpgrade(packs: number, usd: Usd): Promise<boolean> {
    if (this.#options.settings.isAgreed) return true;
    return await askApproval(upgradeQuestion(packs, usd), this.#context);
  }

  onJob(job: SessionId, isNew: boolean): void {
    const how = `whatever happens, ${resumeCommand(job, this.#context)} goes on with it`;
    this.#context.note(`${isNew ? 'this is' : 'going on with'} thaw job ${job}; ${how}`);
    if (this.#context.globals.isJson) this.#context.print('job', { job, isNew }, []);
  }

  onStatus(status: ThawStatus): void {
    const { monitor, globals } = this.#context;
    const { readable, warming, cold } = status;
    const filesTotal = readable + warming + cold;
    monitor.progress({ phase: 'thaw', unit: 'pack', filesDone: readable, filesTotal, bytesDone: 0, errors: 0 });
    if (globals.isJson) {
      this.#context.print('thaw', { ...status }, []);
      return;
    }
    const line = thawStatusLine(status);
    if (line === this.#lastLine) return;
    this.#lastLine = line;
    // While it waits, a line stands for long: it says since when it is so.
    this.#context.note(this.#options.settings.waits ? `${localTime(status.time)}: ${line}` : line);
  }
}

/** The end of a restore or of a step of a job: what people read, what programs read, and how it ended. */
export function thawResult(
  outcome: ThawOutcome,
  { target, snapshot }: { readonly target: string; readonly snapshot?: SnapshotInfo | SessionId },
  context: Context,
): Result {
  const { globals } = context;
  const { type, stats, offer, status } = outcome;
  const id = typeof snapshot === 'object' ? snapshot.id : snapshot;
  const head = id === undefined ? {} : { snapshot: id };
  if (type === 'planned') {
    context.note('plan only: nothing was restored');
    return { summary: { ...head, plan: offer.plan, ...(offer.cost ? { cost: offer.cost } : {}), planOnly: true } };
  }
  if (type === 'declined') {
    context.note('nothing was thawed, and nothing was restored');
    return { summary: { ...head, plan: offer.plan, declined: true } };
  }
  if (!globals.isJson && !globals.isQuiet) {
    for (const line of restoreSummary(stats, target)) context.out.line(line);
  }
  const { batches } = outcome;
  const summary = { ...head, ...stats, ...(status ? { thaw: status } : {}), ...(batches ? { batches } : {}) };
  if (type === 'warming' && status) {
    for (const batch of batches ?? []) for (const line of batchText(batch, [])) context.note(line);
    context.note(`archived packs are warming; go on with: ${resumeCommand(status.job, context)}`);
    return { summary, ending: 'warming' };
  }
  return { summary, ending: stats.errors > 0 ? 'incomplete' : 'done' };
}

/** The command that goes on with a job. */
export function resumeCommand(job: SessionId, context: Context): string {
  return commandLine(`thaw resume ${job}`, context);
}

/** A command on the same repository, as it can be typed. */
export function commandLine(command: string, { globals, io }: Context): string {
  const { repository } = globals;
  const isElsewhere = repository !== undefined && io.env.ICECORE_REPOSITORY !== repository;
  return `icecore ${isElsewhere ? `-r ${shellWord(repository)} ` : ''}${command}`;
}

/** A word as a shell reads it. */
export function shellWord(text: string): string {
  return /^[A-Za-z0-9_./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
