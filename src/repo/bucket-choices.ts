/** What the user chooses for the objects of a run, held against what is known of the store: its classes, and tags. */
import { IcecoreError } from '../base/errors.ts';
import type { TagRule } from '../format/object-tags.ts';
import type { Store } from '../store/store.ts';

/**
 * Makes sure that a store can have objects in a class, with tags. The classes of services are known; those of servers
 * that people run themselves are their own. Tags that would get lost are refused: rules of the bucket may go by them.
 * @throws `usage`: `unknown-class`, `no-tags`
 */
export function checkBucketChoices(
  store: Store,
  { storageClass, objectTags }: { readonly storageClass?: string; readonly objectTags?: readonly TagRule[] },
): void {
  const provider = store.bucket?.provider;
  if (provider === undefined) return;
  const { classes, hosts, name, quirks } = provider;
  if (storageClass !== undefined && hosts.length > 0 && !Object.hasOwn(classes, storageClass)) {
    throw new IcecoreError('usage', 'unknown-class', `${name} has no storage class ${storageClass}`, {
      hint: `it has ${Object.keys(classes).join(', ')}`,
    });
  }
  if (objectTags?.length && !quirks.hasTags) {
    throw new IcecoreError('usage', 'no-tags', `${name}: objects have no tags there, as far as is known`, {
      hint: 'leave out --object-tag; or name the provider in the URL if it is another one: provider=ceph, say',
    });
  }
}
