/**
 * The checks of `doctor` that write: whether the store keeps the promises that backups rely on, tried again and again.
 * All objects lie below `probe/` and are removed; credentials that may not delete leave two small ones behind, which the
 * admin's next `doctor` removes.
 */
import { formatBytes, formatCount } from '../base/units.ts';
import { PROBE_PREFIX } from '../format/layout.ts';
import {
  createProbe,
  findListed,
  hasRange,
  isSame,
  probeContent,
  probeName,
  type Race,
  raceCreators,
} from '../repo/probe-steps.ts';
import { type Check, type CheckGroup, note, ok, problem, type Verdict, warning } from './doctor-check.ts';
import type { DoctorWorld } from './doctor-world.ts';

const CREATORS = 8;
const RACE_BYTES = 1024;
const RANGED_BYTES = 200_000;
/** Offsets and lengths within {@link RANGED_BYTES}: the first byte, the last, the middle, and one that passes the end. */
const RANGES = [
  { offset: 0, length: 1 },
  { offset: RANGED_BYTES - 1, length: 1 },
  { offset: 65_530, length: 12 },
  { offset: RANGED_BYTES - 100, length: 1000 },
] as const;
/** Each creator sends all parts, so two of them are enough to tell. */
const MULTIPART_CREATORS = 2;
const CLASS_BYTES = 1000;
/** Whoever wrote a probe longer ago than this is not at it any more. */
const LEFT_AFTER_MS = 24 * 60 * 60 * 1000;

const canWrite = async (world: DoctorWorld): Promise<boolean> => (await world.mayWrite()) === 'allowed';
const canTry = async (world: DoctorWorld): Promise<boolean> =>
  (await canWrite(world)) && (await world.mayDelete()) === 'allowed';

const writes: Check = {
  code: 'writes',
  async run(world) {
    const may = await world.mayWrite();
    if (may === 'allowed') {
      if ((await world.mayDelete()) === 'allowed') return ok('objects can be written and removed');
      return note(
        'objects can be written, and these credentials may not remove them: tried in short, and two probes stay',
        'the rest is tried by a doctor with the credentials of the admin, who removes these probes too',
      );
    }
    if (may === 'denied') {
      // A machine that only restores has no key of its own.
      const isMeant = world.id !== undefined && (world.repository?.role ?? 'reader') === 'reader';
      return (isMeant ? note : problem)(
        'these credentials may not write: nothing was tried',
        isMeant ? undefined : 'icecore doctor --policy writer prints what a host that backs up needs',
      );
    }
    // Again, for the words of what went wrong.
    await createProbe(world.store, probeName(), probeContent(1), { signal: world.signal });
    return warning('the first try to write failed, and the second one did not', 'run doctor again');
  },
};

const races: Check = {
  code: 'create-only',
  appliesTo: canWrite,
  async run(world) {
    const isShort = !(await canTry(world));
    const rounds = isShort ? 1 : world.rounds;
    let broken = 0;
    const found: Verdict[] = [];
    for (let round = 0; round < rounds; round++) {
      const race = await raceCreators(world.store, probeName(), CREATORS, RACE_BYTES, { signal: world.signal });
      if (race.winners.length !== 1) broken++;
      found.push(...(await judgeObject(world, race)));
      if (!isShort) found.push(...(await removeAndLook(world, race.name)));
      if (found.length > 0) break;
    }
    return [
      broken === 0
        ? ok(`of ${CREATORS} creators of a name one wins, ${times(rounds)}`)
        : tooMany(world, broken, rounds),
      ...found,
    ];
  },
};

/** What is wrong with an object that was just created, if anything. */
async function judgeObject(world: DoctorWorld, { name, winners }: Race): Promise<Verdict[]> {
  const { store, signal } = world;
  const found: Verdict[] = [];
  const whole = await store.get(name, undefined, signal);
  if (!winners.some(({ content }) => isSame(whole, content))) {
    found.push(problem('what was written does not come back', 'use another store for backups'));
  }
  if ((await findListed(store, name, signal)) === undefined) {
    found.push(problem('what was written is not in the listing', 'use a store whose listings are up to date'));
  }
  return found;
}

async function removeAndLook({ store, signal }: DoctorWorld, name: string): Promise<Verdict[]> {
  await store.delete(name, signal);
  const isThere = (await store.get(name, undefined, signal)) !== undefined;
  return isThere ? [problem('what was deleted can still be read', 'use a store whose reads are up to date')] : [];
}

function tooMany({ repository, bucket }: DoctorWorld, broken: number, rounds: number): Verdict {
  const seen = `several creators of a name were told that it is theirs, in ${formatCount(broken)} of ${times(rounds)}`;
  if (repository?.config.store.createOnly === true) {
    return problem(seen, 'the store kept create-only puts when the repository was made: ask its operator what changed');
  }
  const cause = bucket === undefined ? 'the file system' : `${bucket.provider.name}`;
  return warning(
    `${seen}: ${cause} does not keep create-only puts`,
    'backups are safe as long as no two hosts get the same random id; never run two prunes at once',
  );
}

const ranges: Check = {
  code: 'ranges',
  appliesTo: canTry,
  async run({ store, signal }) {
    const name = probeName();
    const content = probeContent(RANGED_BYTES);
    try {
      await createProbe(store, name, content, { signal });
      for (const range of RANGES) {
        if (await hasRange(store, name, content, range, signal)) continue;
        return problem(
          `bytes ${range.offset} to ${range.offset + range.length} of an object come back different`,
          'restores read ranges: use another store, or look for a proxy in between',
        );
      }
      const end = await store.get(name, { offset: -100 }, signal);
      return isSame(end, content.subarray(-100))
        ? ok('ranges of objects are read exactly')
        : problem(
            'the last bytes of an object come back different',
            'restores read the ends of packs: use another store',
          );
    } finally {
      await store.delete(name, signal);
    }
  },
};

const checksums: Check = {
  code: 'checksums',
  appliesTo: async (world) => world.bucket !== undefined && (await canTry(world)),
  async run({ store, signal }) {
    const name = probeName();
    try {
      const { checksum } = await createProbe(store, name, probeContent(RACE_BYTES), { signal });
      const info = await store.stat(name, signal);
      if (checksum === undefined || info?.checksum === undefined) {
        return note('the store keeps no checksums that it tells: packs can only be verified by reading them');
      }
      return info.checksum === checksum
        ? ok('the store checks and keeps SHA-256 checksums')
        : problem('the store keeps another checksum than that of what was written', 'use another store for backups');
    } finally {
      await store.delete(name, signal);
    }
  },
};

const multipart: Check = {
  code: 'multipart',
  appliesTo: async (world) =>
    world.bucket !== undefined && !world.bucket.provider.quirks.isSinglePut && (await canTry(world)),
  async run({ store, signal, multipartBytes }) {
    const name = probeName();
    try {
      const race = await raceCreators(store, name, MULTIPART_CREATORS, multipartBytes, { signal });
      const size = formatBytes(multipartBytes);
      const middle = { offset: Math.floor(multipartBytes * 0.97), length: 100_000 };
      let winner: Race['winners'][number] | undefined;
      for (const entry of race.winners) if (await hasRange(store, name, entry.content, middle, signal)) winner = entry;
      if (winner === undefined) {
        return problem(`an upload of ${size} in parts comes back different`, 'use another store for backups');
      }
      const { checksum, etag } = winner.result;
      const info = await store.stat(name, signal);
      if (
        info?.size !== multipartBytes ||
        (checksum !== undefined && info.checksum !== checksum) ||
        (etag !== undefined && info.etag !== etag)
      ) {
        return warning(
          'of an upload in parts, the store tells another size or checksum than it did at first',
          'verify --level data still proves packs by reading them',
        );
      }
      if (race.winners.length === 1) return ok(`uploads in parts arrive (${size}), and of two completions one wins`);
      return note(
        `uploads in parts arrive (${size}), but of two completions both were let through`,
        'the names of packs are random, so this alone does no harm',
      );
    } finally {
      await store.delete(name, signal);
    }
  },
};

const storageClass: Check = {
  code: 'storage-class',
  appliesTo: async (world) =>
    (world.repository?.config.storageClass ?? 'STANDARD') !== 'STANDARD' && (await canTry(world)),
  async run({ store, repository, signal }) {
    const wanted = repository!.config.storageClass;
    const name = probeName();
    try {
      await createProbe(store, name, probeContent(CLASS_BYTES), { storageClass: wanted, signal });
      const info = await store.stat(name, signal);
      if (info?.storageClass === wanted) return ok(`packs can be stored in ${wanted}`);
      return note(
        `objects for ${wanted} are stored as ${info?.storageClass ?? 'something unknown'}`,
        'what they cost is decided by the store',
      );
    } finally {
      await store.delete(name, signal);
    }
  },
};

const leftProbes: Check = {
  code: 'left-probes',
  async run(world) {
    const { store, signal, clock } = world;
    const left: string[] = [];
    for await (const { name, modified } of store.list(PROBE_PREFIX, signal)) {
      if (clock.now() - modified > LEFT_AFTER_MS) left.push(name);
    }
    if (left.length === 0) return [];
    const count = `${formatCount(left.length)} ${left.length === 1 ? 'probe' : 'probes'} of earlier runs`;
    if ((await world.mayDelete()) !== 'allowed')
      return note(`${count} below ${PROBE_PREFIX}`, 'the admin’s doctor removes them');
    for (const name of left) await store.delete(name, signal);
    return note(`${count} removed`);
  },
};

const times = (rounds: number): string => (rounds === 1 ? '1 round' : `${formatCount(rounds)} rounds`);

export const storeChecks: CheckGroup = {
  name: 'store',
  checks: [writes, races, ranges, checksums, multipart, storageClass, leftProbes],
};
