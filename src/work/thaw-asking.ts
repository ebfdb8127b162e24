/**
 * Asks for the packs of a thaw job: announces them in the job, asks the store, and takes in the answers. What is to be
 * asked for is decided by plan/thaw-plan.ts from what is known; what is known is put together here. Nothing is asked for
 * that warms already, that another host has just announced, or that has come and gone too often.
 */

import { IcecoreError } from '../base/errors.ts';
import { makeRuns } from '../format/thaw-event.ts';
import { formatUsd } from '../plan/money.ts';
import type { PriceList, Usd } from '../plan/prices.ts';
import { type Terms, thawTiers } from '../plan/terms.ts';
import { planThaw, type ThawActions } from '../plan/thaw-plan.ts';
import { dueTime, type ThawPack, type ThawState } from '../plan/thaw-state.ts';
import type { Repository } from '../repo/repository.ts';
import { addThawEvent, type StoredThawJob } from '../repo/thaw-jobs.ts';
import type { ThawAnswer, ThawLook, ThawTierName } from '../store/thaw.ts';
import { askingCost } from './thaw-cost.ts';
import type { ColdPack, ThawSource } from './thaw-source.ts';

/** Packs in one announcement: asking for them takes seconds. */
const BATCH = 1000;
/** For so long another host's announcement is believed, in milliseconds. */
const ANNOUNCED_MS = 120_000;
/** A pack that was asked for so often is given up: each time costs money. */
const MAX_TIMES = 3;
/** Bytes a second that fetching is counted on to reach. */
export const FETCH_RATE = 10 * 1024 * 1024;

/** How packs are asked for. */
export interface AskingOptions {
  readonly host: string;
  readonly tier: ThawTierName;
  readonly prices: PriceList;
  /** Decides whether packs that warm are asked for again in a faster tier, which is paid on top; without it none are. */
  readonly approveUpgrade?: (packs: number, usd: Usd) => Promise<boolean>;
}

/** What is known of the needed packs, after everything was asked for that is to be. */
export interface AskingResult {
  readonly actions: ThawActions;
  /** Needed packs that nobody will ask for: they are not the job's, or were asked for too often. */
  readonly givenUp: readonly string[];
}

/** Asks for packs in one step of a job. `looks` is what the store told last, and is kept up to date with its answers. */
export class ThawAsking {
  readonly #repo: Repository;
  readonly #source: ThawSource;
  readonly #stored: StoredThawJob;
  readonly #options: AskingOptions;
  readonly #looks: Map<string, ThawLook>;
  readonly #now: number;
  readonly #places: ReadonlyMap<string, number>;
  readonly #answered = new Set<string>();
  #isUpgradeApproved: boolean | undefined;
  readonly #refused = new Map<string, Set<ThawTierName>>();

  constructor(
    repo: Repository,
    source: ThawSource,
    stored: StoredThawJob,
    options: AskingOptions,
    looks: Map<string, ThawLook>,
    now: number,
  ) {
    this.#repo = repo;
    this.#source = source;
    this.#stored = stored;
    this.#options = options;
    this.#looks = looks;
    this.#now = now;
    this.#places = new Map(stored.job.packs.map(({ name }, place) => [name, place]));
  }

  /**
   * Asks for what is needed and cold, and extends what would freeze before its turn.
   * @throws kind `user`, `thaw-job-over`, when it was cancelled meanwhile; kind `cost`, `cost-limit`; kind `store`
   */
  async ask(needed: readonly ColdPack[], signal: AbortSignal): Promise<AskingResult> {
    for (;;) {
      const { packs, givenUp } = this.#knowledge(needed);
      const actions = this.#plan(packs);
      const extended = await this.#extend(actions, needed, signal);
      const requests = [...actions.request, ...(await this.#upgrades(actions))];
      const [first] = requests;
      if (first === undefined) return { actions, givenUp: [...givenUp, ...actions.stuck] };
      const names = new Set(requests.filter(({ tier }) => tier === first.tier).map(({ name }) => name));
      const batch = needed.filter(({ name }) => names.has(name) && !extended.has(name)).slice(0, BATCH);
      await this.#request(batch, first.tier, signal);
    }
  }

  async #upgrades({ upgrade }: ThawActions): Promise<ThawActions['upgrade']> {
    const [first] = upgrade;
    const approve = this.#options.approveUpgrade;
    if (first === undefined || !approve) return [];
    const names = new Set(upgrade.map(({ name }) => name));
    const places = [...this.#places].filter(([name]) => names.has(name)).map(([, place]) => place);
    const { days } = this.#stored.job;
    const happening = { event: 'asking', tier: first.tier, days, packs: makeRuns(places) } as const;
    this.#isUpgradeApproved ??= await approve(upgrade.length, askingCost(this.#stored, [happening], this.#terms));
    return this.#isUpgradeApproved ? upgrade : [];
  }

  get #terms(): Terms {
    return { provider: this.#source.provider, prices: this.#options.prices };
  }

  #plan(packs: readonly ThawPack[]): ThawActions {
    return planThaw({
      packs,
      now: this.#now,
      days: this.#stored.job.days,
      tier: this.#options.tier,
      provider: this.#source.provider,
      fetchRate: FETCH_RATE,
    });
  }

  /** What the store and the job say of the packs, put together. */
  #knowledge(needed: readonly ColdPack[]): { packs: ThawPack[]; givenUp: string[] } {
    const packs: ThawPack[] = [];
    const givenUp: string[] = [];
    for (const pack of needed) {
      const { name, size } = pack;
      const look = this.#looks.get(name);
      if (!look || look.state.type === 'online') continue;
      const { archiveTier, storageClass } = look;
      const state = this.#stateOf(pack, look);
      const place = this.#places.get(name);
      const isSpent = place === undefined || (this.#stored.asked.get(place)?.times ?? 0) >= MAX_TIMES;
      if (state.type === 'cold' && isSpent) {
        givenUp.push(name);
        continue;
      }
      const refusedTiers = [...(this.#refused.get(name) ?? [])];
      packs.push({
        name,
        size,
        storageClass,
        ...(archiveTier === undefined ? {} : { archiveTier }),
        state,
        refusedTiers,
      });
    }
    return { packs, givenUp };
  }

  #stateOf({ name }: ColdPack, { state, storageClass, archiveTier }: ThawLook): ThawState {
    const place = this.#places.get(name);
    const asking = place === undefined ? undefined : this.#stored.asked.get(place);
    const asked: ThawState = {
      type: 'asked',
      at: asking?.last ?? this.#now,
      tier: asking?.tier ?? this.#options.tier,
      days: asking?.days ?? this.#stored.job.days,
    };
    switch (state.type) {
      case 'warm':
        return { type: 'warm', until: state.until };
      case 'warming':
        return asked;
      default: {
        if (this.#answered.has(name)) return asked;
        if (!asking) return { type: 'cold' };
        const isOthers = asking.host !== this.#options.host && Math.abs(this.#now - asking.last) < ANNOUNCED_MS;
        const tiers = thawTiers(
          { storageClass, ...(archiveTier === undefined ? {} : { archiveTier }) },
          this.#source.provider,
        );
        const takesTime = !this.#source.tellsWarming || asking.isBatch;
        const isBelieved = takesTime && this.#now < dueTime(asked, tiers).until;
        return isOthers || isBelieved ? asked : { type: 'cold' };
      }
    }
  }

  /** Asks for packs in one tier, once nobody else has announced anything since the job was read. */
  async #request(packs: readonly ColdPack[], tier: ThawTierName, signal: AbortSignal): Promise<void> {
    const { days, budget } = this.#stored.job;
    const places = packs.map(({ name }) => this.#places.get(name)!).toSorted((a, b) => a - b);
    if (budget !== undefined) {
      const next = { event: 'asking', tier, days, packs: makeRuns(places) } as const;
      const cost = askingCost(this.#stored, [...this.#stored.events, next], this.#terms);
      if (cost === 'unknown' || cost * 1e6 > budget) throw overBudget(cost, budget / 1e6);
    }
    const { host } = this.#options;
    const by = this.#source.isBatch ? ({ by: 'batch' } as const) : {};
    const happening = { event: 'asking', tier, days, packs: makeRuns(places), host, now: this.#now, ...by } as const;
    const ask = () => this.#source.ask({ packs, tier, days }, (pack, answer) => this.#take(pack, tier, answer), signal);
    // An announcement that nothing else can confirm is believed for long: it has to be true.
    const isAskedFirst = !this.#source.tellsWarming;
    if (isAskedFirst) await ask();
    let isOurs = await addThawEvent(this.#repo, this.#stored, happening);
    while (isAskedFirst && !isOurs && this.#stored.state === 'open') {
      isOurs = await addThawEvent(this.#repo, this.#stored, happening);
    }
    if (this.#stored.state !== 'open') {
      throw new IcecoreError('user', 'thaw-job-over', `the thaw job was ${this.#stored.state} meanwhile`);
    }
    if (isOurs && !isAskedFirst) await ask();
  }

  async #extend(actions: ThawActions, needed: readonly ColdPack[], signal: AbortSignal): Promise<Set<string>> {
    const byDays = new Map<number, Set<string>>();
    for (const { name, days } of actions.extend) {
      if (!this.#answered.has(name)) byDays.set(days, (byDays.get(days) ?? new Set()).add(name));
    }
    const extended = new Set<string>();
    for (const [days, names] of byDays) {
      const packs = needed.filter(({ name }) => names.has(name));
      const { tier } = this.#options;
      await this.#source.ask({ packs, tier, days }, (pack, answer) => this.#take(pack, tier, answer), signal);
      for (const name of names) extended.add(name);
    }
    return extended;
  }

  #take({ name, storageClass }: ColdPack, tier: ThawTierName, answer: ThawAnswer): void {
    const look = this.#looks.get(name);
    switch (answer) {
      case 'started':
      case 'in-progress':
        this.#answered.add(name);
        if (this.#source.tellsWarming) this.#looks.set(name, { storageClass, ...look, state: { type: 'warming' } });
        return;
      case 'extended':
        this.#answered.add(name);
        return;
      case 'online':
      case 'absent':
        // What is gone is found out by the one who reads it.
        this.#looks.set(name, { storageClass, state: { type: 'online' } });
        return;
      case 'no-expedited':
        this.#refused.set(name, (this.#refused.get(name) ?? new Set()).add(tier));
    }
  }
}

function overBudget(cost: number | 'unknown', limit: number): IcecoreError {
  const [what, code] =
    cost === 'unknown' ? ['has no known price', 'cost-unknown'] : [`would come to ${formatUsd(cost)}`, 'cost-limit'];
  return new IcecoreError('cost', code, `what is to be thawed ${what}; the limit of the job is $${limit}`, {
    hint: 'packs that froze again cost a second time: cancel the job, and restore again with a higher --max-cost',
    data: { ...(cost === 'unknown' ? {} : { usd: cost }), limit },
  });
}
