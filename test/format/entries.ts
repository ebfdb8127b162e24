/** Arbitrary entries, names and paths for the tests of manifests, and ways to spoil what was written. */
import fc from 'fast-check';
import { expect } from 'vitest';
import { isIcecoreError } from '../../src/base/errors.ts';
import type { ChunkId } from '../../src/base/ids.ts';
import { joinRaw, type Raw, rawFromBytes, rawFromText } from '../../src/base/raw.ts';
import type { DirectoryEntries, Entry } from '../../src/format/entry.ts';
import { encodeEntry } from '../../src/format/entry-line.ts';
import { compareDirectories, isName } from '../../src/format/path-rules.ts';
import { type Segment, SegmentBuilder } from '../../src/format/segment.ts';
import type { Random } from '../support/random.ts';

export const raw = (text: string): Raw => rawFromText(text);

/** Names of every sort: plain, Unicode, control characters, any bytes. */
export const anyName: fc.Arbitrary<Raw> = fc
  .oneof(
    fc.string({ minLength: 1, maxLength: 12 }).map(rawFromText),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 8 }).map(rawFromText),
    fc.uint8Array({ minLength: 1, maxLength: 10 }).map(rawFromBytes),
    fc
      .constantFrom('__proto__', 'constructor', '-rf', '~', '\n', '\x1b[2J', '"', '\\', '\u2028', '\ufeffbom')
      .map(rawFromText),
  )
  .filter(isName);

const hex64 = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((b) => Buffer.from(b).toString('hex') as ChunkId);
const anyTime = fc.oneof(
  fc.bigInt({ min: -(10n ** 18n), max: 10n ** 19n }),
  fc.bigInt({ min: -(2n ** 63n) * 10n ** 9n, max: 2n ** 63n * 10n ** 9n }),
  fc.constantFrom(0n, -1n, 1n, -999_999_999n, -1_000_000_000n),
);
const someText = fc.string({ unit: 'binary', maxLength: 10 });
const anyPath = fc.array(anyName, { minLength: 1, maxLength: 4 }).map((names) => `/${names.join('/')}` as Raw);

/** Removes the keys whose value is undefined, as the decoder leaves them out. */
function compact<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as T;
}

const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });

const common = {
  name: anyName,
  mode: fc.integer({ min: 0, max: 0o7777 }),
  uid: fc.integer({ min: 0, max: 0xffff_ffff }),
  gid: fc.integer({ min: 0, max: 0xffff_ffff }),
  user: optional(someText),
  group: optional(someText),
  mtime: anyTime,
  ctime: optional(anyTime),
  atime: optional(anyTime),
  inode: optional(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String)),
  device: optional(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String)),
  xattrs: optional(
    fc
      .array(
        fc.tuple(
          fc.stringMatching(/^[a-z]{1,8}$/).map((s) => `user.${s}`),
          fc.uint8Array({ maxLength: 9 }),
        ),
        {
          minLength: 1,
          maxLength: 4,
        },
      )
      .map((pairs) => Object.fromEntries(pairs.map(([k, v]) => [k, Buffer.from(v).toString('base64')]))),
  ),
};
const linked = { ...common, links: optional(fc.integer({ min: 2, max: 2 ** 31 })), hardlink: optional(anyPath) };
const rdev = fc.record({ major: fc.nat(0xffff_ffff), minor: fc.nat(0xffff_ffff) });
const { hardlink: _, ...unlinked } = linked;

/** A sparse file's extents, with its size. */
const sparse = fc.array(fc.tuple(fc.nat(1e9), fc.integer({ min: 1, max: 1e9 })), { maxLength: 5 }).map((steps) => {
  let end = 0;
  const extents = steps.map(([gap, length]) => {
    const extent = [end + gap, length] as const;
    end += gap + length;
    return extent;
  });
  return { sparse: extents, size: end + 5 };
});

/** Any entry that may stand in a manifest. A hard link here may point anywhere. */
export const anyEntry: fc.Arbitrary<Entry> = fc
  .oneof(
    fc.record({
      ...unlinked,
      type: fc.constant('file'),
      size: fc.oneof(fc.nat(), fc.constantFrom(0, 2 ** 31, 2 ** 53 - 1)),
      chunks: optional(fc.array(hex64, { minLength: 1, maxLength: 3 })),
      flaw: optional(fc.constantFrom('changed', 'truncated')),
    }),
    fc.record({ ...unlinked, type: fc.constant('file'), size: fc.constant(2 ** 41), list: hex64 }),
    fc.tuple(fc.record({ ...unlinked, type: fc.constant('file') }), sparse).map(([entry, s]) => ({ ...entry, ...s })),
    fc.record({ ...linked, type: fc.constant('file'), size: optional(fc.nat()) }),
    fc.record({ ...common, type: fc.constant('dir') }),
    fc.record({ ...linked, type: fc.constant('symlink'), target: fc.oneof(anyPath, anyName) }),
    fc.record({ ...linked, type: fc.constant('fifo') }),
    fc.record({ ...linked, type: fc.constantFrom('block', 'char'), rdev }),
  )
  .map((entry) => compact(entry) as unknown as Entry);

/** A manifest: directories in order, with entries in order, and no hard links that point ahead. */
export const anyTree: fc.Arbitrary<DirectoryEntries[]> = fc
  .uniqueArray(
    fc.tuple(
      fc.oneof(anyPath, fc.constant('/' as Raw)),
      fc.uniqueArray(anyEntry, { minLength: 1, maxLength: 6, selector: (entry) => entry.name }),
    ),
    { minLength: 1, maxLength: 8, selector: ([path]) => path },
  )
  .map((directories) =>
    directories
      .sort(([a], [b]) => compareDirectories(a, b))
      .map(([path, entries]) => ({
        path,
        entries: entries.map(withoutHardlink).sort((a, b) => (a.name < b.name ? -1 : 1)),
      })),
  );

function withoutHardlink(entry: Entry): Entry {
  const { hardlink: _hardlink, ...rest } = entry;
  return rest;
}

/** A plain file's entry. */
export function plainFile(name: string, changes: Partial<Entry> = {}): Entry {
  return {
    name: raw(name),
    type: 'file',
    mode: 0o644,
    uid: 1000,
    gid: 1000,
    size: 3,
    mtime: 1_700_000_000_000_000_001n,
    ...changes,
  };
}

/** Cuts directories into segments. */
export function buildSegments(
  directories: Iterable<DirectoryEntries>,
  isBoundary: (path: Raw) => boolean = () => false,
): Segment[] {
  const builder = new SegmentBuilder(isBoundary);
  const segments: Segment[] = [];
  const push = (segment: Segment | undefined) => void (segment && segments.push(segment));
  for (const { path, entries } of directories) {
    for (const entry of entries) push(builder.add(path, encodeEntry(entry), entry.name));
  }
  push(builder.finish());
  return segments;
}

/** All paths of directories, in order. */
export function pathsOf(directories: Iterable<DirectoryEntries>): Raw[] {
  return [...directories].flatMap(({ path, entries }) => entries.map((entry) => joinRaw(path, entry.name)));
}

/** Runs something that must be refused: kind `damage`, with the object's name, and the given code if any. */
export function expectDamage(run: () => unknown, code?: string): void {
  let caught: unknown;
  try {
    run();
  } catch (error) {
    caught = error;
  }
  expect(caught, 'was not refused').toBeDefined();
  if (!isIcecoreError(caught, 'damage')) throw caught;
  expect(caught.data.object).toBe('object-name');
  expect(caught.message).toContain('object-name');
  if (code !== undefined) expect(caught.code).toBe(code);
}

const SPLICES = [
  '"',
  '{',
  '[',
  ']',
  '}',
  ',',
  ':',
  '\\',
  '-',
  '0',
  '9',
  '1e999',
  'null',
  'true',
  '..',
  '/',
  '\0',
  '\\u0000',
  '\\ud800',
  '"__proto__":1,',
  '"up":1,',
  '"raw":"",',
  '"raw":"/w==",',
  '\n',
  '\r',
  '{}',
  '[[',
  '-1',
  '.5',
  'é',
  '\ufeff',
];

/** Spoils bytes: flips, cuts, doubles, removes and inserts, one to four times. */
export function mutate(bytes: Uint8Array, random: Random): Buffer {
  let out = Buffer.from(bytes);
  const at = (length: number) => Math.floor(random() * (length + 1));
  for (let i = 1 + Math.floor(random() * 4); i > 0; i--) {
    const from = at(out.length);
    const to = Math.min(out.length, from + at(20));
    switch (Math.floor(random() * 6)) {
      case 0:
        if (out.length > 0) out[Math.min(from, out.length - 1)]! ^= 1 << Math.floor(random() * 8);
        break;
      case 1:
        out = out.subarray(0, from);
        break;
      case 2:
        out = Buffer.concat([out.subarray(0, to), out.subarray(from)]);
        break;
      case 3:
        out = Buffer.concat([out.subarray(0, from), out.subarray(to)]);
        break;
      case 4:
        out = Buffer.concat([
          out.subarray(0, from),
          Buffer.from(SPLICES[Math.floor(random() * SPLICES.length)]!),
          out.subarray(from),
        ]);
        break;
      default: {
        // Swaps two lines, which is what a reader of sorted lines must notice.
        const lines = out.toString('latin1').split('\n');
        const [x, y] = [Math.floor(random() * lines.length), Math.floor(random() * lines.length)];
        [lines[x], lines[y]] = [lines[y]!, lines[x]!];
        out = Buffer.from(lines.join('\n'), 'latin1');
      }
    }
  }
  return out;
}
