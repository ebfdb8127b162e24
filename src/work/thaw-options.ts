/** What restoring from an archive is told, and what it tells. Types only. */
import type { SessionId } from '../base/ids.ts';
import type { PriceList, Usd } from '../plan/prices.ts';
import type { RestorePlan as CostPlan } from '../plan/restore-plan.ts';
import type { ThawTierName } from '../store/thaw.ts';
import type { BatchFiles } from './batch-files.ts';
import type { RestorePlan, RestoreStats } from './restore-options.ts';
import type { BatchOptions } from './thaw-batch.ts';
import type { ThawCommand } from './thaw-command.ts';

/** How cold packs are dealt with. */
export interface ThawOptions {
  /** Who asks: written into the job. */
  readonly host: string;
  readonly user: string;
  /** By default the cheapest. */
  readonly tier?: ThawTierName;
  /** How long packs are to stay readable; by default by how long fetching them takes. */
  readonly days?: number;
  /** In US dollars: nothing is asked for that would make the restore cost more. */
  readonly maxCost?: number;
  /** Price the restore even where nothing has to be thawed. */
  readonly wantsCost?: boolean;
  /** Stay until everything is restored. */
  readonly waits: boolean;
  /** Where the bytes go: within the service's own region nothing is billed for that. */
  readonly egress: 'internet' | 'none';
  /** Price lists of the user's own. */
  readonly prices: readonly PriceList[];
  /** Ask by a job of S3 Batch Operations, which is written into this folder, instead of pack by pack. */
  readonly batch?: BatchOptions;
  /** Thaws packs where the service cannot be asked to. */
  readonly command?: ThawCommand;
  /** Resolves after so many milliseconds; rejects when the signal comes. For tests. */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** How far a job is. Counts are of packs. */
export interface ThawStatus {
  readonly job: SessionId;
  /** All of the job. */
  readonly packs: number;
  /** What is not restored yet needs so many of them… */
  readonly needed: number;
  /** … of which so many can be read, were asked for, or are cold. */
  readonly readable: number;
  readonly warming: number;
  readonly cold: number;
  /** When those that were asked for can be read, in milliseconds: the first not before, the last not after. */
  readonly due?: { readonly from: number; readonly until: number };
  /** When it is of use to look again. */
  readonly lookAt?: number;
  /** Files that wait. */
  readonly filesWaiting: number;
  /** When this was so, by the store's clock, in milliseconds. */
  readonly time: number;
}

/** What a restore comes to, before anything is done; `cost` where it is billed. */
export interface RestoreOffer {
  readonly plan: RestorePlan;
  readonly cost?: CostPlan;
}

/** Is shown what happens, and asked. */
export interface ThawView {
  /** Shows the offer. */
  show(offer: RestoreOffer): Promise<void>;
  /** @returns whether to go on with what was shown; called only where that can be done, for what it may cost */
  approve(offer: RestoreOffer): Promise<boolean>;
  /** Packs that warm can come faster, for so much on top. @returns whether to ask for that */
  approveUpgrade(packs: number, usd: Usd): Promise<boolean>;
  /** There is a job, new or found, that this restore goes on with. */
  onJob(job: SessionId, isNew: boolean): void;
  /** Something has changed, or a while has passed. */
  onStatus(status: ThawStatus): void;
}

/** How a restore ended: `planned` only, or `declined`; `restored`; `warming`, to be gone on with. */
export interface ThawOutcome {
  readonly type: 'planned' | 'declined' | 'restored' | 'warming';
  readonly offer: RestoreOffer;
  readonly stats: RestoreStats;
  readonly status?: ThawStatus;
  /** Jobs that were written, and wait to be sent. */
  readonly batches?: readonly BatchFiles[];
}
