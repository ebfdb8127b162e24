/** What a backup says of its progress: it moves while files are read, and ends where the totals are. */
import { linkSync, mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Progress } from '../../src/base/monitor.ts';
import { rawFromText } from '../../src/base/raw.ts';
import { BackupTotals } from '../../src/work/backup-totals.ts';
import { BackupRoom, excluding, nextSecond } from '../support/backup-room.ts';
import { seededBytes } from '../support/random.ts';

const MIB = 1 << 20;

let room: BackupRoom;
beforeEach(async () => {
  room = await BackupRoom.create();
});
afterEach(() => room.remove());

describe('the progress of a backup', () => {
  it('moves within a large file, only forwards, and ends with everything', async () => {
    const part = seededBytes(4 * MIB, 1);
    writeFileSync(room.at('large'), Buffer.concat(Array.from({ length: 40 }, () => part)));
    writeFileSync(room.at('small'), 'small');
    writeFileSync(room.at('empty'), '');
    linkSync(room.at('small'), room.at('small-too'));
    writeFileSync(room.at('sparse'), 'x');
    truncateSync(room.at('sparse'), 10 * MIB);
    const { progress, bytesScanned } = await room.backup();
    const moves = progress.map(({ bytesDone }) => bytesDone);
    expect(moves.toSorted((a, b) => a - b)).toEqual(moves);
    expect(new Set(moves).size).toBeGreaterThan(3);
    const last = progress.at(-1)!;
    expect(last).toMatchObject({ phase: 'commit', filesDone: 5, bytesDone: bytesScanned, errors: 0 });
    expect(last.filesTotal).toBeUndefined();
  });

  it('knows its end from the last one, and says that this is an estimate', async () => {
    for (let i = 0; i < 20; i++) writeFileSync(room.at(`${i}`), `${i}`);
    await nextSecond();
    await room.backup();
    rmSync(room.at('19'));
    writeFileSync(room.at('new'), 'new');
    const { progress } = await room.backup();
    expect(progress.at(-1)).toMatchObject({ filesDone: 20, filesTotal: 20, totalsAreEstimates: true });
    const { bytesDone, bytesTotal } = progress.at(-1) as Progress;
    expect(bytesDone).toBe(31);
    expect(bytesTotal).toBe(31);
  });

  it('counts its end in a thread of its own the first time, with the same excludes', async () => {
    mkdirSync(room.at('dir'));
    for (const name of ['a', 'dir/b', 'c.tmp']) writeFileSync(room.at(name), 'four');
    const paths = [rawFromText(room.source)];
    const totals = new BackupTotals({ paths, ...excluding({ patterns: ['*.tmp'] }), oneFileSystem: false });
    while (totals.counted === undefined) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(totals.counted).toMatchObject({ files: 2, bytes: 8 });
    await totals.close();
    const broken = new BackupTotals({ paths: [rawFromText(room.at('none'))], ...excluding({}), oneFileSystem: false });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(broken.counted).toBeUndefined();
    await broken.close();
  });
});
