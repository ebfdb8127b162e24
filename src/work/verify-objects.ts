/**
 * Verify, the small objects that stand alone: marker, recovery texts, key files, claims, states of thaw jobs. Each is
 * opened and read as strictly as by whoever uses it.
 */
import { damage } from '../base/errors.ts';
import { mapOrdered } from '../base/limit.ts';
import type { Monitor } from '../base/monitor.ts';
import { decodeClaim } from '../format/claim.ts';
import { MARKER_NAME, RECOVERY_NAME, RECOVERY_SCRIPT_NAME } from '../format/layout.ts';
import { encodeMarker, findMarker } from '../repo/marker.ts';
import { splitHeader } from '../seal/age-header.ts';
import { NONCE_LENGTH, plainLength } from '../seal/age-stream.ts';
import { findingOf, listObjects, loadFresh, type VerifyContext } from './verify-context.ts';

/** The shortest key file that could hold keys: a header, and a bundle of some hundred bytes. */
const MIN_KEY_FILE = 512;

/** Checks the marker, the recovery texts and the key files. */
export async function checkPlainObjects(context: VerifyContext, monitor: Monitor): Promise<void> {
  const { repo, findings } = context;
  await findingOf(context, MARKER_NAME, async () => {
    const id = await findMarker(repo.store);
    const bytes = await repo.store.get(MARKER_NAME, undefined, context.signal);
    if (id === repo.id && bytes && encodeMarker(id).equals(bytes)) return;
    const what =
      id === undefined ? 'is missing' : id === repo.id ? 'is not what was written' : 'names another repository';
    throw damage('marker-mismatch', `${MARKER_NAME}: ${what}`, { object: MARKER_NAME });
  });
  for (const name of [RECOVERY_NAME, RECOVERY_SCRIPT_NAME]) {
    const bytes = await repo.store.get(name, undefined, context.signal);
    if (bytes && bytes.length > 0) continue;
    // No backup needs them: not damage, but somebody will look for them on a bad day.
    monitor.problem({
      severity: 'warning',
      code: 'recovery-missing',
      message: `${name} is ${bytes ? 'empty' : 'missing'}: the repository does not say how to restore from it without this program`,
      object: name,
    });
  }
  const keys = await listObjects(context, 'keys/');
  if (keys.length === 0)
    findings.add('keys/', 'keys-missing', 'there is no key file: no passphrase opens this repository');
  for (const { name } of keys) await findingOf(context, name, () => checkKeyFile(context, name));
}

/** Whether the passphrase opens it cannot be said without the passphrase. */
async function checkKeyFile({ repo, signal }: VerifyContext, name: string): Promise<void> {
  const file = await repo.store.get(name, undefined, signal);
  if (!file) throw damage('object-missing', `${name} is missing`, { object: name });
  const { payloadOffset } = splitHeader(file, name);
  plainLength(file.length - payloadOffset - NONCE_LENGTH, name);
  if (file.length < MIN_KEY_FILE) throw damage('key-file', `${name}: is too short to hold keys`, { object: name });
}

/** Checks claims and states of thaw jobs: nothing in them is needed by a snapshot, but prune and thaw go by them. */
export async function checkClaims(context: VerifyContext): Promise<void> {
  const { repo } = context;
  const objects = [...(await listObjects(context, 'claims/')), ...(await listObjects(context, 'thaw/'))];
  const checks = mapOrdered(objects, repo.store.concurrency, ({ name, parsed }) =>
    findingOf(context, name, async () => {
      if (parsed.kind === 'thaw') return void (await loadFresh(context, 'thaw', name));
      const claim = await repo.objects.load('claim', name, { cache: false });
      // A prune may have swept it since it was listed.
      if (claim) decodeClaim(claim.payload, name);
    }),
  );
  for await (const _ of checks);
}
