import { expect, it } from 'vitest';
import type { PackRecord } from '../../src/format/index-object.ts';
import { PackUpload } from '../../src/repo/pack-upload.ts';
import { MemoryStore } from '../../src/store/memory.ts';

it('a pack that cannot be told from one of a lost answer ends the run as a failure of the store, which may go on', async () => {
  const store = new MemoryStore();
  await store.put('packs/S/0', Buffer.from('there'), { ifAbsent: true });
  const upload = new PackUpload(
    'packs/S/0',
    { store, storageClass: 'STANDARD', coldMinimum: 0 },
    new AbortController().signal,
  );
  const record = { name: 'packs/S/0', size: 5 } as PackRecord;
  await expect(upload.finish({ record, frameLines: Buffer.alloc(0) })).rejects.toMatchObject({
    kind: 'store',
    code: 'pack-not-recognised',
    hint: expect.stringContaining('run the command again'),
  });
});
