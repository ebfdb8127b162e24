/** Which storage class the packs of a run go to: what the store knows, and what a class means for their size. */
import { IcecoreError } from '../base/errors.ts';
import type { Store } from '../store/store.ts';

/**
 * Makes sure that a store can have objects in a class. The classes of services are known; those of servers that people
 * run themselves are their own.
 * @throws `usage`, `unknown-class`
 */
export function checkStorageClass(store: Store, storageClass: string): void {
  const provider = store.bucket?.provider;
  if (provider === undefined || provider.hosts.length === 0 || Object.hasOwn(provider.classes, storageClass)) return;
  throw new IcecoreError('usage', 'unknown-class', `${provider.name} has no storage class ${storageClass}`, {
    hint: `it has ${Object.keys(provider.classes).join(', ')}`,
  });
}
