/** Backups of streams: what a command prints goes into a snapshot whole, or not at all. */
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Raw } from '../../src/base/raw.ts';
import type { BackupOptions } from '../../src/work/backup-options.ts';
import { BackupRoom } from '../support/backup-room.ts';
import { seededBytes } from '../support/random.ts';

let room: BackupRoom;
beforeEach(async () => {
  room = await BackupRoom.create();
});
afterEach(() => room.remove());

function stream(
  content: AsyncIterable<Uint8Array>,
  finished = async () => {},
  name = 'dump.sql',
): Partial<BackupOptions> {
  return { paths: [], stream: { name: name as Raw, content, finished } };
}

describe('a stream', () => {
  it('is stored as a file at the root, of any length and in any pieces', async () => {
    const bytes = seededBytes(9_500_000, 1);
    const pieces = async function* () {
      for (let at = 0, n = 1; at < bytes.length; at += n, n = (n * 3) % 900_001) yield bytes.subarray(at, at + n);
    };
    const backed = await room.backup(stream(pieces()));
    expect(backed).toMatchObject({ filesNew: 1, bytesRead: bytes.length, bytesScanned: bytes.length, errors: 0 });
    expect(await room.snapshot()).toMatchObject({ paths: ['/dump.sql'], files: 1, bytes: bytes.length, entries: 1 });
    expect((await room.entries()).get('/dump.sql')).toMatchObject({ type: 'file', size: bytes.length, mode: 0o600 });
    expect((await room.content('/dump.sql')).equals(bytes)).toBe(true);
    const { entries } = { entries: await room.entries() };
    const again = await room.backup(stream(Readable.from([bytes])));
    expect(again).toMatchObject({ bytesNew: 0, filesNew: 1 });
    expect((await room.entries()).get('/dump.sql')?.chunks).toEqual(entries.get('/dump.sql')?.chunks);
  });

  it('may be empty, and may have a name of any bytes', async () => {
    await room.backup(stream(Readable.from([]), undefined, '\xff\n'));
    expect((await room.entries()).get('/\xff\n')).toMatchObject({ type: 'file', size: 0 });
    expect((await room.content('/\xff\n')).length).toBe(0);
  });

  it('whose producer fails makes no snapshot, whether it fails in the middle or at its end', async () => {
    const failed = () =>
      Promise.reject(Object.assign(new Error('pg_dump ended with status 1'), { code: 'producer-failed' }));
    await expect(room.backup(stream(Readable.from([Buffer.from('half a dump')]), failed))).rejects.toThrow('status 1');
    const breaking = async function* () {
      yield Buffer.alloc(6_000_000, 1);
      throw new Error('the pipe broke');
    };
    await expect(room.backup(stream(breaking()))).rejects.toThrow('the pipe broke');
    expect(await room.snapshots()).toEqual([]);
    // What was stored of it is not lost, and not in the way.
    expect(await room.backup(stream(Readable.from([Buffer.from('a whole dump')])))).toMatchObject({ filesNew: 1 });
    expect((await room.content('/dump.sql')).toString()).toBe('a whole dump');
  });

  it('is not backed up in a dry run', async () => {
    await expect(room.backup({ ...stream(Readable.from([])), dryRun: true })).rejects.toMatchObject({ kind: 'usage' });
  });
});
