/** Bytes and choices that are the same on every machine for the same seed. */
import { createCipheriv, createHash } from 'node:crypto';

const BLOCK = 1 << 20;

/** Incompressible bytes: `length` of them, in parts of at most 1 MiB. A part is valid until the next one is taken. */
export function* seededBytes(seed: string, length: number): Generator<Uint8Array> {
  const cipher = createCipheriv('aes-256-ctr', createHash('sha256').update(seed).digest(), new Uint8Array(16));
  const zeros = new Uint8Array(BLOCK);
  for (let left = length; left > 0; left -= BLOCK) yield cipher.update(zeros.subarray(0, Math.min(left, BLOCK)));
}

/** Whole numbers, each at least 0 and below the bound that it is asked with. */
export class SeededNumbers {
  readonly #seed: string;
  #count = 0;

  constructor(seed: string) {
    this.#seed = seed;
  }

  below(bound: number): number {
    const digest = createHash('sha256')
      .update(`${this.#seed}/${this.#count++}`)
      .digest();
    // 48 bits against bounds below 2^40: the bias is below 1 in 256, and nothing here minds.
    return digest.readUIntBE(0, 6) % bound;
  }

  /** `count` different ones of `items`, or all of them. */
  choose<T>(items: readonly T[], count: number): T[] {
    const pool = [...items];
    const wanted = Math.min(count, pool.length);
    for (let i = 0; i < wanted; i++) {
      const other = i + this.below(pool.length - i);
      [pool[i], pool[other]] = [pool[other]!, pool[i]!];
    }
    return pool.slice(0, wanted);
  }
}
