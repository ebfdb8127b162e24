/**
 * Options that only a bucket has a use for: storage classes, the region, object tags. Owns how they are written, and that
 * a directory refuses them: a class or a region that is asked for and not there must not pass in silence.
 */
import { REGION } from '../format/config.ts';
import { flawOfTags, TAG_KINDS, type TagKind, type TagRule } from '../format/object-tags.ts';
import type { OptionSpec } from './option.ts';
import { usage, type Values } from './values.ts';

/** Those of AWS. Other stores have others: what a store does not have is refused once it is known. */
const CLASSES: readonly string[] = [
  'STANDARD',
  'STANDARD_IA',
  'ONEZONE_IA',
  'INTELLIGENT_TIERING',
  'GLACIER_IR',
  'GLACIER',
  'DEEP_ARCHIVE',
];

export const storageClassOption: OptionSpec = {
  flags: '--storage-class <class>',
  help: 'store packs of file content in this class of the bucket, as STANDARD_IA, GLACIER_IR or DEEP_ARCHIVE',
  complete: CLASSES,
};

export const objectTagOption: OptionSpec = {
  flags: '--object-tag <tag>',
  help: 'store objects with this tag, KEY=VALUE; those of one kind, as data or snapshot, KIND:KEY=VALUE (repeatable)',
  isList: true,
};

export const regionOption: OptionSpec = {
  flags: '--region <region>',
  help: 'make sure, now and at every later use, that the bucket is in this region',
};

/** What was chosen; absent for what was not. */
export interface BucketChoices {
  readonly storageClass?: string;
  readonly region?: string;
  readonly objectTags?: readonly TagRule[];
}

/**
 * Reads the options above, as far as a command has them.
 * @param url the repository that is meant; undefined for the default one, which is a directory
 * @throws kind `usage`; `not-a-bucket` where the repository is a directory
 */
export function readBucketChoices(values: Values, url: string | undefined): BucketChoices {
  const storageClass = values.parsed('storage-class', parseStorageClass);
  const region = values.parsed('region', parseRegion);
  const objectTags = readTags(values);
  if (!isBucketUrl(url)) {
    if (storageClass !== undefined && storageClass !== 'STANDARD') throw notABucket(values, 'storage-class', 'classes');
    if (region !== undefined) throw notABucket(values, 'region', 'region');
    if (objectTags.length > 0) throw notABucket(values, 'object-tag', 'object tags');
  }
  return {
    ...(storageClass === undefined ? {} : { storageClass }),
    ...(region === undefined ? {} : { region }),
    ...(objectTags.length === 0 ? {} : { objectTags }),
  };
}

/** True for the URL of a bucket, right or wrong. */
export function isBucketUrl(url: string | undefined): boolean {
  return url !== undefined && /^s3:\/\//i.test(url);
}

function notABucket(values: Values, name: string, what: string): Error {
  return usage(
    'not-a-bucket',
    `${values.label(name)}: a directory has no ${what}`,
    'leave it out, or use a repository in a bucket: s3://BUCKET/PREFIX',
  );
}

function parseStorageClass(text: string): string {
  if (/^[A-Z][A-Z0-9_-]{0,63}$/.test(text)) return text;
  throw usage('bad-class', `'${text}' is no storage class`, `write it as the store does: ${CLASSES.join(', ')}`);
}

function parseRegion(text: string): string {
  if (REGION.test(text)) return text;
  throw usage('bad-region', `'${text}' is no region`, 'a region looks like eu-central-1');
}

function readTags(values: Values): readonly TagRule[] {
  const rules = values.list('object-tag').map((text) => parseTag(text, values.label('object-tag')));
  const flaw = flawOfTags(rules);
  if (flaw !== undefined) throw usage('bad-tag', `${values.label('object-tag')}: ${flaw}`);
  return rules;
}

/** What stands before a colon is a kind; `all:` is for keys that have one themselves. */
function parseTag(text: string, label: string): TagRule {
  const equals = text.indexOf('=');
  if (equals < 0) throw usage('bad-tag', `${label}: '${text}' is no tag`, 'write it as KEY=VALUE or KIND:KEY=VALUE');
  const value = text.slice(equals + 1);
  const name = text.slice(0, equals);
  const colon = name.indexOf(':');
  if (colon < 0) return { key: name, value };
  const named = name.slice(0, colon);
  const key = name.slice(colon + 1);
  if (named === 'all') return { key, value };
  const kind = TAG_KINDS.find((known): known is TagKind => known === named);
  if (kind !== undefined) return { kind, key, value };
  throw usage(
    'bad-tag',
    `${label}: there are no objects of kind '${named}'`,
    `the kinds are ${TAG_KINDS.join(', ')}; for a key with a colon, write all:${name}=…`,
  );
}
