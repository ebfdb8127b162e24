import { expect, it } from 'vitest';
import { MemoryStore } from '../../src/store/memory.ts';
import { storeContract } from './contract.ts';

storeContract('a store in memory', async () => {
  const store = new MemoryStore();
  return { store, reopen: async () => store, cleanUp: async () => {} };
});

it('a store in memory stamps objects by the given clock and keeps the storage class', async () => {
  const store = new MemoryStore({ now: () => 1234, monotonic: () => 0 });
  await store.put('a', Buffer.from('x'), { ifAbsent: true, storageClass: 'DEEP_ARCHIVE' });
  expect(await store.stat('a')).toEqual({ name: 'a', size: 1, modified: 1234, storageClass: 'DEEP_ARCHIVE' });
});
