/**
 * Object Lock: what a PUT in a bucket with locks must have and gets, what may be deleted, and the calls that read and
 * set retention and legal holds.
 */
import { type Answer, emptyAnswer, xmlAnswer } from './answer.ts';
import type { BucketState, ObjectVersion, VersionAttributes } from './bucket.ts';
import { bucketOf, type Context, findVersion, keyOf, mayDo } from './context.ts';
import { invalidArgument, S3Error } from './errors.ts';
import { malformed, readXml } from './xml.ts';

const DAY_MS = 86_400_000;
const MODES = ['GOVERNANCE', 'COMPLIANCE'];

/** Retention and hold of a new object: by its headers, or the bucket's default. @throws S3Error */
export function lockOf(
  { request, world }: Context,
  bucket: BucketState,
): Pick<VersionAttributes, 'retention'> & {
  hasLegalHold: boolean;
} {
  const mode = request.header('x-amz-object-lock-mode');
  const until = request.header('x-amz-object-lock-retain-until-date');
  const hold = request.header('x-amz-object-lock-legal-hold');
  const lock = bucket.settings.objectLock;
  if ((mode ?? until ?? hold) !== undefined && lock === undefined) throw noLock();
  if ((mode === undefined) !== (until === undefined)) {
    throw invalidArgument('x-amz-object-lock-mode', mode, 'Mode and date of a retention come together');
  }
  const hasLegalHold = hold === 'ON';
  if (mode !== undefined) return { retention: retentionOf(mode, until!, world.clock.now()), hasLegalHold };
  if (lock?.days === undefined) return { hasLegalHold };
  const retention = { mode: lock.mode ?? 'GOVERNANCE', until: world.clock.now() + lock.days * DAY_MS };
  return { retention, hasLegalHold };
}

/** A body that will be retained must come with a checksum or Content-MD5. @throws InvalidRequest */
export function checkLockedPayload({ payload, request }: Context, bucket: BucketState, what: 'Object' | 'Part'): void {
  const isLocked =
    bucket.settings.objectLock?.days !== undefined || request.header('x-amz-object-lock-mode') !== undefined;
  if (!isLocked || payload.hasContentMd5 || payload.checksum !== undefined) return;
  throw new S3Error('InvalidRequest', {
    message: `Content-MD5 OR x-amz-checksum- HTTP header is required for Put ${what} requests with Object Lock parameters`,
  });
}

/** Makes sure that a version may be removed for good. @throws AccessDenied while it is retained or held */
export function checkRemovable(context: Context, version: ObjectVersion): void {
  const { world, request } = context;
  if (version.hasLegalHold) throw protectedError();
  const { retention } = version;
  if (retention === undefined || retention.until <= world.clock.now()) return;
  const isBypassed =
    retention.mode === 'GOVERNANCE' &&
    request.header('x-amz-bypass-governance-retention') === 'true' &&
    mayDo(context, 's3:BypassGovernanceRetention', version.key);
  if (!isBypassed) throw protectedError();
}

/** GetObjectRetention */
export function getObjectRetention(context: Context): Answer {
  const { retention } = lockedVersion(context);
  if (retention === undefined) {
    throw new S3Error('NoSuchObjectLockConfiguration', { message: 'The object has no retention' });
  }
  return xmlAnswer('Retention', [
    ['Mode', retention.mode],
    ['RetainUntilDate', new Date(retention.until).toISOString()],
  ]);
}

/** PutObjectRetention: it may be made longer; shorter only as {@link checkRemovable} allows removal. */
export function putObjectRetention(context: Context): Answer {
  const version = lockedVersion(context);
  const document = readXml(context.payload.content.bytes(), 'Retention');
  const mode = document.get('Mode') ?? '';
  const next = retentionOf(mode, document.get('RetainUntilDate') ?? '', context.world.clock.now());
  const { retention } = version;
  const isWeaker =
    retention !== undefined &&
    (next.until < retention.until || (retention.mode === 'COMPLIANCE' && next.mode !== retention.mode));
  if (isWeaker) checkRemovable(context, { ...version, hasLegalHold: false });
  version.retention = next;
  return emptyAnswer(200);
}

/** GetObjectLegalHold */
export function getObjectLegalHold(context: Context): Answer {
  return xmlAnswer('LegalHold', [['Status', lockedVersion(context).hasLegalHold ? 'ON' : 'OFF']]);
}

/** PutObjectLegalHold */
export function putObjectLegalHold(context: Context): Answer {
  const version = lockedVersion(context);
  const status = readXml(context.payload.content.bytes(), 'LegalHold').get('Status');
  if (status !== 'ON' && status !== 'OFF') throw malformed();
  version.hasLegalHold = status === 'ON';
  return emptyAnswer(200);
}

function lockedVersion(context: Context): ObjectVersion {
  if (bucketOf(context).settings.objectLock === undefined) throw noLock();
  return findVersion(context, keyOf(context), context.request.query.get('versionId'));
}

function retentionOf(mode: string, date: string, now: number): NonNullable<ObjectVersion['retention']> {
  const until = Date.parse(date);
  if (!MODES.includes(mode)) throw malformed();
  if (Number.isNaN(until) || until <= now) {
    throw invalidArgument('x-amz-object-lock-retain-until-date', date, 'The retain until date must be in the future');
  }
  return { mode, until };
}

const noLock = (): S3Error => new S3Error('InvalidRequest', { message: 'Bucket is missing Object Lock Configuration' });

const protectedError = (): S3Error =>
  new S3Error('AccessDenied', { message: 'Access Denied because object protected by object lock.' });
