/**
 * Identifiers of format 1: session ids (ULIDs), repository ids, chunk ids, and the dense numbers in object names.
 */
import { IcecoreError } from './errors.ts';

/** 26 characters of Crockford base32: 48 bits of milliseconds, 80 random bits. Sorts by time. */
export type SessionId = string & { readonly __sid: true };
/** 32 lower-case hex digits. */
export type RepoId = string & { readonly __repo: true };
/** HMAC-SHA-256 of a chunk's plaintext, as 64 lower-case hex digits. */
export type ChunkId = string & { readonly __chunk: true };

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const SESSION_ID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;

/**
 * Makes a session id from a time in milliseconds and 10 random bytes.
 * @throws IcecoreError `bug` when fewer than 10 random bytes are given.
 */
export function makeSessionId(milliseconds: number, random: Uint8Array): SessionId {
  if (random.length < 10) throw new IcecoreError('bug', 'session-id', 'a session id takes 10 random bytes');
  let time = Math.max(0, Math.floor(milliseconds));
  let head = '';
  for (let i = 0; i < 10; i++) {
    head = CROCKFORD[time % 32] + head;
    time = Math.floor(time / 32);
  }
  let tail = '';
  let bits = 0;
  let held = 0;
  for (let i = 0; i < 10; i++) {
    bits = (bits << 8) | random[i]!;
    held += 8;
    while (held >= 5) {
      held -= 5;
      tail += CROCKFORD[(bits >>> held) & 31];
    }
    bits &= (1 << held) - 1;
  }
  return (head + tail) as SessionId;
}

/** The milliseconds that a session id carries. The writer's clock made them: for display, never for decisions. */
export function sessionTime(sid: SessionId): number {
  let time = 0;
  for (let i = 0; i < 10; i++) time = time * 32 + CROCKFORD.indexOf(sid[i]!);
  return time;
}

/** True for a well-formed session id. */
export function isSessionId(text: string): text is SessionId {
  return SESSION_ID.test(text);
}

/** True for a well-formed repository id. */
export function isRepoId(text: string): text is RepoId {
  return /^[0-9a-f]{32}$/.test(text);
}

/** True for a well-formed chunk id. */
export function isChunkId(text: string): text is ChunkId {
  return /^[0-9a-f]{64}$/.test(text);
}

/** A counter in an object name: decimal, padded to 8 digits. */
export function padNumber(n: number): string {
  return String(n).padStart(8, '0');
}
