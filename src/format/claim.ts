/**
 * Claim: what a running backup relies on, at `claims/<sid>/<k>`. Owns its fields and their strict reading. Claim 0
 * names nothing: by its name alone it protects the packs of its own session. Later ones name the foreign packs that
 * the session has deduplicated against, all of them each time: the last one says it all. A claim is inert as soon as
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
