/**
 * Claim: what a running backup relies on, at `claims/<sid>/<k>`. Owns its fields and their strict reading. By its
 * name alone claim 0 protects the packs of its own session; it may name foreign packs as well, those that the parent is
 * known to need. Each later one names all foreign packs that the session relies on: the last one says it all. A claim is inert as soon as
 * its session has a snapshot or a revocation.
 */
import { damage } from '../base/errors.ts';
import type { SessionId } from '../base/ids.ts';
import { parseJsonObject, readInteger, refuseOtherFields } from '../base/json.ts';
import {
  checkVersion,
  encodePackRanges,
  MAX_SMALL_OBJECT_BYTES,
  type PackRanges,
  readPackRanges,
  readSessionId,
} from './fields.ts';
import { MAX_NUMBER, parseName } from './layout.ts';

/** Which packs of other sessions must stay. */
export interface Claim {
  readonly sid: SessionId;
  /** The number in its name. */
  readonly k: number;
  readonly packs: PackRanges;
  readonly meta: PackRanges;
}

const FIELDS: ReadonlySet<string> = new Set(['claim', 'sid', 'k', 'packs', 'meta']);
const LIMITS = { maxLength: MAX_SMALL_OBJECT_BYTES, maxDepth: 5 };

/** Writes a claim as JSON. */
export function encodeClaim({ sid, k, packs, meta }: Claim): Buffer {
  const ranges = { packs: encodePackRanges(packs), meta: encodePackRanges(meta) };
  return Buffer.from(JSON.stringify({ claim: 1, sid, k, ...ranges }), 'utf8');
}

/**
 * Reads a claim.
 * @param object its name in the repository, which must agree with what is inside
 * @throws damage: `json-field`, `newer-format`, `object-mismatch`, or what base/json.ts says
 */
export function decodeClaim(bytes: Uint8Array, object: string): Claim {
  const from = parseJsonObject(bytes, LIMITS, object);
  checkVersion(from, 'claim', object);
  refuseOtherFields(from, FIELDS, object);
  const claim: Claim = {
    sid: readSessionId(from, 'sid', object),
    k: readInteger(from, 'k', object, 0, MAX_NUMBER),
    packs: readPackRanges(from, 'packs', object),
    meta: readPackRanges(from, 'meta', object),
  };
  const name = parseName(object);
  if (name?.kind === 'claim' && (name.sid !== claim.sid || name.number !== claim.k)) {
    throw damage('object-mismatch', `${object}: is another claim`, { object });
  }
  return claim;
}
