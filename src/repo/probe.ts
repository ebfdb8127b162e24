/**
 * Tries what a repository relies on before one is made: create-only writes under a race, listing after writing, reading
 * of ranges. What was found goes into the config.
 */
import { randomBytes } from 'node:crypto';
import { IcecoreError } from '../base/errors.ts';
import type { StoreFacts } from '../format/config.ts';
import type { Store } from '../store/store.ts';

const CREATORS = 8;
const PROBE_BYTES = 200_000;

/**
 * Writes, reads and removes a probe object.
 * @throws `store`, `probe-failed`, when the store does not give back what it was given.
 */
export async function probeStore(store: Store): Promise<StoreFacts> {
  const name = `probe/${randomBytes(8).toString('hex')}`;
  const content = randomBytes(PROBE_BYTES);
  try {
    const races = await Promise.all(
      Array.from({ length: CREATORS }, () => store.put(name, content, { ifAbsent: true })),
    );
    const winners = races.filter((race) => race.outcome === 'stored').length;
    const range = await store.get(name, { offset: 70_000, length: 1000 });
    const whole = await store.get(name);
    if (!whole || !content.equals(whole) || !range || !content.subarray(70_000, 71_000).equals(range)) {
      throw failed(store, 'what was written comes back different');
    }
    let isListed = false;
    for await (const object of store.list('probe/')) isListed ||= object.name === name;
    if (!isListed) throw failed(store, 'what was written is not in the listing');
    return { createOnly: winners === 1 };
  } finally {
    await store.delete(name);
  }
}

function failed(store: Store, what: string): IcecoreError {
  return new IcecoreError('store', 'probe-failed', `${store.location} cannot hold a repository: ${what}`);
}
