/**
 * Tries what a repository relies on before one is made: create-only writes under a race, reading of ranges, listing
 * after writing, deleting, checksums, and the class and tags that packs are to have. What was found goes into the config.
 *
 * It is to be quick: about 16 small requests and 220 KB of upload. A pack of several parts would be 18 MiB more; that is
 * left to `doctor`, and to the first backup, which fails by name where a store cannot do it.
 */
import { IcecoreError, isIcecoreError } from '../base/errors.ts';
import type { StoreFacts } from '../format/config.ts';
import type { ObjectInfo, ObjectTags, PutResult, Store } from '../store/store.ts';
import { createProbe, findListed, hasRange, isSame, probeContent, probeName, raceCreators } from './probe-steps.ts';

const CREATORS = 8;
const PROBE_BYTES = 25_000;
const RANGE = { offset: 7000, length: 1000 };
/**
 * Archive classes bill at least 90 or 180 days, and 40 KiB more an object: 0.0001 cents for this one in DEEP_ARCHIVE,
 * and 0.005 cents for its PUT. To find out in the night that the class is forbidden costs more.
 */
const CLASS_PROBE_BYTES = 1000;

/** What packs are to be stored with. */
export interface ProbedPacks {
  readonly storageClass?: string;
  readonly tags?: ObjectTags;
}

/**
 * Writes, reads and removes probe objects.
 * @throws `store`, `probe-failed`, when the store does not give back what it was given, or refuses the class
 */
export async function probeStore(store: Store, packs: ProbedPacks = {}): Promise<StoreFacts> {
  const name = probeName();
  let facts: StoreFacts;
  try {
    const tagged = packs.tags ? { tags: packs.tags } : {};
    const race = await raceCreators(store, name, CREATORS, PROBE_BYTES, tagged);
    if (race.winners.length === 0) throw failed(store, 'of several creators of a new object, none was let through');
    const whole = await store.get(name);
    const winner = race.winners.find(({ content }) => isSame(whole, content));
    if (winner === undefined) throw failed(store, 'what was written comes back different');
    if (!(await hasRange(store, name, winner.content, RANGE))) {
      throw failed(store, 'a range of what was written comes back different');
    }
    if ((await findListed(store, name))?.size !== PROBE_BYTES) {
      throw failed(store, 'what was written is not in the listing');
    }
    const again = await createProbe(store, name, winner.content, tagged);
    const info = await store.stat(name);
    if (info?.size !== PROBE_BYTES) throw failed(store, 'what was written is reported with another size');
    facts = {
      createOnly: race.winners.length === 1 && again.outcome === 'exists',
      ...(await describe(store, info, winner.result)),
    };
  } catch (error) {
    await store.delete(name).catch(() => {});
    throw error;
  }
  await remove(store, name);
  if (await store.get(name)) throw failed(store, 'what was deleted is still there');
  const { storageClass } = packs;
  return storageClass === undefined || storageClass === 'STANDARD'
    ? facts
    : { ...facts, keepsClass: await probeClass(store, storageClass, packs.tags) };
}

/** Whether what the store said at the put is what it says later: then packs can be checked without reading them. */
async function describe(store: Store, info: ObjectInfo, result: PutResult): Promise<Record<string, boolean>> {
  if (store.bucket === undefined) return {};
  const { checksum, etag } = result;
  if (checksum !== undefined && info.checksum !== undefined && checksum !== info.checksum) {
    throw failed(store, 'it keeps another checksum than that of what was written');
  }
  return {
    checksums: checksum !== undefined && checksum === info.checksum,
    etags: etag !== undefined && etag === info.etag,
  };
}

/** Stores a small object in the class; true when the store says later that it is in that class. */
async function probeClass(store: Store, storageClass: string, tags: ObjectTags | undefined): Promise<boolean> {
  const name = probeName();
  try {
    await createProbe(store, name, probeContent(CLASS_PROBE_BYTES), { storageClass, ...(tags ? { tags } : {}) });
  } catch (cause) {
    await store.delete(name).catch(() => {});
    if (!isIcecoreError(cause, 'store')) throw cause;
    throw new IcecoreError(
      'store',
      'probe-failed',
      `${store.location} takes no packs of class ${storageClass}: ${cause.message}`,
      { hint: cause.hint ?? 'choose another --storage-class, or allow this one for the bucket', cause },
    );
  }
  try {
    return (await store.stat(name))?.storageClass === storageClass;
  } finally {
    await remove(store, name);
  }
}

async function remove(store: Store, name: string): Promise<void> {
  try {
    await store.delete(name);
  } catch (cause) {
    if (!isIcecoreError(cause, 'store')) throw cause;
    throw new IcecoreError('store', 'probe-failed', `cannot remove a probe object (${name}): ${cause.message}`, {
      hint: 'who makes a repository needs the right to delete; icecore doctor --policy admin prints all that is needed',
      cause,
    });
  }
}

function failed(store: Store, what: string): IcecoreError {
  return new IcecoreError('store', 'probe-failed', `${store.location} cannot hold a repository: ${what}`, {
    hint: 'try another place; icecore doctor says more about this one',
  });
}
