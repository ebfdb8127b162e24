/**
 * Creates the decision record of a session: the one object that says whether there is a snapshot. A store may lose its
 * answer; then what it holds is the answer.
 */
import { damage, isIcecoreError } from '../base/errors.ts';
import { decodeDecision } from '../format/snapshot.ts';
import type { SealHeader } from '../seal/age-header.ts';
import type { Repository } from './repository.ts';

/**
 * Stores a snapshot as the decision of its session, create-only.
 * @returns the hash of the stored object; undefined when the session was revoked
 * @throws `store` when it is not there and could not be stored; damage `session-taken`
 */
export async function saveDecision(
  repo: Repository,
  name: string,
  payload: Uint8Array,
  header: SealHeader,
): Promise<string | undefined> {
  const { objects } = repo;
  let failure: unknown;
  try {
    const result = await objects.save('snapshot', name, payload, header, { cache: true });
    if (result.outcome === 'stored') return result.hash;
  } catch (error) {
    if (!isIcecoreError(error, 'store')) throw error;
    failure = error;
  }
  const found = await objects.load('snapshot', name, { cache: false }).catch((error: unknown) => {
    throw failure ?? error;
  });
  if (!found) throw failure ?? damage('object-missing', `${name} is missing`, { object: name });
  if (Buffer.from(found.payload).equals(payload)) return found.hash;
  if (decodeDecision(found.payload, name).type === 'revoked') return undefined;
  throw damage('session-taken', `${name} is somebody else's snapshot`, { object: name });
}
