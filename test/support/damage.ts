/**
 * What the damage matrix is made of: a copy of a store as plain bytes, the byte classes of the objects in it, and the
 * ways in which an object can be damaged. Every mutation gives a new store; the original is never touched.
 */
import { parseName } from '../../src/format/layout.ts';
import { splitHeader } from '../../src/seal/age-header.ts';
import { SEALED_BLOCK_LENGTH } from '../../src/seal/age-stream.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import type { Store } from '../../src/store/store.ts';

/** All objects of a store. */
export type Objects = ReadonlyMap<string, Uint8Array>;

/** One way of damaging one object. `names` are the objects that are no longer what they were. */
export interface Damage {
  readonly what: string;
  readonly kind: string;
  readonly names: readonly string[];
  apply(objects: Map<string, Uint8Array>): void;
}

/** Reads a whole store. */
export async function readObjects(store: Store): Promise<Objects> {
  const objects = new Map<string, Uint8Array>();
  for await (const { name } of store.list('')) objects.set(name, (await store.get(name))!);
  return objects;
}

/** A new store with these objects. */
export async function storeOf(objects: Objects): Promise<MemoryStore> {
  const store = new MemoryStore();
  for (const [name, bytes] of objects) await store.put(name, bytes, { ifAbsent: true });
  return store;
}

/** A new store in which the damage was done. */
export async function damaged(objects: Objects, damage: Damage): Promise<MemoryStore> {
  const copy = new Map(objects);
  damage.apply(copy);
  return await storeOf(copy);
}

/** The kind of an object, by its name. */
export function kindOf(name: string): string {
  return parseName(name)?.kind ?? 'unknown';
}

/** One position for each class of bytes of an object. */
export function byteClasses(bytes: Uint8Array, name: string): (readonly [what: string, position: number])[] {
  if (!name.endsWith('.age')) return [...bytes.keys()].map((at) => [`byte ${at}`, at] as const);
  const { header, payloadOffset } = splitHeader(bytes, name);
  const text = Buffer.from(header).toString('latin1');
  const stanza = text.indexOf('\n-> ') + 1;
  const body = text.indexOf('\n', stanza) + 1;
  const payload = payloadOffset + 16;
  const blocks = Math.ceil((bytes.length - payload) / SEALED_BLOCK_LENGTH);
  const lastBlock = payload + (blocks - 1) * SEALED_BLOCK_LENGTH;
  const classes: (readonly [string, number])[] = [
    ['version line', 4],
    ['version line end', text.indexOf('\n')],
    ['stanza mark', stanza],
    ['stanza type', stanza + 4],
    ['stanza argument', body - 6],
    ['stanza body', body + 5],
    ['stanza body end', text.lastIndexOf('\n---') - 1],
    ['mac mark', text.lastIndexOf('\n---') + 2],
    ['mac', header.length - 20],
    ['header end', header.length - 1],
    ['nonce first', payloadOffset],
    ['nonce last', payloadOffset + 15],
    ['first block first', payload],
    ['last block first', lastBlock],
    ['tag first', bytes.length - 16],
    ['tag last', bytes.length - 1],
    ['middle', payload + Math.floor((bytes.length - payload) / 2)],
  ];
  if (blocks > 1) {
    classes.push(
      ['first tag', payload + SEALED_BLOCK_LENGTH - 1],
      ['second block first', payload + SEALED_BLOCK_LENGTH],
    );
  }
  return classes;
}

/** Lengths to which an object is cut: none, within and at the end of each of its parts, at the ends of blocks. */
export function truncations(bytes: Uint8Array, name: string): number[] {
  const lengths = new Set([0, 1, Math.floor(bytes.length / 2), bytes.length - 1]);
  if (name.endsWith('.age')) {
    const { payloadOffset } = splitHeader(bytes, name);
    for (const at of [
      payloadOffset - 1,
      payloadOffset,
      payloadOffset + 8,
      payloadOffset + 16,
      bytes.length - 16,
      bytes.length - 17,
    ]) {
      lengths.add(at);
    }
    const payload = payloadOffset + 16;
    for (let end = payload + SEALED_BLOCK_LENGTH; end < bytes.length; end += SEALED_BLOCK_LENGTH) lengths.add(end);
  }
  return [...lengths].filter((length) => length >= 0 && length < bytes.length).sort((a, b) => a - b);
}

/** Removes an object. */
export function deletion(name: string): Damage {
  return { what: `${name} deleted`, kind: kindOf(name), names: [name], apply: (objects) => void objects.delete(name) };
}

/** Replaces the bytes of an object. */
export function replacement(name: string, how: string, change: (bytes: Buffer) => Uint8Array): Damage {
  return {
    what: `${name} ${how}`,
    kind: kindOf(name),
    names: [name],
    apply: (objects) => void objects.set(name, change(Buffer.from(objects.get(name)!))),
  };
}

/** Flips one bit. */
export function flip(name: string, what: string, position: number, bit = 0): Damage {
  return replacement(name, `with a bit flipped in ${what}`, (bytes) => {
    bytes[position]! ^= 1 << bit;
    return bytes;
  });
}

/** Exchanges two objects. */
export function swap(a: string, b: string): Damage {
  return {
    what: `${a} and ${b} swapped`,
    kind: kindOf(a),
    names: [a, b],
    apply(objects) {
      const held = objects.get(a)!;
      objects.set(a, objects.get(b)!);
      objects.set(b, held);
    },
  };
}

/** All damages of one object, by itself, by its neighbours of the kind, and by another repository's. */
export function damagesOf(name: string, objects: Objects, foreign: Objects): Damage[] {
  const bytes = objects.get(name)!;
  const kind = kindOf(name);
  const others = (of: Objects) => [...of.keys()].filter((other) => kindOf(other) === kind && other !== name);
  const neighbour = others(objects)[0];
  const stranger = [...foreign.keys()].find((other) => kindOf(other) === kind);
  return [
    deletion(name),
    ...truncations(bytes, name).map((length) =>
      replacement(name, `cut to ${length} of ${bytes.length} bytes`, (whole) => whole.subarray(0, length)),
    ),
    replacement(name, 'with a byte added', (whole) => Buffer.concat([whole, Buffer.from([0])])),
    ...byteClasses(bytes, name).map(([what, position], i) => flip(name, what, position, i % 8)),
    ...(neighbour === undefined ? [] : [swap(name, neighbour)]),
    ...(stranger === undefined
      ? []
      : [replacement(name, "replaced by another repository's", () => foreign.get(stranger)!)]),
  ];
}
