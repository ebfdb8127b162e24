/**
 * Thaw source: how archived packs are looked at and asked for. Owns the choice between one listing and a look at each,
 * and how many requests are in flight; the store (or a command of the user's, thaw-command.ts) does the rest.
 */
import type { SessionId } from '../base/ids.ts';
import { mapOrdered } from '../base/limit.ts';
import { parseName, sessionPrefix } from '../format/layout.ts';
import type { ProviderProfile } from '../plan/providers.ts';
import type { Store } from '../store/store.ts';
import type { Thaw, ThawAnswer, ThawLook, ThawTierName } from '../store/thaw.ts';

/** A pack as far as a thaw needs to know it. */
export interface ColdPack {
  readonly name: string;
  readonly size: number;
  readonly storageClass: string;
}

/** How packs are asked for: one tier and one time for all. */
export interface ThawOrder {
  readonly packs: readonly ColdPack[];
  readonly tier: ThawTierName;
  readonly days: number;
}

/** A way to thaw packs. */
export interface ThawSource {
  readonly provider: ProviderProfile;
  /** True when it tells at once, and for sure, which packs were asked for. */
  readonly tellsWarming: boolean;
  /** What it asks for goes into a job of S3 Batch Operations, and takes its time. */
  readonly isBatch?: boolean;
  /** True when packs of a class may have to be thawed. */
  mayBeArchived(storageClass: string): boolean;
  /** What a read of each pack would find. One that is gone counts as online: whoever reads it finds out. */
  look(packs: readonly ColdPack[], signal: AbortSignal): Promise<Map<string, ThawLook>>;
  /** Asks for packs, and tells the answer to each. */
  ask(order: ThawOrder, tell: (pack: ColdPack, answer: ThawAnswer) => void, signal: AbortSignal): Promise<void>;
}

/** So few packs are looked at one by one: a listing costs as much as a dozen looks. */
const FEW = 10;

/** Thaws by the store's own call. */
export class StoreThaw implements ThawSource {
  readonly provider: ProviderProfile;
  readonly tellsWarming = true;
  readonly #store: Store;
  readonly #thaw: Thaw;

  constructor(store: Store, thaw: Thaw, provider: ProviderProfile) {
    this.#store = store;
    this.#thaw = thaw;
    this.provider = provider;
  }

  mayBeArchived(storageClass: string): boolean {
    const known = this.provider.classes[storageClass];
    return known?.isOnline === false || known?.archiveTiers !== undefined;
  }

  async look(packs: readonly ColdPack[], signal: AbortSignal): Promise<Map<string, ThawLook>> {
    const found = new Map<string, ThawLook>();
    const isListed = ({ storageClass }: ColdPack): boolean =>
      this.#thaw.listsStates && this.provider.classes[storageClass]?.archiveTiers === undefined;
    const listed = packs.filter(isListed);
    const apart = listed.length > FEW ? packs.filter((pack) => !isListed(pack)) : packs;
    if (listed.length > FEW) {
      const wanted = new Set(listed.map(({ name }) => name));
      // Years of daily backups are a thousand sessions: one after the other, their round trips would take minutes.
      const listings = mapOrdered(sessionsOf(listed), this.#store.concurrency, async (sid) => {
        for await (const { name, ...look } of this.#thaw.states(sessionPrefix('pack', sid), signal)) {
          if (wanted.has(name)) found.set(name, look);
        }
      });
      for await (const _ of listings);
    }
    const looks = mapOrdered(apart, this.#store.concurrency, async ({ name, storageClass }) => ({
      name,
      look: await this.#thaw.look(name, storageClass, signal),
    }));
    for await (const { name, look } of looks) if (look) found.set(name, look);
    for (const { name, storageClass } of packs) {
      if (!found.has(name)) found.set(name, { storageClass, state: { type: 'online' } });
    }
    return found;
  }

  async ask(
    { packs, tier, days }: ThawOrder,
    tell: (pack: ColdPack, answer: ThawAnswer) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const answers = mapOrdered(packs, this.#store.concurrency, async (pack) => {
      const { name, storageClass } = pack;
      return { pack, answer: await this.#thaw.request(name, { tier, days, storageClass }, signal) };
    });
    for await (const { pack, answer } of answers) tell(pack, answer);
  }
}

function sessionsOf(packs: readonly ColdPack[]): Set<SessionId> {
  const sessions = new Set<SessionId>();
  for (const { name } of packs) {
    const parsed = parseName(name);
    if (parsed?.kind === 'pack') sessions.add(parsed.sid);
  }
  return sessions;
}
