/**
 * Verify, the two chains of numbered objects: configs and gc records. Every object of a chain is there, opens, names the
 * hash of the one before, and is not older than what this host has seen.
 */
import { damage } from '../base/errors.ts';
import { decodeConfig } from '../format/config.ts';
import { decodeGcRecord, type GcRecord } from '../format/gc-record.ts';
import type { ChainHead } from '../format/heads.ts';
import { configName, gcName, kindPrefix } from '../format/layout.ts';
import { configObjects } from '../repo/configs.ts';
import { GcState } from '../repo/gc-records.ts';
import type { CheckedObject } from '../repo/sealed-objects.ts';
import { findingOf, listObjects, loadFresh, type VerifyContext } from './verify-context.ts';

/** What makes a chain what it is. */
interface Chain<T extends { readonly prev: string | null }> {
  readonly kind: 'config' | 'gc';
  nameOf(number: number): string;
  load(name: string): Promise<CheckedObject>;
  decode(payload: Uint8Array, name: string): T;
  readonly seen: ChainHead | undefined;
}

/** Checks the chain of configs. */
export async function checkConfigs(context: VerifyContext): Promise<void> {
  const { repo } = context;
  const objects = configObjects(repo.store, repo.catalog, repo, repo.config.generation);
  await checkChain(context, {
    kind: 'config',
    nameOf: configName,
    load: (name) => objects.get('config', name, { cache: false }),
    decode: (payload, name) => {
      const config = decodeConfig(payload, name);
      if (config.repo === repo.id) return config;
      throw damage('object-mismatch', `${name}: belongs to another repository`, { object: name });
    },
    seen: repo.heads.config,
  });
}

/** Checks the chain of gc records, and says what those that can be read say. */
export async function checkGc(context: VerifyContext): Promise<GcState> {
  const records = await checkChain<GcRecord>(context, {
    kind: 'gc',
    nameOf: gcName,
    load: (name) => loadFresh(context, 'gc', name),
    decode: decodeGcRecord,
    seen: context.repo.heads.gc,
  });
  return new GcState(records);
}

async function checkChain<T extends { readonly prev: string | null }>(
  context: VerifyContext,
  { kind, nameOf, load, decode, seen }: Chain<T>,
): Promise<T[]> {
  const { findings } = context;
  const listed = await listObjects(context, kindPrefix(kind));
  const present = new Set(listed.map(({ parsed }) => parsed.number!));
  const newest = Math.max(0, seen?.number ?? 0, ...present);
  const found: T[] = [];
  /** Undefined after one that could not be read: the next one cannot be compared. */
  let hash: string | null | undefined = null;
  for (let number = 1; number <= newest; number++) {
    const name = nameOf(number);
    if (!present.has(number)) {
      findings.add(name, `${kind}-missing`, `is missing: it was there, or later ones name it`);
      hash = undefined;
      continue;
    }
    const link = await findingOf(context, name, async () => {
      const object = await load(name);
      return { hash: object.hash, value: decode(object.payload, name) };
    });
    if (link && hash !== undefined && link.value.prev !== hash) {
      findings.add(name, `${kind}-chain`, 'does not follow the one before it');
    }
    if (link && seen?.number === number && seen.hash !== link.hash) {
      findings.add(name, `${kind}-changed`, 'is another than the one that this host has seen');
    }
    hash = link?.hash;
    if (link) found.push(link.value);
  }
  return found;
}
