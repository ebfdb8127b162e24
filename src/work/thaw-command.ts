/**
 * Thaws with a command of the user's, for services whose archive cannot be thawed through S3. The command gets the keys
 * of the objects, one a line; what it does with them is its own affair. Whether an object can be read is found out by
 * reading a byte of it.
 */
import { mapOrdered } from '../base/limit.ts';
import type { ProviderProfile } from '../plan/providers.ts';
import type { Bucket } from '../store/bucket.ts';
import type { Store } from '../store/store.ts';
import type { ThawAnswer, ThawLook } from '../store/thaw.ts';
import { isColdError } from './restore-gate.ts';
import type { ColdPack, ThawOrder, ThawSource } from './thaw-source.ts';

/** What a command is told. */
export interface CommandOrder {
  /** Whole keys in the bucket. */
  readonly keys: readonly string[];
  readonly bucket: string;
  readonly days: number;
}

/** Runs the command; rejects when it fails. */
export type ThawCommand = (order: CommandOrder, signal: AbortSignal) => Promise<void>;

/** The classes in which a service that is not known may archive: hours are a guess on the safe side. */
const ARCHIVE_HOURS = { minHours: 0, maxHours: 48 } as const;

/** Thaws by a command. */
export class CommandThaw implements ThawSource {
  readonly provider: ProviderProfile;
  readonly tellsWarming = false;
  readonly #store: Store;
  readonly #bucket: Bucket;
  readonly #command: ThawCommand;

  /** @param archived the classes of the repository's packs that the service is not known to read at once */
  constructor(store: Store, bucket: Bucket, archived: Iterable<string>, command: ThawCommand) {
    const { provider } = bucket;
    const plain = provider.classes.STANDARD!;
    const tiers = [{ name: 'standard', ...ARCHIVE_HOURS }] as const;
    const classes = { ...provider.classes };
    for (const name of archived) {
      if (name !== 'STANDARD' && classes[name] === undefined) classes[name] = { ...plain, isOnline: false, tiers };
    }
    this.provider = { ...provider, quirks: { ...provider.quirks, restore: 'days' }, classes };
    this.#store = store;
    this.#bucket = bucket;
    this.#command = command;
  }

  mayBeArchived(storageClass: string): boolean {
    return this.provider.classes[storageClass]?.isOnline === false;
  }

  async look(packs: readonly ColdPack[], signal: AbortSignal): Promise<Map<string, ThawLook>> {
    const found = new Map<string, ThawLook>();
    const looks = mapOrdered(packs, this.#store.concurrency, async ({ name, storageClass }) => {
      try {
        await this.#store.get(name, { offset: 0, length: 1 }, signal);
        return { name, storageClass, type: 'online' as const };
      } catch (error) {
        if (isColdError(error)) return { name, storageClass, type: 'cold' as const };
        throw error;
      }
    });
    for await (const { name, storageClass, type } of looks)
      if (type) found.set(name, { storageClass, state: { type } });
    return found;
  }

  async ask(
    { packs, days }: ThawOrder,
    tell: (pack: ColdPack, answer: ThawAnswer) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const { name, keyPrefix } = this.#bucket;
    await this.#command({ keys: packs.map((pack) => keyPrefix + pack.name), bucket: name, days }, signal);
    for (const pack of packs) tell(pack, 'started');
  }
}
