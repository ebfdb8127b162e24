/**
 * The tar inside packs: one plain POSIX ustar member for each chunk, so that any tar unpacks what zstd gives. Owns the
 * headers, their strict parsing and the walk over a frame; does not compress, and does not know what a chunk holds.
 *
 * A header is 512 bytes: name (100) mode (8) uid (8) gid (8) size (12) mtime (12) checksum (8) type (1) linkname (100)
 * magic "ustar\0" version "00" uname (32) gname (32) devmajor (8) devminor (8) prefix (155), the rest zeros. Numbers are
 * octal digits ended by NUL, except the checksum (six digits, NUL, space): the sum of all bytes of the header with the
 * checksum itself taken as spaces. Format 1 fixes everything but name and size: a header is right when it is, byte for
 * byte, what this file would write.
 */
import { bug, damage } from '../base/errors.ts';
import { type ChunkId, isChunkId } from '../base/ids.ts';

/** Headers are this long, and content is padded with zeros to a multiple of it. */
export const TAR_BLOCK = 512;
/** Length of what ends a tar: two blocks of zeros. */
export const TAR_END_LENGTH = 1024;
/** The member that holds a pack's table of contents. */
export const TOC_MEMBER = 'toc.jsonl';

const SIZE_OFFSET = 124;
const CHECKSUM_OFFSET = 148;
const MAX_SIZE = 8 ** 11 - 1;
const TEMPLATE = makeTemplate();
const TEMPLATE_SUM = sum(TEMPLATE);

/** A member of a tar: its name, and where its content lies in the buffer that was walked. */
export interface TarMember {
  readonly name: string;
  readonly offset: number;
  readonly length: number;
}

/** The zeros after content of this length. */
export function tarPadding(length: number): number {
  return (TAR_BLOCK - (length % TAR_BLOCK)) % TAR_BLOCK;
}

/** Length of a member: header, content, padding. */
export function tarMemberLength(length: number): number {
  return TAR_BLOCK + length + tarPadding(length);
}

/** Writes the 512 bytes of a chunk's header. `id` is 64 hex digits. */
export function writeChunkHeader(target: Uint8Array, offset: number, id: ChunkId, length: number): void {
  writeMemberHeader(target, offset, id, length);
}

/**
 * Writes the 512 bytes of a member's header.
 * @throws bug when the name is not 1 to 99 ASCII characters, the length takes more than 11 octal digits, or the target
 * is too short
 */
export function writeMemberHeader(target: Uint8Array, offset: number, name: string, length: number): void {
  if (name.length === 0 || name.length > 99 || !(length >= 0 && length <= MAX_SIZE)) throw bug('not a tar header');
  if (offset + TAR_BLOCK > target.length) throw bug('no room for a tar header');
  target.set(TEMPLATE, offset);
  let checksum = TEMPLATE_SUM;
  for (let i = 0; i < name.length; i++) {
    const c = name.charCodeAt(i);
    target[offset + i] = c;
    checksum += c;
  }
  // Division, not shifts: a length may pass 2^32.
  for (let i = SIZE_OFFSET + 10, rest = length; rest > 0; i--, rest = Math.floor(rest / 8)) {
    target[offset + i] = 0x30 + (rest % 8);
    checksum += rest % 8;
  }
  for (let i = CHECKSUM_OFFSET + 5, rest = checksum; i >= CHECKSUM_OFFSET; i--, rest >>>= 3) {
    target[offset + i] = 0x30 + (rest & 7);
  }
}

/**
 * Parses the header at `offset`; the member's content follows it.
 * @returns undefined for a block of zeros, which ends a tar
 * @throws damage `tar-truncated`, `tar-header` unless the header is exactly what {@link writeMemberHeader} writes for
 * a chunk or the table of contents
 */
export function parseMemberHeader(bytes: Uint8Array, offset: number, object: string): TarMember | undefined {
  if (offset + TAR_BLOCK > bytes.length) throw damage('tar-truncated', `${object}: ends in a tar header`, { object });
  const header = Buffer.from(bytes.buffer, bytes.byteOffset + offset, TAR_BLOCK);
  if (header[0] === 0 && isZero(header)) return undefined;
  const nameEnd = header.indexOf(0);
  const name = header.toString('latin1', 0, nameEnd < 0 || nameEnd > 99 ? 0 : nameEnd);
  const digits = header.toString('latin1', SIZE_OFFSET, SIZE_OFFSET + 11);
  if ((isChunkId(name) || name === TOC_MEMBER) && /^[0-7]{11}$/.test(digits)) {
    const length = Number.parseInt(digits, 8);
    const expected = Buffer.alloc(TAR_BLOCK);
    writeMemberHeader(expected, 0, name, length);
    if (expected.equals(header)) return { name, offset: offset + TAR_BLOCK, length };
  }
  throw damage('tar-header', `${object}: holds a tar header that is not of format 1`, { object });
}

/**
 * Walks the decompressed content of one frame: whole members, then nothing or the two zero blocks that end the tar.
 * @returns the members in order
 * @throws damage `tar-truncated`, `tar-header`, `tar-padding`
 */
export function walkTar(bytes: Uint8Array, object: string): TarMember[] {
  const members: TarMember[] = [];
  for (let at = 0; at < bytes.length; ) {
    const member = parseMemberHeader(bytes, at, object);
    if (!member) {
      if (bytes.length - at === TAR_END_LENGTH && isZero(bytes.subarray(at))) return members;
      throw damage('tar-padding', `${object}: holds something else than zeros after the last member`, { object });
    }
    const end = member.offset + member.length;
    at = end + tarPadding(member.length);
    if (at > bytes.length) throw damage('tar-truncated', `${object}: ends in a tar member`, { object });
    if (!isZero(bytes.subarray(end, at))) {
      throw damage('tar-padding', `${object}: holds padding that is not zero`, { object });
    }
    members.push(member);
  }
  return members;
}

function makeTemplate(): Uint8Array {
  const header = Buffer.alloc(TAR_BLOCK);
  header.write('0000600\0', 100, 'latin1');
  header.write('0000000\0', 108, 'latin1');
  header.write('0000000\0', 116, 'latin1');
  header.write('00000000000\0', SIZE_OFFSET, 'latin1');
  header.write('00000000000\0', 136, 'latin1');
  header.write('      \0 ', CHECKSUM_OFFSET, 'latin1');
  header.write('0', 156, 'latin1');
  header.write('ustar\x0000', 257, 'latin1');
  header.write('0000000\0', 329, 'latin1');
  header.write('0000000\0', 337, 'latin1');
  return header;
}

/** The sum of a header's bytes, its checksum taken as eight spaces. */
function sum(header: Uint8Array): number {
  let total = 0;
  for (let i = 0; i < TAR_BLOCK; i++) {
    const isChecksum = i >= CHECKSUM_OFFSET && i < CHECKSUM_OFFSET + 8;
    total += isChecksum ? 0x20 : header[i]!;
  }
  return total;
}

function isZero(bytes: Uint8Array): boolean {
  for (const byte of bytes) if (byte !== 0) return false;
  return true;
}
