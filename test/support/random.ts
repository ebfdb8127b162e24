/** Random numbers that a seed repeats (mulberry32). For tests: print the seed when something fails. */

/** A source of numbers in [0, 1). */
export type Random = () => number;

/** Makes a source from a 32-bit seed. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** Bytes that a seed repeats. */
export function seededBytes(length: number, seed: number): Buffer {
  const random = seededRandom(seed);
  const bytes = Buffer.allocUnsafeSlow(length);
  let i = 0;
  for (; i + 4 <= length; i += 4) bytes.writeUInt32LE((random() * 4294967296) >>> 0, i);
  for (; i < length; i++) bytes[i] = (random() * 256) | 0;
  return bytes;
}
