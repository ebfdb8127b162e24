/**
 * Manifests, packs and index objects made by somebody who holds the keys and means harm. Verify names the object, a
 * restore writes nothing outside of its target and does not crash, and nobody takes long or much memory.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { isIcecoreError, messageOf } from '../../src/base/errors.ts';
import type { ChunkId } from '../../src/base/ids.ts';
import type { Raw } from '../../src/base/raw.ts';
import { encodeChunkList } from '../../src/format/chunk-list.ts';
import { encodeRoot } from '../../src/format/manifest-root.ts';
import { runRestore } from '../../src/work/restore.ts';
import { listSnapshots } from '../../src/work/snapshot-list.ts';
import { runVerify, type VerifyStats } from '../../src/work/verify.ts';
import { Forger } from '../support/forgery.ts';
import { collectingMonitor, TestRepository } from '../support/repository.ts';
import { makeTestFolder } from '../support/test-folder.ts';

const MIB = 1_048_576;
const SMALL = Buffer.from('hello');
let cleanups: (() => void)[] = [];

afterEach(() => {
  for (const cleanup of cleanups) cleanup();
  cleanups = [];
});

/** What one forged repository led to. */
interface Outcome {
  readonly stats: VerifyStats;
  /** `code object` of each finding. */
  readonly found: readonly string[];
  /** What the restore left beside its target, and what it reported. */
  readonly restore: { readonly problems: readonly string[]; readonly files: readonly string[] };
}

/** Lets a forger work, then verifies and restores. */
async function outcomeOf(forge: (forger: Forger) => Promise<unknown>): Promise<Outcome> {
  const test = await TestRepository.create();
  const folder = makeTestFolder('hostile');
  cleanups.push(() => {
    test.remove();
    rmSync(folder, { recursive: true, force: true });
  });
  await test.use(async (repo) => await forge(await Forger.create(repo)), 'admin');
  const stats = await test.use((repo) =>
    runVerify(repo, { level: 'data', workers: 1 }, repo.monitor, new AbortController().signal),
  );
  writeFileSync(join(folder, 'outside.txt'), 'untouched');
  const problems = await restore(test, join(folder, 'target'));
  expect(readdirSync(folder).filter((name) => name !== 'target')).toEqual(['outside.txt']);
  expect(readFileSync(join(folder, 'outside.txt'), 'utf8')).toBe('untouched');
  mkdirSync(join(folder, 'target'), { recursive: true });
  const files = readdirSync(join(folder, 'target'), { recursive: true, encoding: 'utf8' });
  return { stats, found: stats.findings.map(({ code, object }) => `${code} ${object}`), restore: { problems, files } };
}

async function restore(test: TestRepository, target: string): Promise<string[]> {
  const monitor = collectingMonitor();
  try {
    await test.use(
      async (repo) => {
        const [snapshot] = await listSnapshots(repo, { hosts: [], tags: [], paths: [] });
        if (!snapshot) return;
        const options = {
          ...{ snapshot, path: '/' as Raw, target, include: [], exclude: [], overwrite: 'always' as const, workers: 1 },
          ...{ delete: false, verify: false, sparse: false, numericIds: true, planOnly: false },
        };
        await runRestore(repo, options, async () => true, monitor, new AbortController().signal);
      },
      'read',
      monitor,
    );
  } catch (error) {
    expect(isIcecoreError(error) && error.kind !== 'bug', messageOf(error)).toBe(true);
    return [...monitor.problems.map(({ code }) => code), isIcecoreError(error) ? error.code : ''];
  }
  return monitor.problems.map(({ code }) => code);
}

/** One entry as a line; `fields` replace what is there. */
function line(name: string, fields: Record<string, unknown> = {}): string {
  const entry = { name, type: 'file', mode: '0644', uid: 0, gid: 0, size: 0, mtime: '1700000000.000000000', ...fields };
  return JSON.stringify(entry);
}

/** A segment of one directory. */
function segment(lines: readonly string[], directory: unknown = { dir: '/' }): string {
  return `${[JSON.stringify(directory), ...lines].join('\n')}\n`;
}

/** Segments that no reader may accept: what is wrong, its text, how many entries the root claims. */
const SEGMENTS: readonly (readonly [what: string, text: string, entries?: number])[] = [
  ['the name ..', segment([line('..')])],
  ['the name .', segment([line('.')])],
  ['an empty name', segment([line('')])],
  ['a name with a slash', segment([line('../outside.txt')])],
  ['an absolute name', segment([line('/etc/passwd')])],
  ['a name with NUL', segment([line('a\0b')])],
  ['a raw name with a slash', segment([line('x', { name: undefined, raw: Buffer.from('../x').toString('base64') })])],
  ['a name twice', segment([line('a'), line('a')]), 2],
  ['names out of order', segment([line('b'), line('a')]), 2],
  ['a directory with ..', segment([line('a')], { dir: '/../etc' })],
  ['a relative directory', segment([line('a')], { dir: 'etc' })],
  ['a directory above the root', segment([line('a'), JSON.stringify({ up: 9, dir: 'etc' }), line('b')]), 2],
  ['a directory twice', segment([line('a'), JSON.stringify({ dir: '/' }), line('b')]), 2],
  ['a million entries that are not there', segment([line('a')]), 1_000_000],
  [
    'more entries than a segment may have',
    segment(Array.from({ length: 5000 }, (_, i) => line(`f${String(i).padStart(5, '0')}`))),
    4096,
  ],
  ['hard links in a circle', segment([line('a', { hardlink: '/b' }), line('b', { hardlink: '/a' })]), 2],
  ['a hard link to itself', segment([line('a', { hardlink: '/a' })])],
  ['a hard link out of the snapshot', segment([line('a', { hardlink: '/../outside.txt' })])],
  [
    'a key that is __proto__',
    segment(['{"name":"a","type":"file","mode":"0644","uid":0,"gid":0,"mtime":"0.000000000","__proto__":{"x":1}}']),
  ],
  ['a field that nobody knows', segment([line('a', { setuid: true })])],
  ['a size beyond all numbers', segment([line('a', { size: 1e300 })])],
  ['a negative size', segment([line('a', { size: -1 })])],
  ['extents beyond the size', segment([line('a', { size: 10, sparse: [[5, 100]] })])],
  ['a mode that is none', segment([line('a', { mode: '9999' })])],
  ['a target with NUL', segment([line('a', { type: 'symlink', size: undefined, target: 'x\0y' })])],
  ['a chunk id that is a path', segment([line('a', { size: 5, chunks: ['../../../etc/passwd'] })])],
  [
    'JSON of a great depth',
    segment([line('a', { xattrs: '[]' }).replace('"[]"', '['.repeat(100_000) + ']'.repeat(100_000))]),
  ],
  ['no line feed at its end', segment([line('a')]).trimEnd()],
  ['no JSON', 'not a manifest\n'],
  ['nothing', '\n'],
];

describe('a hostile manifest', () => {
  it.each(SEGMENTS.map(([what, text, entries = 1]) => ({ what, text, entries })))(
    'with $what is refused by name',
    async ({ text, entries }) => {
      const first = '/a';
      let name = '';
      const { found, restore } = await outcomeOf(async (forger) => {
        name = await forger.snapshot([{ text, first, entries }]);
      });
      expect(found).toHaveLength(1);
      expect(found[0]).toContain(name);
      expect(restore.files).toEqual([]);
      expect(restore.problems.length).toBeGreaterThan(0);
    },
  );

  it('with the same file in two segments is refused', async () => {
    const text = segment([line('a')]);
    const more = segment([line('a'), line('b')]);
    let name = '';
    const { found } = await outcomeOf(async (forger) => {
      name = await forger.snapshot([
        { text, first: '/a', entries: 1 },
        { text: more, first: '/b', entries: 2 },
      ]);
    });
    expect(found[0]).toContain(name);
  });

  it('that claims other totals than it has is noticed', async () => {
    const { found } = await outcomeOf((forger) =>
      forger.snapshot([{ text: segment([line('a')]), first: '/a', entries: 1 }], [], { files: 1e6, entries: 1e6 }),
    );
    expect(found[0]).toMatch(/^totals-mismatch snapshots\//);
  });

  it('whose chunks are shorter or longer than the file is refused', async () => {
    for (const size of [3, 6, 10 ** 15]) {
      const { found, restore } = await outcomeOf((forger) =>
        forger.snapshot(
          [{ text: segment([line('a', { size, chunks: [forger.idOf(SMALL)] })]), first: '/a', entries: 1 }],
          [SMALL],
        ),
      );
      expect(found[0]).toMatch(/^wrong-size snapshots\//);
      expect(restore.problems.length).toBeGreaterThan(0);
    }
  });

  it('whose chunks nobody has, or lie among the metadata, is refused, and its other files are restored', async () => {
    const unknown = 'ab'.repeat(32) as ChunkId;
    const lines = [line('a', { size: 5, chunks: [unknown] })];
    const { found, restore, stats } = await outcomeOf((forger) =>
      forger.snapshot(
        [{ text: segment([...lines, line('b', { size: 5, chunks: [forger.idOf(SMALL)] })]), first: '/a', entries: 2 }],
        [SMALL],
      ),
    );
    expect(found[0]).toMatch(/^chunk-unknown snapshots\//);
    expect(stats.findings[0]!.paths.map((path) => path.split(':')[1])).toEqual(['/a']);
    expect(restore.files).toEqual(['b']);
  });

  it('whose chunk list points to itself, or to other things than lists, is refused', async () => {
    const lists = [
      (forger: Forger) => encodeChunkList({ level: 1, ids: [forger.idOf(SMALL)] }),
      () => Buffer.from('{"list":1,"level":16}\n"0"\n'),
      () => Buffer.from('{"list":1,"level":0}\n'),
      () => encodeChunkList({ level: 3, ids: Array.from({ length: 1000 }, () => 'cd'.repeat(32) as ChunkId) }),
    ];
    for (const make of lists) {
      const { found, restore } = await outcomeOf(async (forger) => {
        const list = make(forger);
        await forger.pack('data', [{ content: SMALL }]);
        const text = Buffer.from(segment([line('a', { size: 5, list: forger.idOf(list) })]));
        const root = encodeRoot({
          level: 0,
          refs: [{ id: forger.idOf(text), first: '/a' as Raw, entries: 1, bytes: text.length }],
        });
        await forger.pack(
          'meta',
          [list, text, root].map((content) => ({ content })),
        );
        await forger.publish();
        await forger.commit({ id: forger.idOf(root), level: 0 }, { files: 1, entries: 1 });
      });
      expect(found.length).toBeGreaterThan(0);
      expect(found.join()).toContain('snapshots/');
      expect(restore.files).toEqual([]);
    }
  });

  it('whose root is no root, has another level, or is a segment is refused', async () => {
    const roots = [
      Buffer.from('{"root":1,"level":1}\n'),
      Buffer.from(segment([line('a')])),
      Buffer.from('{"root":2,"level":0}\n'),
      Buffer.from('{"root":1,"level":0}\n{"id":"../../x","first":"/a","entries":1,"bytes":1}\n'),
      Buffer.from(`{"root":1,"level":0}\n{"id":"${'ab'.repeat(32)}","first":"/../a","entries":1,"bytes":1}\n`),
      Buffer.from('{"root":1,"level":0}\n'.repeat(2)),
    ];
    for (const root of roots) {
      let name = '';
      const { found, restore } = await outcomeOf(async (forger) => {
        await forger.pack('meta', [{ content: root }]);
        await forger.publish();
        name = await forger.commit({ id: forger.idOf(root), level: 0 });
      });
      expect(found.join()).toContain(name);
      expect(restore.files).toEqual([]);
    }
  });

  it('that leads through a symlink writes nothing where the link points', async () => {
    const { restore } = await outcomeOf((forger) =>
      forger.snapshot(
        [
          {
            text:
              segment([line('link', { type: 'symlink', size: undefined, target: '..' })]) +
              segment([line('outside.txt', { size: 5, chunks: [forger.idOf(SMALL)] })], { dir: '/link' }),
            first: '/link',
            entries: 2,
          },
        ],
        [SMALL],
      ),
    );
    // That nothing outside was touched is checked for every case.
    expect(restore.problems.length).toBeGreaterThan(0);
  });
});

describe('a hostile pack', () => {
  const file = (forger: Forger, id = forger.idOf(SMALL)) => ({
    text: segment([line('a', { size: 5, chunks: [id] })]),
    first: '/a',
    entries: 1,
  });
  const MANY = Buffer.alloc(8 * MIB);

  it.each([
    ['a chunk that is another than its id says', 'chunk-damaged', { content: Buffer.from('other') }, {}],
    [
      'a tar header that names another file',
      'tar-header',
      { content: SMALL },
      { tar: (tar: Buffer) => Buffer.from(tar).fill('../../x\0', 0, 8) },
    ],
    [
      'a tar with something after the content',
      'tar-header',
      { content: SMALL },
      { tar: (tar: Buffer) => Buffer.from(tar).fill(1, 600) },
    ],
    [
      'a frame that holds more than the index says',
      'zstd-too-long',
      { content: SMALL },
      { tar: (tar: Buffer) => Buffer.concat([tar, Buffer.alloc(200 * MIB)]) },
    ],
    ['a frame that holds less', 'frame-length', { content: SMALL }, { tar: (tar: Buffer) => tar.subarray(0, 700) }],
    [
      'a frame that is none',
      'zstd-malformed',
      { content: SMALL },
      { frame: (frame: Uint8Array) => frame.map((byte) => byte ^ 1) },
    ],
    [
      'a frame that states more than its blocks can hold',
      'zstd-malformed',
      { content: SMALL },
      { frame: () => Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 4, 0, 0, 1, 0, 0]) },
    ],
    [
      'a frame with a window of a terabyte',
      'zstd-window',
      { content: SMALL },
      { frame: () => Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x40, 0xf0, 0x00, 0x03, 1, 0, 0]) },
    ],
    [
      'a wrong hash in the index',
      'pack-hash',
      { content: SMALL },
      { record: (record: object) => ({ ...record, sha256: '00'.repeat(32) }) },
    ],
    [
      'a wrong size in the index',
      'pack-size',
      { content: SMALL },
      { record: (record: { size: number }) => ({ ...record, size: record.size + 1 }) },
    ],
  ] as const)('with %s is named', async (_what, code, chunk, lies) => {
    let name = '';
    const before = process.memoryUsage().rss;
    const { found, restore } = await outcomeOf(async (forger) => {
      name = await forger.pack('data', [{ ...chunk, claims: forger.idOf(SMALL) }], lies as never);
      await forger.snapshot([file(forger)]);
    });
    expect(found.find((text) => text.endsWith(name))?.split(' ')[0]).toMatch(
      new RegExp(`^(${code}|zstd-[a-z-]+|stream-[a-z]+|pack-[a-z]+)$`),
    );
    if (code.startsWith('zstd') || code === 'chunk-damaged' || code === 'tar-header') {
      expect(found).toContain(`${code} ${name}`);
    }
    expect(restore.files.every((path) => path === 'a')).toBe(true);
    expect(process.memoryUsage().rss - before).toBeLessThan(900 * MIB);
  });

  it('with a frame in the index that would take gigabytes is refused before anything is read', async () => {
    const { found } = await outcomeOf(async (forger) => {
      await forger.pack('data', [{ content: MANY }]);
      await forger.publish((lines) =>
        Buffer.from(lines.toString().replace(/"rawLength":\d+/, '"rawLength":9007199254740991')),
      );
    });
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(/^json-field index\//);
  });

  it('that lies under the name of another is refused', async () => {
    const { found } = await outcomeOf(async (forger) => {
      const name = await forger.pack('data', [{ content: SMALL }]);
      await forger.publish((lines) =>
        Buffer.from(lines.toString().replaceAll(name, name.replace('00000000', '00000007'))),
      );
    });
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(/^pack-missing packs\/.*00000007/);
  });
});

describe('a hostile index', () => {
  it.each([
    ['no JSON lines', () => Buffer.from('{}')],
    [
      'a pack name that leads elsewhere',
      (lines: Buffer) => Buffer.from(lines.toString().replace(/"name":"[^"]*"/, '"name":"../../etc/passwd"')),
    ],
    [
      'a data pack among the metadata',
      (lines: Buffer) => Buffer.from(lines.toString().replace('"kind":"data"', '"kind":"meta"')),
    ],
    ['frames that overlap', (lines: Buffer) => Buffer.from(lines.toString().replace('"offset":0', '"offset":1'))],
    ['the same pack twice', (lines: Buffer) => Buffer.concat([lines, lines])],
  ])('with %s is refused by name', async (_what, change) => {
    let name = '';
    const { found } = await outcomeOf(async (forger) => {
      await forger.pack('data', [{ content: SMALL }]);
      name = await forger.publish(change);
    });
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(name);
  });
});
