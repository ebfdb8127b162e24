import { chmodSync, mkdirSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import type { BucketSettings, LifecycleRule } from '../../src/store/bucket.ts';
import { openDirectoryStore } from '../../src/store/directory.ts';
import type { Store } from '../../src/store/store.ts';
import { CHECK_GROUPS, type DoctorStats, runDoctor } from '../../src/work/doctor.ts';
import type { DoctorFinding } from '../../src/work/doctor-check.ts';
import { listAll } from '../store/contract.ts';
import { type FakeBucketOptions, type Oddities, OddStore } from '../support/odd-store.ts';
import { TestRepository } from '../support/repository.ts';
import { makeTestFolder } from '../support/test-folder.ts';

const DAY = 86_400_000;
const cleanUps: (() => void)[] = [];
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
});

interface Examined {
  readonly findings: readonly DoctorFinding[];
  readonly stats: DoctorStats;
  /** The findings of a check as `severity message`. */
  of(code: string): string[];
  /** Codes of everything that is more than a note. */
  readonly alarming: string[];
}

async function examine(store: Store, places?: TestRepository['places'], signal?: AbortSignal): Promise<Examined> {
  const folder = makeTestFolder('doctor');
  cleanUps.push(() => rmSync(folder, { recursive: true, force: true }));
  const own = { config: join(folder, 'config'), cache: join(folder, 'cache'), state: join(folder, 'state') };
  const findings: DoctorFinding[] = [];
  const stats = await runDoctor(
    store,
    { places: places ?? own, clock: systemClock, rounds: 2, multipartBytes: 300_000 },
    (finding) => void findings.push(finding),
    signal ?? new AbortController().signal,
  );
  return {
    findings,
    stats,
    of: (code) => findings.filter((f) => f.code === code).map((f) => `${f.severity} ${f.message}`),
    alarming: findings.filter((f) => f.severity === 'warning' || f.severity === 'error').map((f) => f.code),
  };
}

/** A repository in a bucket that was sound when it was made, and is odd now. */
async function odd(oddities: Oddities, storageClass = 'STANDARD'): Promise<Examined> {
  const store = new OddStore({ bucket: {} });
  const test = await TestRepository.create({ store, storageClass });
  cleanUps.push(() => test.remove());
  store.become({ bucket: {}, ...oddities });
  return await examine(store, test.places);
}

/** A bucket without a repository. */
const bucketWith = (bucket: FakeBucketOptions): Promise<Examined> => examine(new OddStore({ bucket }));

/** What the credentials of the writer's policy may do. */
const asWriter = (operation: string, name: string, isReplacing: boolean): boolean =>
  isReplacing ||
  operation === 'delete' ||
  ((operation === 'get' || operation === 'stat') && /^(packs|meta|keys)\//.test(name));

describe('doctor on a place that is as it should be', () => {
  it('finds nothing to change in a directory, and leaves no probe', async () => {
    const folder = makeTestFolder('doctor-repository');
    const store = await openDirectoryStore(folder, {});
    const test = await TestRepository.create({ store });
    cleanUps.push(
      () => test.remove(),
      () => rmSync(folder, { recursive: true, force: true }),
    );
    chmodSync(folder, 0o700);
    const before = await listAll(store);
    const { alarming, of } = await examine(store, test.places);
    expect(alarming).toEqual([]);
    expect(of('create-only')).toEqual(['ok of 8 creators of a name one wins, 2 rounds']);
    expect(of('folder-mode')).toEqual(['ok nobody else gets in (mode 0700)']);
    expect(of('hard-links')).toEqual(['ok the file system has hard links']);
    expect(of('repository')[0]).toMatch(/^ok repository [0-9a-f]{32}, format 1$/);
    expect(await listAll(store)).toEqual(before);
    expect(readdirSync(join(folder, 'tmp'))).toEqual([]);
  });

  it('finds nothing to change in a bucket with the credentials of a writer', async () => {
    const { findings, alarming, of } = await odd({ denies: asWriter });
    expect(alarming).toEqual([]);
    expect(of('more-than-a-writer')[0]).toMatch(/^ok these credentials can add backups, and not delete/);
    expect(of('writes')[0]).toMatch(/^note .*two probes stay/);
    expect(of('create-only')).toEqual(['ok of 8 creators of a name one wins, 1 round']);
    expect(findings.some((finding) => finding.code === 'multipart')).toBe(false);
  });

  it('says of a place without a repository only that there is none', async () => {
    const { alarming, of } = await bucketWith({});
    expect(alarming).toEqual([]);
    expect(of('repository')[0]).toMatch(/^note there is no repository/);
    expect(of('multipart')[0]).toMatch(/^ok uploads in parts arrive/);
    expect(of('region')[0]).toContain('in region eu-west-1');
  });

  it('counts requests and findings', async () => {
    const { findings, stats } = await bucketWith({});
    expect(stats.requests.put).toBeGreaterThan(16);
    const total = Object.values(stats.counts).reduce((sum, n) => sum + n, 0);
    expect(total).toBe(findings.length);
  });
});

describe('doctor on a store that breaks a promise', () => {
  it.each<[string, Oddities, string, RegExp]>([
    ['replaces what is there', { replaces: true }, 'create-only', /^error several creators/],
    ['gives back other ranges', { garblesRanges: true }, 'ranges', /^error bytes 0 to 1/],
    ['lists late', { hidesNew: true }, 'create-only', /^error what was written is not in the listing/],
    ['reads what was deleted', { keepsDeleted: true }, 'create-only', /^error what was deleted can still be read/],
    ['may not be written to', { denies: (operation) => operation === 'put' }, 'writes', /^error .* may not write/],
    ['may not be listed', { denies: (_, name) => name === 'config/' }, 'may-list', /^error .* may not list/],
  ])('names one that %s', async (_what, oddities, code, message) => {
    const store = new OddStore({ bucket: {} });
    const test = await TestRepository.create({ store });
    cleanUps.push(() => test.remove());
    store.become({ bucket: {}, ...oddities });
    const { of, alarming } = await examine(store, test.places);
    expect(alarming).toContain(code);
    expect(of(code).join('\n')).toMatch(new RegExp(message.source, 'm'));
  });

  it('takes it for a warning where the repository was made like that', async () => {
    const store = new OddStore({ bucket: {}, replaces: true });
    const test = await TestRepository.create({ store });
    cleanUps.push(() => test.remove());
    const { of } = await examine(store, test.places);
    expect(of('create-only')[0]).toMatch(/^warning several creators .* does not keep create-only puts/);
    expect(of('made-without-create-only')[0]).toMatch(/^warning/);
  });

  it('notes classes and checksums that are not kept', async () => {
    const { of } = await odd({ losesClass: true, forgetsChecksums: true }, 'DEEP_ARCHIVE');
    expect(of('storage-class')).toEqual(['note objects for DEEP_ARCHIVE are stored as STANDARD']);
    expect(of('checksums')[0]).toMatch(/^note the store keeps no checksums/);
    expect((await odd({}, 'DEEP_ARCHIVE')).of('storage-class')).toEqual(['ok packs can be stored in DEEP_ARCHIVE']);
    expect((await odd({ refusesClass: 'GLACIER' }, 'GLACIER')).of('storage-class')[0]).toMatch(/^error .*not valid/);
  });

  it('warns of a host that may delete and replace backups', async () => {
    const excess = async (denies?: Oddities['denies']): Promise<string[]> =>
      (await odd(denies ? { denies } : {})).of('more-than-a-writer');
    expect(await excess()).toEqual([
      'warning these credentials may delete backups, replace objects and fetch packs: so may whoever takes this host over',
    ]);
    expect(await excess((operation, name) => operation === 'get' && name.startsWith('packs/'))).toEqual([
      'warning these credentials may delete backups and replace objects: so may whoever takes this host over',
    ]);
    expect(await excess((operation, _name, isReplacing) => operation === 'delete' || isReplacing)).toEqual([
      'note these credentials may fetch packs, which takes more than backing up',
    ]);
  });

  it('removes probes that were left more than a day ago, and no others', async () => {
    const folder = makeTestFolder('doctor-left');
    cleanUps.push(() => rmSync(folder, { recursive: true, force: true }));
    mkdirSync(join(folder, 'probe'));
    for (const name of ['old', 'new']) writeFileSync(join(folder, 'probe', name), 'x');
    const past = new Date(Date.now() - 2 * DAY);
    utimesSync(join(folder, 'probe', 'old'), past, past);
    const { of } = await examine(await openDirectoryStore(folder, {}));
    expect(of('left-probes')).toEqual(['note 1 probe of earlier runs removed']);
    expect(readdirSync(join(folder, 'probe'))).toEqual(['new']);
  });
});

describe('doctor on the settings of a bucket', () => {
  const known = <T>(value: T): { type: 'known'; value: T } => ({ type: 'known', value });
  const settings = (change: Partial<BucketSettings>): Promise<Examined> => bucketWith({ settings: change });
  const rule = (change: Partial<LifecycleRule>): LifecycleRule => ({
    id: 'r',
    isEnabled: true,
    prefix: '',
    isNarrowed: false,
    transitions: [],
    abortsUploadsAfterDays: 7,
    ...change,
  });

  it('takes public access that is not blocked for an error, on AWS', async () => {
    expect((await settings({ publicAccessBlocked: known(false) })).of('public-access')[0]).toMatch(/^error/);
    const other = await bucketWith({ provider: 'ceph', settings: { publicAccessBlocked: known(false) } });
    expect(other.of('public-access')[0]).toMatch(/^ok/);
  });

  it('warns of old versions that nothing expires, with the rule to add', async () => {
    const { findings } = await settings({ versioning: known('enabled') });
    const finding = findings.find((found) => found.code === 'lifecycle' && found.severity === 'warning');
    expect(finding?.message).toContain('keeps old versions and no rule expires them');
    expect(finding?.document).toMatchObject({ Filter: { Prefix: 'nas/' }, NoncurrentVersionExpiration: {} });
    const sound = await settings({
      versioning: known('enabled'),
      lifecycle: known([rule({ expiresOldVersionsAfterDays: 30 })]),
    });
    expect(sound.alarming).toEqual([]);
  });

  it('suggests a rule that ends unfinished uploads, ready to paste', async () => {
    const { findings } = await settings({ lifecycle: known([]) });
    expect(findings.find((found) => found.document !== undefined)?.document).toEqual({
      ID: 'icecore-abort-unfinished-uploads',
      Status: 'Enabled',
      Filter: { Prefix: 'nas/' },
      AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 },
    });
  });

  it.each<[string, Partial<LifecycleRule>, RegExp | undefined]>([
    ['that deletes everything', { expiresAfterDays: 30 }, /^error .* deletes everything after 30 days/],
    ['that deletes packs', { prefix: 'nas/packs/', expiresAfterDays: 1 }, /^error .* deletes packs\/ after 1 day$/],
    ['that deletes one session', { prefix: 'nas/packs/01', expiresAfterDays: 0 }, /^error .* deletes packs\/ at once/],
    ['that deletes, by tags', { expiresAfterDays: 9, isNarrowed: true }, /^warning .* where its tags or sizes match/],
    ['for other names', { prefix: 'logs/', expiresAfterDays: 1 }, undefined],
    ['for other names below ours', { prefix: 'nas/other/', expiresAfterDays: 1 }, undefined],
    ['for probes', { prefix: 'nas/probe/', expiresAfterDays: 1 }, undefined],
    ['that is off', { isEnabled: false, expiresAfterDays: 1 }, undefined],
    [
      'that archives everything',
      { transitions: [{ days: 1, storageClass: 'DEEP_ARCHIVE' }] },
      /^error .* moves claims\/, config\/, gc\/, … to DEEP_ARCHIVE .* no command could read/,
    ],
    [
      'that archives packs',
      { prefix: 'nas/packs/', transitions: [{ days: 30, storageClass: 'GLACIER' }] },
      /^warning .* moves packs to GLACIER after 30 days/,
    ],
    [
      'that moves the index to a dearer class',
      { prefix: 'nas/index/', transitions: [{ days: 30, storageClass: 'STANDARD_IA' }] },
      /^note .* moves index\/ to STANDARD_IA/,
    ],
    [
      'with a class that nobody knows',
      { prefix: 'nas/snapshots/', transitions: [{ days: 3, storageClass: 'COLD_ARCHIVE' }] },
      /^error .* moves snapshots\/ to COLD_ARCHIVE/,
    ],
  ])('judges a rule %s by what it hits', async (_what, change, message) => {
    const { of, alarming } = await settings({ lifecycle: known([rule({}), rule({ id: 'x', ...change })]) });
    if (message === undefined) {
      expect(alarming).toEqual([]);
      expect(of('lifecycle')).toEqual(['ok no lifecycle rule removes or moves objects of the repository']);
    } else {
      expect(of('lifecycle').join('\n')).toMatch(new RegExp(message.source, 'm'));
    }
  });

  it('explains Object Lock and KMS', async () => {
    const { of } = await settings({
      objectLock: known({ mode: 'COMPLIANCE', days: 400 }),
      encryption: known({ algorithm: 'aws:kms', kmsKey: 'arn:k' }),
    });
    expect(of('object-lock')[0]).toMatch(/^note Object Lock keeps every object for 400 days \(COMPLIANCE\)/);
    expect(of('encryption')[0]).toMatch(/^note the bucket encrypts with KMS/);
  });

  it('says once what may not be seen, and what the store does not tell', async () => {
    const { of, findings } = await settings({
      versioning: { type: 'denied' },
      lifecycle: { type: 'denied' },
      objectLock: { type: 'unsupported' },
    });
    expect(of('settings')).toEqual([
      'note these credentials may not see: versioning, lifecycle rules',
      'ok Amazon S3 does not tell: Object Lock',
    ]);
    expect(findings.some((found) => ['versioning', 'lifecycle', 'object-lock'].includes(found.code))).toBe(false);
  });

  it('warns of a clock that is off by more than 5 minutes, and fails beyond 15', async () => {
    const severity = async (aheadMs: number): Promise<string | undefined> =>
      (await bucketWith({ aheadMs })).of('clock')[0];
    expect(await severity(500)).toMatch(/^ok/);
    expect(await severity(60_000)).toMatch(/^ok this clock is 1 min behind/);
    expect(await severity(-6 * 60_000)).toMatch(/^warning this clock is 6 min ahead of/);
    expect(await severity(20 * 60_000)).toMatch(/^error this clock is 20 min behind/);
  });

  it('names uploads that were left unfinished, with their age', async () => {
    const upload = (name: string, age: number) => ({ name, uploadId: name, started: Date.now() - age });
    const { of } = await bucketWith({ uploads: [upload('packs/S/1', 9 * DAY), upload('packs/S/2', 60_000)] });
    expect(of('unfinished-uploads')[0]).toMatch(
      /^warning 1 upload was left unfinished, and is billed: packs\/S\/1 \(9 days ago\); 1 begun within a day/,
    );
    const running = await bucketWith({ uploads: [upload('packs/S/2', 60_000)] });
    expect(running.of('unfinished-uploads')[0]).toMatch(/^ok no upload was left/);
  });
});

describe('doctor on a host', () => {
  it('tells of open keys and folders, and of heads that are torn', async () => {
    const store = new OddStore();
    const test = await TestRepository.create({ store });
    cleanUps.push(() => test.remove());
    const [key] = readdirSync(join(test.places.config, 'keys'));
    chmodSync(join(test.places.config, 'keys', key!), 0o644);
    chmodSync(test.places.config, 0o777);
    const id = key!.replace('.json', '');
    writeFileSync(join(test.places.state, id, 'heads.json'), '{');
    const { of } = await examine(store, test.places);
    expect(of('key-file')[0]).toMatch(/^warning other users can read the key/);
    expect(of('own-folders')[0]).toMatch(/^warning other users may change/);
    expect(of('heads')[0]).toMatch(/^error .*heads\.json cannot be read/);
    expect(of('repository')[0]).toMatch(/^error/);
  });

  it('without a key looks at everything else, and asks nobody', async () => {
    const store = new OddStore();
    const test = await TestRepository.create({ store });
    cleanUps.push(() => test.remove());
    const { of, alarming } = await examine(store);
    expect(of('key-file')[0]).toMatch(/^note this host has no key/);
    expect(of('repository')[0]).toMatch(/^note repository .* its settings stay unread/);
    expect(of('ranges')[0]).toMatch(/^ok/);
    expect(alarming).toEqual([]);
  });
});

describe('the checks', () => {
  it('have codes of their own', () => {
    const codes = CHECK_GROUPS.flatMap((group) => group.checks.map((check) => check.code));
    expect(codes).toEqual([...new Set(codes)]);
    for (const code of codes) expect(code).toMatch(/^[a-z]+(-[a-z]+)*$/);
  });

  it('end when they are interrupted', async () => {
    await expect(examine(new OddStore({ bucket: {} }), undefined, AbortSignal.abort())).rejects.toMatchObject({
      kind: 'cancelled',
    });
  });
});
