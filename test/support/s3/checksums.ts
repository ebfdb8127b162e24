/**
 * The checksums of S3 (`x-amz-checksum-*`): five algorithms, of one body, and the composite form for parts. Computes and
 * compares; where they come from is payload.ts.
 */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** The algorithms by their names in S3's API. */
export type ChecksumAlgorithm = 'CRC32' | 'CRC32C' | 'CRC64NVME' | 'SHA1' | 'SHA256';

export const CHECKSUM_ALGORITHMS: readonly ChecksumAlgorithm[] = ['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'];

/** A checksum as it is kept with an object. `value` is base64, with `-` and the number of parts when composite. */
export interface Checksum {
  readonly algorithm: ChecksumAlgorithm;
  readonly type: 'FULL_OBJECT' | 'COMPOSITE';
  readonly value: string;
}

/** The header of an algorithm. */
export function checksumHeader(algorithm: ChecksumAlgorithm): string {
  return `x-amz-checksum-${algorithm.toLowerCase()}`;
}

/** Bytes of a checksum. */
export function checksumLength(algorithm: ChecksumAlgorithm): number {
  return { CRC32: 4, CRC32C: 4, CRC64NVME: 8, SHA1: 20, SHA256: 32 }[algorithm];
}

/** The checksum of some bytes, in base64. */
export function checksumOf(algorithm: ChecksumAlgorithm, chunks: readonly Uint8Array[]): string {
  if (algorithm === 'SHA1' || algorithm === 'SHA256') {
    const hash = createHash(algorithm.toLowerCase());
    for (const chunk of chunks) hash.update(chunk);
    return hash.digest('base64');
  }
  if (algorithm === 'CRC64NVME') return crc64nvme(chunks).toString('base64');
  const bytes = Buffer.alloc(4);
  let value = 0;
  for (const chunk of chunks) value = algorithm === 'CRC32' ? crc32(chunk, value) : crc32c(chunk, value);
  bytes.writeUInt32BE(value >>> 0);
  return bytes.toString('base64');
}

/** The composite checksum of parts: the checksum of their checksums, and their number. */
export function compositeOf(algorithm: ChecksumAlgorithm, parts: readonly string[]): string {
  const joined = Buffer.concat(parts.map((part) => Buffer.from(part, 'base64')));
  return `${checksumOf(algorithm, [joined])}-${parts.length}`;
}

/** The CRC-32C (Castagnoli) of some bytes, going on from `seed`. */
export function crc32c(bytes: Uint8Array, seed = 0): number {
  let crc = ~seed;
  for (const byte of bytes) crc = (crc >>> 8) ^ CRC32C_TABLE[(crc ^ byte) & 0xff]!;
  return ~crc >>> 0;
}

const CRC32C_TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  return value;
});

/** The CRC-64/NVME, as two tables of 32-bit halves (reflected polynomial 9a6c9329ac4bc9b5). */
function crc64nvme(chunks: readonly Uint8Array[]): Buffer {
  let high = 0xffffffff;
  let low = 0xffffffff;
  for (const chunk of chunks) {
    for (const byte of chunk) {
      const index = (low ^ byte) & 0xff;
      low = ((low >>> 8) | (high << 24)) ^ CRC64_LOW[index]!;
      high = (high >>> 8) ^ CRC64_HIGH[index]!;
    }
  }
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32BE(~high >>> 0, 0);
  bytes.writeUInt32BE(~low >>> 0, 4);
  return bytes;
}

function crc64Entry(index: number): bigint {
  let value = BigInt(index);
  for (let bit = 0; bit < 8; bit++) value = value & 1n ? (value >> 1n) ^ 0x9a6c9329ac4bc9b5n : value >> 1n;
  return value;
}

const CRC64_HIGH = Uint32Array.from({ length: 256 }, (_, index) => Number(crc64Entry(index) >> 32n));
const CRC64_LOW = Uint32Array.from({ length: 256 }, (_, index) => Number(crc64Entry(index) & 0xffffffffn));
