/**
 * The checks of `doctor` on the bucket: where it lies, its clock, and what its settings mean for a repository. They only
 * ask. What may not be asked, or what the store does not have, is said once.
 */
import { formatAge, formatCount, formatDuration } from '../base/units.ts';
import { PROBE_PREFIX } from '../format/layout.ts';
import type { Answer, BucketSettings, UnfinishedUpload } from '../store/bucket.ts';
import { type Check, type CheckGroup, note, ok, problem, type Verdict, warning } from './doctor-check.ts';
import { judgeLifecycle } from './doctor-lifecycle.ts';
import { type DoctorWorld, isDenied } from './doctor-world.ts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
/** S3 refuses requests from a clock that is 15 minutes off (RequestTimeTooSkewed). */
const SKEW = { warns: 5 * MINUTE, fails: 15 * MINUTE };
/** Uploads of one pack take minutes. */
const UPLOAD_IS_LEFT_AFTER = DAY;
const SHOWN_UPLOADS = 3;
/** The only provider whose buckets are known to come with access blocked. */
const BLOCKS_BY_DEFAULT = 'aws';

const NAMES: Readonly<Record<keyof BucketSettings, string>> = {
  versioning: 'versioning',
  lifecycle: 'lifecycle rules',
  objectLock: 'Object Lock',
  publicAccessBlocked: 'public access',
  encryption: 'encryption',
};

const hasBucket = (world: DoctorWorld): boolean => world.bucket !== undefined;

/** A check on one setting, which says nothing where it is not known. */
function settingCheck<T>(
  code: string,
  pick: (settings: BucketSettings) => Answer<T>,
  judge: (value: T, world: DoctorWorld) => Verdict | Promise<readonly Verdict[]>,
): Check {
  return {
    code,
    appliesTo: hasBucket,
    async run(world) {
      const answer = pick(await world.settings());
      return answer.type === 'known' ? await judge(answer.value, world) : [];
    },
  };
}

const region: Check = {
  code: 'region',
  appliesTo: hasBucket,
  async run({ bucket, repository, signal }) {
    const found = await bucket!.region(signal);
    const pinned = repository?.config.region;
    const where = `${bucket!.provider.name}, bucket ${bucket!.name}`;
    if (found === undefined) return note(`${where}: the store does not say in which region`);
    return ok(`${where} in region ${found}${pinned === found ? ', where the repository is pinned to' : ''}`);
  },
};

const clock: Check = {
  code: 'clock',
  appliesTo: hasBucket,
  async run({ bucket, signal }) {
    const { aheadMs } = await bucket!.clock(signal);
    const off = Math.abs(aheadMs);
    // The store tells whole seconds.
    if (off < 2000) return ok('this clock and the store’s agree');
    const text = `this clock is ${formatDuration(off)} ${aheadMs > 0 ? 'behind' : 'ahead of'} the store’s`;
    const hint = 'set the clock of this host: systemctl enable --now systemd-timesyncd, or chrony';
    if (off > SKEW.fails) return problem(`${text}: requests are refused beyond 15 minutes`, hint);
    return off > SKEW.warns ? warning(text, hint) : ok(text);
  },
};

const settings: Check = {
  code: 'settings',
  appliesTo: hasBucket,
  async run(world) {
    const answers = Object.entries(await world.settings()) as [keyof BucketSettings, Answer<unknown>][];
    const of = (type: string): string =>
      answers.flatMap(([key, answer]) => (answer.type === type ? [NAMES[key]] : [])).join(', ');
    const found: Verdict[] = [];
    if (of('denied') !== '') {
      found.push(
        note(`these credentials may not see: ${of('denied')}`, 'run doctor once with the credentials of the admin'),
      );
    }
    if (of('unsupported') !== '') found.push(ok(`${world.bucket!.provider.name} does not tell: ${of('unsupported')}`));
    return found;
  },
};

const versioning = settingCheck(
  'versioning',
  (settings) => settings.versioning,
  (value) =>
    ok(
      value === 'off'
        ? 'versioning is off: what is deleted is gone, and its space is free'
        : `versioning is ${value === 'enabled' ? 'on' : value}: what is deleted can be brought back until old versions expire`,
    ),
);

const lifecycle = settingCheck(
  'lifecycle',
  (settings) => settings.lifecycle,
  async (rules, world) => {
    const { versioning: versions } = await world.settings();
    const { keyPrefix, provider } = world.bucket!;
    const isVersioned = versions.type === 'known' && versions.value !== 'off';
    return judgeLifecycle(rules, { keyPrefix, classes: provider.classes, isVersioned });
  },
);

const objectLock = settingCheck(
  'object-lock',
  (settings) => settings.objectLock,
  (value) => {
    if (value === undefined) return ok('Object Lock is off');
    if (value.days === undefined) return ok('Object Lock is on, without a retention for new objects');
    return note(
      `Object Lock keeps every object for ${formatCount(value.days)} days${value.mode === undefined ? '' : ` (${value.mode})`}: nobody can really delete it before`,
      'a prune only hides objects until then; their space is freed by the rule that expires old versions',
    );
  },
);

const publicAccess = settingCheck(
  'public-access',
  (settings) => settings.publicAccessBlocked,
  (isBlocked, { bucket }) => {
    if (isBlocked) return ok('public access is blocked');
    if (bucket!.provider.id !== BLOCKS_BY_DEFAULT) return ok('nothing is set about public access');
    return problem(
      'public access is not blocked for this bucket',
      `unless the account blocks it: aws s3api put-public-access-block --bucket ${bucket!.name} --public-access-block-configuration BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true`,
    );
  },
);

const encryption = settingCheck(
  'encryption',
  (settings) => settings.encryption,
  (value) => {
    if (value === undefined) return ok('the store adds no encryption of its own; icecore encrypts everything itself');
    const key = value.kmsKey === undefined ? '' : `, key ${value.kmsKey}`;
    const isKms = value.algorithm.startsWith('aws:kms');
    return isKms
      ? note(
          `the bucket encrypts with KMS (${value.algorithm}${key}): without that key nothing can be read`,
          'hosts need the right to use it: give kms-key in the repository URL to icecore doctor --policy',
        )
      : ok(`the bucket encrypts with ${value.algorithm}, on top of what icecore does`);
  },
);

const uploads: Check = {
  code: 'unfinished-uploads',
  appliesTo: hasBucket,
  async run({ bucket, clock: hostClock, signal }) {
    const left: UnfinishedUpload[] = [];
    let running = 0;
    try {
      for await (const upload of bucket!.unfinishedUploads('', signal)) {
        const isLeft = upload.name.startsWith(PROBE_PREFIX) || hostClock.now() - upload.started > UPLOAD_IS_LEFT_AFTER;
        if (isLeft) left.push(upload);
        else running++;
      }
    } catch (error) {
      if (!isDenied(error)) throw error;
      return note('these credentials may not see unfinished uploads', 'allow s3:ListBucketMultipartUploads');
    }
    const underWay = running === 0 ? '' : `; ${formatCount(running)} begun within a day`;
    if (left.length === 0) return ok(`no upload was left unfinished${underWay}`);
    const oldest = left.toSorted((a, b) => a.started - b.started);
    const shown = oldest.slice(0, SHOWN_UPLOADS).map((upload) => `${upload.name} (${age(upload, hostClock.now())})`);
    const more = left.length > SHOWN_UPLOADS ? `, and ${formatCount(left.length - SHOWN_UPLOADS)} more` : '';
    return warning(
      `${formatCount(left.length)} ${left.length === 1 ? 'upload was' : 'uploads were'} left unfinished, and ${left.length === 1 ? 'is' : 'are'} billed: ${shown.join(', ')}${more}${underWay}`,
      'a lifecycle rule ends them: icecore doctor --lifecycle prints it; so does the next backup of the host that left them',
    );
  },
};

function age({ started }: UnfinishedUpload, now: number): string {
  return formatAge(now - started);
}

export const bucketChecks: CheckGroup = {
  name: 'bucket',
  checks: [region, clock, settings, versioning, lifecycle, objectLock, publicAccess, encryption, uploads],
};
