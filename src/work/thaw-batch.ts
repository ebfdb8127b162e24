/**
 * Thaws by jobs of S3 Batch Operations: for so many packs that asking for each takes long. Nothing is asked for from
 * here: packs are announced in the thaw job as asked for, the jobs are written into a folder, and a person sends them.
 * From then on the thaw job only looks. What such a job never asked for is asked for pack by pack when it is overdue.
 */
import { join } from 'node:path';
import { IcecoreError } from '../base/errors.ts';
import type { SessionId } from '../base/ids.ts';
import type { BatchOperation } from '../plan/batch-job.ts';
import type { ProviderProfile } from '../plan/providers.ts';
import type { Repository } from '../repo/repository.ts';
import { loadThawJob } from '../repo/thaw-jobs.ts';
import type { ThawAnswer, ThawLook, ThawTierName } from '../store/thaw.ts';
import { type BatchFiles, requireBatch, writeBatchJob } from './batch-files.ts';
import type { ColdPack, ThawOrder, ThawSource } from './thaw-source.ts';

/** Where jobs are written to, and what they run as. */
export interface BatchOptions {
  readonly folder: string;
  readonly roleArn: string;
}

/** Looks as another source does, and leaves asking for cold packs to a batch job. */
export class BatchThaw implements ThawSource {
  readonly tellsWarming = true;
  readonly isBatch = true;
  readonly #inner: ThawSource;
  /** Packs that are warm, or were asked for by others: for these few a request each does. */
  readonly #known = new Set<string>();

  constructor(inner: ThawSource) {
    this.#inner = inner;
  }

  get provider(): ProviderProfile {
    return this.#inner.provider;
  }

  mayBeArchived(storageClass: string): boolean {
    return this.#inner.mayBeArchived(storageClass);
  }

  async look(packs: readonly ColdPack[], signal: AbortSignal): Promise<Map<string, ThawLook>> {
    const looks = await this.#inner.look(packs, signal);
    for (const [name, { state }] of looks) {
      if (state.type === 'cold') this.#known.delete(name);
      else this.#known.add(name);
    }
    return looks;
  }

  async ask(
    { packs, tier, days }: ThawOrder,
    tell: (pack: ColdPack, answer: ThawAnswer) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const known = packs.filter(({ name }) => this.#known.has(name));
    if (known.length > 0) await this.#inner.ask({ packs: known, tier, days }, tell, signal);
    const cold = packs.filter(({ name }) => !this.#known.has(name));
    if (cold.length === 0) return;
    for (const pack of cold) tell(pack, 'started');
  }
}

/**
 * Makes sure that packs can be thawed so, before any is announced.
 * @throws kind `usage`, `batch-tier` for the expedited tier, which there is not; and as {@link requireBatch}
 */
export async function requireBatchThaw(
  repo: Repository,
  { roleArn }: BatchOptions,
  tier: ThawTierName | undefined,
  signal: AbortSignal,
): Promise<void> {
  if (tier === 'expedited') {
    throw new IcecoreError('usage', 'batch-tier', 'S3 Batch Operations does not restore in the expedited tier', {
      hint: 'take the standard or the bulk tier, or restore without --batch',
    });
  }
  await requireBatch(repo, roleArn, signal);
}

/**
 * Writes the jobs for all packs of a thaw job that were announced so and are still cold: also those of a run that was
 * stopped before it had written anything. Sent twice, a job runs once.
 */
export async function writeThawBatches(
  repo: Repository,
  id: SessionId,
  source: ThawSource,
  { folder, roleArn }: BatchOptions,
  signal: AbortSignal,
): Promise<BatchFiles[]> {
  const { job, asked } = await loadThawJob(repo, id);
  const looks = await source.look(job.packs, signal);
  const orders = new Map<string, { readonly operation: BatchOperation; readonly names: string[] }>();
  for (const [place, { name }] of job.packs.entries()) {
    const asking = asked.get(place);
    const look = looks.get(name);
    if (!asking?.isBatch || look?.state.type !== 'cold') continue;
    const tier = asking.tier ?? 'bulk';
    // What a class has archived by itself comes back for good, and is refused with days.
    const days = look.archiveTier === undefined ? { days: asking.days } : {};
    const key = `${tier} ${days.days ?? ''}`;
    const order = orders.get(key) ?? { operation: { type: 'restore', tier, ...days }, names: [] };
    order.names.push(name);
    orders.set(key, order);
  }
  const written: BatchFiles[] = [];
  for (const { operation, names } of orders.values()) {
    const place = orders.size === 1 ? folder : join(folder, String(written.length + 1));
    const description = `icecore thaw job ${id}`;
    written.push(await writeBatchJob(repo, { operation, names, folder: place, roleArn, description }, signal));
  }
  return written;
}
