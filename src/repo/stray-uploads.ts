/**
 * Uploads of this host that nobody will end: their parts are stored and billed, and no listing shows them. A run that
 * was killed in the middle of a pack leaves such; the next one ends them, for its own sessions only.
 */
import { IcecoreError } from '../base/errors.ts';
import type { SessionId } from '../base/ids.ts';
import { sessionPrefix } from '../format/layout.ts';
import type { Bucket, UnfinishedUpload } from '../store/bucket.ts';
import type { BegunSessions } from './begun-sessions.ts';
import type { Repository } from './repository.ts';

/**
 * Ends the uploads of dead sessions of this host. That it may not, or cannot, is a warning: nothing depends on it.
 * @throws `cancelled`
 */
export async function abortStrayUploads(repo: Repository, begun: BegunSessions, signal: AbortSignal): Promise<void> {
  const { bucket } = repo.store;
  if (!bucket) return;
  for (const sid of begun.dead()) {
    try {
      await abortUploadsOf(sid, bucket, signal);
      begun.end(sid);
    } catch (error) {
      if (!(error instanceof IcecoreError) || error.kind !== 'store') throw error;
      // What is refused today is refused tomorrow: said once, and not at every run.
      if (isRefusal(error)) for (const other of begun.dead()) begun.end(other);
      repo.monitor.problem({
        severity: 'warning',
        code: 'stray-uploads',
        message: `cannot end the uploads that a killed run left: ${error.message}`,
        hint: 'let this host list and abort multipart uploads, or have a lifecycle rule abort incomplete ones',
      });
      return;
    }
  }
}

async function abortUploadsOf(sid: SessionId, bucket: Bucket, signal: AbortSignal): Promise<void> {
  for (const kind of ['pack', 'meta'] as const) {
    // Collected before: a listing need not bear that its pages change. A session has a few at a time.
    const uploads: UnfinishedUpload[] = [];
    for await (const upload of bucket.unfinishedUploads(sessionPrefix(kind, sid), signal)) uploads.push(upload);
    for (const upload of uploads) await bucket.abortUpload(upload, signal);
  }
}

/** True when the store answered that it will not (no permission, no such call), and did not merely fail. */
function isRefusal({ data }: IcecoreError): boolean {
  const status = Number(data.status);
  return (status >= 400 && status < 500 && status !== 429) || status === 501;
}
