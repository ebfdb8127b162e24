/**
 * Times as the kernel takes them: two `struct timespec` of 64-bit seconds and nanoseconds, in a buffer that is filled
 * again for every file. Pure. It exists because a restore sets a time on every file, and BigInt division allocates.
 */

const SECOND = 1_000_000_000;
const OUT_OF_FAST = 1n << 62n;
/** Where every file system keeps whole seconds: 32 bits, signed from below, unsigned from above. */
const SAFE_FROM = -2_147_483_648n * 1_000_000_000n;
const SAFE_TO = 2_147_483_648n * 1_000_000_000n;
const SECONDS_LIMIT = (1n << 63n) - 1n;
const LOW = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 0 : 1;

/** True where some file systems cannot keep the time: before 1901 or after 2038. Then it is read back and compared. */
export function isRiskyTime(nanoseconds: bigint): boolean {
  return nanoseconds < SAFE_FROM || nanoseconds >= SAFE_TO;
}

/** Access and modification time for futimens. */
export class TimePair {
  /** 32 bytes: what the kernel reads. */
  readonly bytes: Uint8Array;
  readonly #words: Int32Array;
  readonly #longs: BigInt64Array;
  readonly #scratch = new BigInt64Array(1);
  readonly #scratchWords = new Int32Array(this.#scratch.buffer);
  readonly #omit: bigint;

  /** `omit` is the system's UTIME_OMIT. */
  constructor(omit: bigint) {
    const buffer = new ArrayBuffer(32);
    this.bytes = new Uint8Array(buffer);
    this.#words = new Int32Array(buffer);
    this.#longs = new BigInt64Array(buffer);
    this.#omit = omit;
  }

  /** Takes both times, in nanoseconds since 1970 (negative before); an access time of undefined stays as it is. */
  fill(atime: bigint | undefined, mtime: bigint): void {
    if (atime === undefined) {
      this.#longs[0] = 0n;
      this.#longs[1] = this.#omit;
    } else {
      this.#set(0, atime);
    }
    this.#set(2, mtime);
  }

  #set(index: number, time: bigint): void {
    if (time >= OUT_OF_FAST || time <= -OUT_OF_FAST) {
      this.#setSlowly(index, time);
      return;
    }
    this.#scratch[0] = time;
    const low = this.#scratchWords[LOW]!;
    const high = this.#scratchWords[1 - LOW]!;
    // The quotient of doubles is off by one second at most; the remainder, exact in 32 bits, tells.
    let seconds = Math.floor((high * 4_294_967_296 + (low >>> 0)) / SECOND);
    let rest = (low - Math.imul(seconds | 0, SECOND)) | 0;
    if (rest < 0) {
      rest += SECOND;
      seconds -= 1;
    } else if (rest >= SECOND) {
      rest -= SECOND;
      seconds += 1;
    }
    const word = 2 * index;
    this.#words[word + LOW] = seconds | 0;
    this.#words[word + 1 - LOW] = Math.floor(seconds / 4_294_967_296);
    this.#words[word + 2 + LOW] = rest;
    this.#words[word + 3 - LOW] = 0;
  }

  #setSlowly(index: number, time: bigint): void {
    const unit = BigInt(SECOND);
    const rest = ((time % unit) + unit) % unit;
    const seconds = (time - rest) / unit;
    const isBeyond = seconds > SECONDS_LIMIT || seconds < -SECONDS_LIMIT;
    this.#longs[index] = isBeyond ? (seconds < 0n ? -SECONDS_LIMIT : SECONDS_LIMIT) : seconds;
    this.#longs[index + 1] = rest;
  }
}
