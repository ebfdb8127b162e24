/**
 * `doctor`: runs all checks, one after the other, and hands over what they find as they find it. Owns the order, and
 * what a check that fails itself means. Asks for no passphrase and changes nothing but probes.
 */
import type { Clock } from '../base/clock.ts';
import { IcecoreError, isIcecoreError, throwIfAborted } from '../base/errors.ts';
import type { RepoId } from '../base/ids.ts';
import { silentMonitor } from '../base/monitor.ts';
import type { LocalPlaces } from '../repo/access.ts';
import { findMarker } from '../repo/marker.ts';
import { openRepository, type Repository } from '../repo/repository.ts';
import { MeteredStore } from '../store/meter.ts';
import { type RequestStats, requestStatsOf } from '../store/request-counts.ts';
import { PART_BYTES } from '../store/s3-options.ts';
import type { Store } from '../store/store.ts';
import { bucketChecks } from './doctor-bucket.ts';
import {
  type Check,
  type CheckGroup,
  type DoctorFinding,
  problem,
  type Severity,
  type Verdict,
} from './doctor-check.ts';
import { folderChecks } from './doctor-folder.ts';
import { hostChecks } from './doctor-host.ts';
import { permissionChecks } from './doctor-permissions.ts';
import { repositoryChecks } from './doctor-repository.ts';
import { storeChecks } from './doctor-store.ts';
import { DoctorWorld } from './doctor-world.ts';

/** All checks, in the order in which they run: what is near and cheap first. */
export const CHECK_GROUPS: readonly CheckGroup[] = [
  hostChecks,
  repositoryChecks,
  permissionChecks,
  folderChecks,
  bucketChecks,
  storeChecks,
];

/** What `doctor` may be told. */
export interface DoctorOptions {
  readonly places: LocalPlaces;
  readonly clock: Clock;
  /** A key that the user names; else this host's own. One that needs a passphrase is left alone. */
  readonly keyFile?: string;
  /** Rounds of races: 10 by default. */
  readonly rounds?: number;
  /** Size of the upload in parts: by default just more than one part. */
  readonly multipartBytes?: number;
}

/** What `doctor` found, and what it asked of the store. */
export interface DoctorStats extends RequestStats {
  readonly counts: Readonly<Record<Severity, number>>;
  readonly bytesSent: number;
  readonly seconds: number;
}

const ROUNDS = 10;
/** Two parts of the S3 store. */
const MULTIPART_BYTES = PART_BYTES + 500_000;

/**
 * Runs all checks.
 * @param report is called for each finding, in order
 * @throws `cancelled`, and what the store throws when it cannot be reached at all
 */
export async function runDoctor(
  store: Store,
  options: DoctorOptions,
  report: (finding: DoctorFinding) => void,
  signal: AbortSignal,
): Promise<DoctorStats> {
  const { clock } = options;
  const started = clock.monotonic();
  const meter = new MeteredStore(store);
  const counts: Record<Severity, number> = { ok: 0, note: 0, warning: 0, error: 0 };
  const opened = await open(meter, options);
  try {
    const world = new DoctorWorld({
      // With the tags of its objects: a bucket may refuse those without.
      store: opened.repository?.store ?? meter,
      places: options.places,
      clock,
      signal,
      ...opened,
      rounds: options.rounds ?? ROUNDS,
      multipartBytes: options.multipartBytes ?? MULTIPART_BYTES,
    });
    for (const { name, checks } of CHECK_GROUPS) {
      for (const check of checks) {
        throwIfAborted(signal);
        for (const verdict of await runCheck(check, world)) {
          counts[verdict.severity]++;
          report({ group: name, code: check.code, ...verdict });
        }
      }
    }
  } finally {
    await opened.repository?.close();
  }
  const seconds = (clock.monotonic() - started) / 1000;
  return { counts, ...requestStatsOf(meter), bytesSent: meter.use.sentBytes, seconds };
}

interface Opened {
  readonly id: RepoId | undefined;
  readonly repository: Repository | undefined;
  readonly openFailure: IcecoreError | undefined;
}

/** Opens the repository as far as that goes without asking anybody. What stands in the way becomes a finding. */
async function open(store: Store, { places, clock, keyFile }: DoctorOptions): Promise<Opened> {
  let id: RepoId | undefined;
  try {
    id = await findMarker(store);
    if (id === undefined) return { id, repository: undefined, openFailure: undefined };
    const credentials = keyFile === undefined ? {} : { keyFile };
    const repository = await openRepository(store, {
      access: 'write',
      credentials,
      places,
      clock,
      monitor: silentMonitor,
    });
    return { id, repository, openFailure: undefined };
  } catch (error) {
    // A store that cannot even be read has nothing else to be asked.
    if (!(error instanceof IcecoreError) || ['cancelled', 'bug'].includes(error.kind)) throw error;
    if (error.kind === 'store' && id === undefined) throw error;
    return { id, repository: undefined, openFailure: error };
  }
}

async function runCheck(check: Check, world: DoctorWorld): Promise<readonly Verdict[]> {
  try {
    if (check.appliesTo && !(await check.appliesTo(world))) return [];
    return [await check.run(world)].flat();
  } catch (error) {
    if (!isIcecoreError(error) || error.kind === 'cancelled' || error.kind === 'bug') throw error;
    return [problem(error.message, error.hint)];
  }
}
