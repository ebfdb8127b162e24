/**
 * Figures of the format floor on this machine, without any I/O: the chunker, and index objects of 80,000 chunks. Prints
 * the median of several turns. `node bench/format.ts`
 */
import { createHash, randomFillSync } from 'node:crypto';
import { type ChunkId, makeSessionId } from '../src/base/ids.ts';
import { Chunker, DEFAULT_CHUNK_SIZES, makeGearTable } from '../src/format/chunker.ts';
import { decodeIndexObject, encodeIndexObject, type PackRecord } from '../src/format/index-object.ts';
import { packName } from '../src/format/layout.ts';
import { TAR_BLOCK, tarMemberLength, writeChunkHeader } from '../src/format/tar.ts';

const TURNS = 9;

/** The median of the milliseconds that `work` takes. */
function median(work: () => void): number {
  const times = Array.from({ length: TURNS }, () => {
    const start = performance.now();
    work();
    return performance.now() - start;
  });
  return times.sort((a, b) => a - b)[TURNS >> 1]!;
}

function report(what: string, figure: number, unit: string): void {
  process.stdout.write(`${what.padEnd(44)} ${figure.toFixed(0).padStart(6)} ${unit}\n`);
}

const table = makeGearTable(randomFillSync(new Uint8Array(1024)));
const content = randomFillSync(Buffer.alloc(128 << 20));

for (const [what, sizes] of [
  ['chunker, default sizes', DEFAULT_CHUNK_SIZES],
  ['chunker, 4/16/64 KiB', { min: 4096, target: 16_384, max: 65_536 }],
] as const) {
  const chunker = new Chunker(table, sizes);
  let count = 0;
  const ms = median(() => {
    count = 0;
    for (let at = 0; at < content.length; count++) at += chunker.next(content, at, content.length, true);
  });
  report(what, content.length / 1000 / ms, 'MB/s');
  report('  mean chunk', content.length / count / 1024, 'KiB');
}

const sid = makeSessionId(0, new Uint8Array(10));
const records = Array.from({ length: 10 }, (_, n): PackRecord => {
  let offset = 0;
  const frames = Array.from({ length: 80 }, (_, f) => {
    const chunks = Array.from({ length: 100 }, (_, c) => {
      const id = createHash('sha256').update(`${n} ${f} ${c}`).digest('hex') as ChunkId;
      return [id, c * tarMemberLength(17_000) + TAR_BLOCK, 17_000] as const;
    });
    const frame = { offset, length: 600_000, rawLength: 100 * tarMemberLength(17_000), chunks };
    offset += frame.length;
    return frame;
  });
  const sha256 = createHash('sha256').update(String(n)).digest('hex');
  const header = new Uint8Array(2000);
  const created = '2026-11-17T12:00:00Z';
  return { name: packName(sid, n), size: offset, sha256, class: 'STANDARD', header, kind: 'data', created, frames };
});
const encoded = encodeIndexObject(records);
report(
  'index object, 80,000 chunks, encode',
  median(() => encodeIndexObject(records)),
  'ms',
);
report(
  'index object, 80,000 chunks, decode',
  median(() => decodeIndexObject(encoded, 'bench')),
  'ms',
);
report('  its length', encoded.length / 1e6, 'MB');

const header = new Uint8Array(TAR_BLOCK);
const id = 'ab'.repeat(32) as ChunkId;
report(
  'tar headers',
  80_000 /
    median(() => {
      for (let i = 0; i < 80_000; i++) writeChunkHeader(header, 0, id, 17_000);
    }),
  'per ms',
);
