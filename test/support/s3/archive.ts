/**
 * Archived objects: which cannot be read, RestoreObject with its tiers and answers, how long a restore takes and when
 * the copy is gone again.
 */
import { type Answer, emptyAnswer } from './answer.ts';
import type { ObjectVersion, RestoreState } from './bucket.ts';
import { CLASSES, isArchive, type RestoreTier } from './classes.ts';
import { bucketOf, type Context, findVersion, keyOf } from './context.ts';
import { invalidArgument, S3Error } from './errors.ts';
import type { World } from './world.ts';
import { malformed, readXml } from './xml.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** Slowest first: a restore under way can only be made faster. */
const TIERS: readonly RestoreTier[] = ['Bulk', 'Standard', 'Expedited'];
/** The archive tiers of INTELLIGENT_TIERING, and the class whose latencies each has. */
const TIERING_CLASS = { ARCHIVE_ACCESS: 'GLACIER', DEEP_ARCHIVE_ACCESS: 'DEEP_ARCHIVE' } as const;

/** Brings the restore of a version up to date, and returns what is left of it. */
export function restoreOf(version: ObjectVersion, now: number): RestoreState | undefined {
  const { restore } = version;
  if (restore === undefined) return undefined;
  if (version.storageClass === 'INTELLIGENT_TIERING' && restore.ready <= now) {
    // It has moved back to the tier for frequent access, and stays.
    version.archiveTier = undefined;
    version.restore = undefined;
  } else if (restore.expires <= now) {
    version.restore = undefined;
  }
  return version.restore;
}

/** The x-amz-restore header, where there is one. */
export function restoreHeader(version: ObjectVersion, now: number): string | undefined {
  const restore = restoreOf(version, now);
  if (restore === undefined) return undefined;
  if (restore.ready > now) return 'ongoing-request="true"';
  return `ongoing-request="false", expiry-date="${new Date(restore.expires).toUTCString()}"`;
}

/** True when the bytes of a version can be read now. */
export function isReadable(world: World, version: ObjectVersion): boolean {
  const now = world.clock.now();
  const restore = restoreOf(version, now);
  return archiveClass(world, version) === undefined || (restore !== undefined && restore.ready <= now);
}

/** Makes sure that the bytes of a version can be read. @throws InvalidObjectState */
export function checkReadable(world: World, version: ObjectVersion): void {
  if (isReadable(world, version)) return;
  const tier = version.archiveTier;
  throw new S3Error('InvalidObjectState', {
    message: "The operation is not valid for the object's storage class",
    fields: { StorageClass: version.storageClass, ...(tier === undefined ? {} : { AccessTier: tier }) },
  });
}

/** The class whose restores a version needs, or undefined for one that is read at once. */
function archiveClass({ quirks }: World, version: ObjectVersion): string | undefined {
  const { storageClass, archiveTier } = version;
  if (quirks.onlineClasses.includes(storageClass)) return undefined;
  if (archiveTier !== undefined) return TIERING_CLASS[archiveTier];
  return isArchive(storageClass) ? storageClass : undefined;
}

/** RestoreObject */
export function restoreObject(context: Context): Answer {
  const { world, request, payload } = context;
  if (world.quirks.restore === 'none')
    throw new S3Error('NotImplemented', { message: 'There is no RestoreObject here' });
  bucketOf(context);
  const version = findVersion(context, keyOf(context), request.query.get('versionId'));
  const { days, tier } = wish(context, payload.content.bytes());
  const now = world.clock.now();
  const running = restoreOf(version, now);
  const archived = archiveClass(world, version);
  if (archived === undefined) {
    throw new S3Error('InvalidObjectState', {
      message: "Restore is not allowed for the object's current storage class",
      fields: { StorageClass: version.storageClass },
    });
  }
  const isTiering = version.archiveTier !== undefined;
  if (isTiering && days !== undefined) throw invalidArgument('Days', String(days), 'This class is restored for good');
  if (!isTiering && days === undefined) throw malformed('A restore needs Days');
  if (running !== undefined && running.ready <= now) return extended(context, version, running, days ?? 0);
  if (CLASSES[archived]!.tiers![tier] === undefined) {
    throw invalidArgument('Tier', tier, `Retrieval option is not supported by this storage class`);
  }
  if (running !== undefined && !isUpgrade(running, tier, days ?? 0)) {
    throw new S3Error('RestoreAlreadyInProgress', { message: 'Object restore is already in progress' });
  }
  if (tier === 'Expedited' && !world.hasExpeditedCapacity) {
    throw new S3Error('GlacierExpeditedRetrievalNotAvailable', {
      message: 'Glacier expedited retrievals are currently not available, please try again later',
    });
  }
  const ready = Math.min(now + latency(world, archived, tier), running?.ready ?? Number.POSITIVE_INFINITY);
  const expires = isTiering ? Number.POSITIVE_INFINITY : midnightAfter(ready + days! * DAY_MS);
  version.restore = { tier, days: days ?? 0, requested: now, ready, expires };
  world.meter.retrieved(version.storageClass, tier, version.content.size);
  if (!isTiering) world.meter.thawed(version, version.restore);
  return { ...emptyAnswer(202), storageClass: version.storageClass };
}

/** A restored copy is kept longer (or shorter): Days count from now. */
function extended({ world }: Context, version: ObjectVersion, running: RestoreState, days: number): Answer {
  version.restore = { ...running, days, expires: midnightAfter(world.clock.now() + days * DAY_MS) };
  world.meter.thawed(version, version.restore);
  return { ...emptyAnswer(200), storageClass: version.storageClass };
}

function isUpgrade(running: RestoreState, tier: RestoreTier, days: number): boolean {
  return TIERS.indexOf(tier) > TIERS.indexOf(running.tier) && days === running.days;
}

/** What the body of a RestoreObject asks for. */
function wish({ world }: Context, body: Buffer): { days: number | undefined; tier: RestoreTier } {
  const document = readXml(body, 'RestoreRequest');
  const text = document.get('Days');
  const days = text === undefined ? undefined : Number(text);
  if (days !== undefined && !(Number.isInteger(days) && days >= 1)) throw malformed('Days is a number from 1');
  const name = document.child('GlacierJobParameters')?.get('Tier') ?? document.get('Tier');
  if (name !== undefined && world.quirks.restore === 'days') {
    throw invalidArgument('Tier', name, 'This store has no retrieval tiers');
  }
  const tier = TIERS.find((candidate) => candidate === (name ?? 'Standard'));
  if (tier === undefined) throw malformed('Tier is Expedited, Standard or Bulk');
  return { days, tier };
}

function latency({ restoreLatency, random }: World, storageClass: string, tier: RestoreTier): number {
  const fixed = restoreLatency.fixed?.[storageClass]?.[tier];
  if (fixed !== undefined) return fixed;
  const { min, max } = CLASSES[storageClass]!.tiers![tier]!;
  const share = restoreLatency.seed === undefined ? 1 : random();
  return (min + share * (max - min)) * HOUR_MS;
}

/** The next midnight (UTC) at or after a time. */
function midnightAfter(time: number): number {
  return Math.ceil(time / DAY_MS) * DAY_MS;
}
