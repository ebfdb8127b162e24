/**
 * The single things that are tried on a store, for `init` in short and for `doctor` long: a race of creators, ranges,
 * listings, deletes. Each writes below `probe/` and says what it found; what follows from that is the caller's.
 */
import { randomBytes } from 'node:crypto';
import { PROBE_PREFIX } from '../format/layout.ts';
import type { ObjectInfo, ObjectTags, PutBody, PutResult, Store } from '../store/store.ts';

/** Packs reach the store in pieces, and so do probes. */
const PIECE_BYTES = 64 * 1024;

/** What an object is stored with. */
export interface ProbeOptions {
  readonly storageClass?: string;
  readonly tags?: ObjectTags;
  readonly signal?: AbortSignal | undefined;
}

/** How a race of creators of one name went. */
export interface Race {
  readonly name: string;
  /** What each creator sent, and what it was told. */
  readonly entries: readonly { readonly content: Uint8Array; readonly result: PutResult }[];
  /** Those who were told that the object is theirs. */
  readonly winners: readonly { readonly content: Uint8Array; readonly result: PutResult }[];
}

/** A name that nobody else uses. */
export function probeName(): string {
  return PROBE_PREFIX + randomBytes(8).toString('hex');
}

/**
 * Lets creators put one name at the same time, each its own content of `bytes` bytes, in pieces as packs are.
 * @throws what the first put throws that failed, once all have ended
 */
export async function raceCreators(
  store: Store,
  name: string,
  creators: number,
  bytes: number,
  options: ProbeOptions = {},
): Promise<Race> {
  const contents = Array.from({ length: creators }, (_, creator) => probeContent(bytes, creator));
  const ended = await Promise.allSettled(contents.map((content) => createProbe(store, name, content, options)));
  const failed = ended.find((end) => end.status === 'rejected');
  if (failed) throw failed.reason;
  const entries = ended.flatMap((end, creator) =>
    end.status === 'fulfilled' ? [{ content: contents[creator]!, result: end.value }] : [],
  );
  return { name, entries, winners: entries.filter(({ result }) => result.outcome === 'stored') };
}

/** Creates one object, by the way that packs take, and with no look before: the store itself is to tell of two creators. */
export async function createProbe(
  store: Store,
  name: string,
  content: Uint8Array,
  { storageClass, tags, signal }: ProbeOptions = {},
): Promise<PutResult> {
  return await store.put(name, inPieces(content), {
    ifAbsent: true,
    isBlind: true,
    ...(storageClass === undefined ? {} : { storageClass }),
    ...(tags === undefined ? {} : { tags }),
    ...(signal === undefined ? {} : { signal }),
  });
}

/** What a listing says of one object; undefined when it does not show it. */
export async function findListed(store: Store, name: string, signal?: AbortSignal): Promise<ObjectInfo | undefined> {
  let found: ObjectInfo | undefined;
  for await (const object of store.list(name, signal)) if (object.name === name) found = object;
  return found;
}

/** True when a range of a stored object, at `offset`, is what was written. */
export async function hasRange(
  store: Store,
  name: string,
  content: Uint8Array,
  range: { readonly offset: number; readonly length: number },
  signal?: AbortSignal,
): Promise<boolean> {
  const bytes = await store.get(name, range, signal);
  return bytes !== undefined && isSame(bytes, content.subarray(range.offset, range.offset + range.length));
}

/** True when both hold the same bytes. */
export function isSame(a: Uint8Array | undefined, b: Uint8Array): boolean {
  return a !== undefined && Buffer.compare(a, b) === 0;
}

/** Content that no two creators share; random, so that no store can make it smaller. */
export function probeContent(bytes: number, creator = 0): Uint8Array {
  const block = randomBytes(Math.min(bytes, PIECE_BYTES));
  const content = Buffer.alloc(bytes, block);
  content[0] = creator;
  return content;
}

async function* inPieces(content: Uint8Array): PutBody & AsyncIterable<Uint8Array> {
  for (let at = 0; at < content.length; at += PIECE_BYTES) yield content.subarray(at, at + PIECE_BYTES);
}
