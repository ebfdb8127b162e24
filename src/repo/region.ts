/** The region that a repository is pinned to: asks the bucket where it lies, and refuses another place. */
import { IcecoreError } from '../base/errors.ts';
import type { Store } from '../store/store.ts';

/**
 * Makes sure that the store lies in `region`: one request to the store.
 * @throws `config`, `wrong-region` when it lies in another one, or nobody says where
 */
export async function checkRegion(store: Store, region: string, signal?: AbortSignal): Promise<void> {
  const found = await store.bucket?.region(signal);
  if (found === region) return;
  const data = { expected: region, ...(found === undefined ? {} : { region: found }) };
  if (found === undefined) {
    throw new IcecoreError(
      'config',
      'wrong-region',
      `this repository has to be in region ${region}, and ${store.location} does not say where it lies`,
      { hint: 'use the bucket that it was made in, at a store that tells the region of a bucket', data },
    );
  }
  throw new IcecoreError(
    'config',
    'wrong-region',
    `this repository has to be in region ${region}, and ${store.location} lies in ${found}`,
    { hint: 'use the bucket that it was made in; where data may lie was decided by init --region', data },
  );
}
