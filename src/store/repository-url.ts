/**
 * What the user calls a repository: a path, a file URL or an `s3://` URL. Owns the grammar; opens nothing. Credentials
 * never stand in a URL: one that carries some is refused without repeating them.
 *
 *     s3://BUCKET[/PREFIX][?endpoint=URL&region=R&path-style=true&provider=ID
 *                          &sse=aws:kms&kms-key=ARN&requester-pays=true]
 */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { IcecoreError } from '../base/errors.ts';
import type { S3Encryption } from './s3-options.ts';

/** A bucket, and how it is reached. `prefix` has no slash at either end and may be empty. */
export interface BucketUrl {
  readonly type: 's3';
  readonly bucket: string;
  readonly prefix: string;
  readonly endpoint?: string;
  readonly region?: string;
  readonly isPathStyle?: boolean;
  /** Id of a provider profile. */
  readonly provider?: string;
  readonly encryption?: S3Encryption;
  readonly isRequesterPays?: boolean;
}

/** Where a repository is. `path` is absolute. */
export type RepositoryUrl = { readonly type: 'directory'; readonly path: string } | BucketUrl;

/** What other backup tools write before a single colon. Taken as a path, it would quietly become a local folder. */
const SCHEMES = 's3|sftp|ssh|rest|rclone|b2|gs|azure|swift|http|https|file|ftp|webdav|dav|smb|nfs';

const PARAMETERS = ['endpoint', 'region', 'path-style', 'provider', 'sse', 'kms-key', 'requester-pays'] as const;
type Parameter = (typeof PARAMETERS)[number];

const ALGORITHMS: readonly S3Encryption['algorithm'][] = ['AES256', 'aws:kms', 'aws:kms:dsse'];

/**
 * Understands `/a/path`, `a/path`, `file:///a/path` and `s3://bucket/prefix?…`.
 * @throws kind `usage` for anything else.
 */
export function parseRepositoryUrl(text: string): RepositoryUrl {
  if (text === '' || text.includes('\0')) throw usage('the repository is not given: it takes a folder or a URL');
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase();
  if (scheme === 'file') return { type: 'directory', path: filePath(text) };
  if (scheme === 's3') return parseBucket(text.slice('s3://'.length));
  if (scheme !== undefined) {
    const hint = 'a bucket is written s3://BUCKET/PREFIX, with ?endpoint=https://HOST where it is not at AWS';
    throw usage(`repositories at ${scheme}:// are not supported`, /^https?$/.test(scheme) ? hint : undefined);
  }
  const lookalike = new RegExp(`^(${SCHEMES}):`, 'i').exec(text)?.[1];
  if (lookalike !== undefined) {
    const bucket = lookalike.toLowerCase() === 's3' ? 'a bucket is written s3://BUCKET/PREFIX; ' : '';
    throw usage(
      `a repository cannot start with ${lookalike}:`,
      `${bucket}for a folder of that name, write ./${lookalike}:…`,
    );
  }
  return { type: 'directory', path: resolve(text) };
}

function filePath(text: string): string {
  try {
    return resolve(fileURLToPath(text));
  } catch {
    throw usage('a file URL takes an absolute path on this machine', 'write file:///mnt/disk/repository');
  }
}

function parseBucket(rest: string): BucketUrl {
  const question = rest.indexOf('?');
  const place = question < 0 ? rest : rest.slice(0, question);
  const [bucket = '', ...components] = place.split('/');
  // Before anything that repeats a part of the text: what stands before an @ may be a secret.
  if (bucket.includes('@') || bucket.includes(':') || components.some((component) => component.includes('@'))) {
    throw usage(
      'an s3:// URL takes no credentials',
      'write s3://bucket/prefix; credentials come from the environment or ~/.aws, as for the AWS tools',
    );
  }
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket)) {
    throw usage('the bucket name is not one that S3 allows', 'it has 3 to 63 of a-z, 0-9, point and hyphen');
  }
  const prefix = components.filter((component) => component !== '');
  if (prefix.some((component) => component === '.' || component === '..')) throw usage('the prefix has . or .. in it');
  const odd = prefix.find((component) => !/^[\w.!*'() =+,;$&~-]+$/.test(component));
  if (odd !== undefined) {
    throw usage('the prefix has characters that not every store takes', 'use letters, digits, and - _ . in its parts');
  }
  const given = question < 0 ? {} : readParameters(rest.slice(question + 1));
  return { type: 's3', bucket, prefix: prefix.join('/'), ...given };
}

function readParameters(query: string): Partial<BucketUrl> {
  const values = new Map<Parameter, string>();
  for (const [key, value] of new URLSearchParams(query)) {
    const known = PARAMETERS.find((parameter) => parameter === key);
    if (known === undefined) {
      // A mistyped name is worth repeating; what could be a secret is not.
      const name = /^[a-z-]{1,20}$/.test(key) ? ` ${key}` : '';
      throw usage(`an s3:// URL has no parameter${name}`, `it knows ${PARAMETERS.join(', ')}`);
    }
    if (values.has(known)) throw usage(`${known} is given twice in the repository URL`);
    if (value === '') throw usage(`${known} has no value in the repository URL`);
    values.set(known, value);
  }
  const endpoint = values.get('endpoint');
  const region = values.get('region');
  const provider = values.get('provider');
  const isPathStyle = readBoolean('path-style', values);
  const isRequesterPays = readBoolean('requester-pays', values);
  const encryption = readEncryption(values);
  if (region !== undefined && !/^[a-z0-9-]{1,64}$/.test(region)) {
    throw usage('the region in the repository URL is not one', 'a region looks like eu-central-1');
  }
  return {
    ...(endpoint === undefined ? {} : { endpoint: readEndpoint(endpoint) }),
    ...(region === undefined ? {} : { region }),
    ...(provider === undefined ? {} : { provider }),
    ...(isPathStyle === undefined ? {} : { isPathStyle }),
    ...(isRequesterPays === undefined ? {} : { isRequesterPays }),
    ...(encryption === undefined ? {} : { encryption }),
  };
}

/** An endpoint as `https://host[:port]`; a host alone is taken for https. */
function readEndpoint(text: string): string {
  const url = URL.parse(text.includes('://') ? text : `https://${text}`);
  if (url === null || url.hostname === '' || !/^https?:$/.test(url.protocol)) {
    throw usage('the endpoint in the repository URL is not a URL', 'it looks like https://s3.example.org');
  }
  if (url.username !== '' || url.password !== '') throw usage('the endpoint in the repository URL has credentials');
  if (url.search !== '' || url.hash !== '') throw usage('the endpoint in the repository URL takes no ? and no #');
  return url.href.replace(/\/+$/, '');
}

function readEncryption(values: ReadonlyMap<Parameter, string>): S3Encryption | undefined {
  const named = values.get('sse');
  const kmsKey = values.get('kms-key');
  if (named === undefined && kmsKey === undefined) return undefined;
  const algorithm = named === undefined ? 'aws:kms' : ALGORITHMS.find((known) => known === named);
  if (algorithm === undefined) throw usage('sse in the repository URL is unknown', `it is ${ALGORITHMS.join(', ')}`);
  if (kmsKey === undefined) return { algorithm };
  if (algorithm === 'AES256') throw usage('kms-key goes with sse=aws:kms in the repository URL');
  return { algorithm, kmsKey };
}

function readBoolean(name: Parameter, values: ReadonlyMap<Parameter, string>): boolean | undefined {
  const value = values.get(name);
  if (value === undefined || value === 'true' || value === 'false')
    return value === undefined ? undefined : value === 'true';
  throw usage(`${name} in the repository URL is true or false`);
}

function usage(message: string, hint?: string): IcecoreError {
  return new IcecoreError('usage', 'bad-repository-url', message, hint === undefined ? {} : { hint });
}
