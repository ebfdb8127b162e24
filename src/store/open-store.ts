/**
 * From what the user calls a repository (a path or a URL) to a store. Reads nothing of what is stored there, and takes
 * no credentials: a URL that carries some is refused without repeating them.
 */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { IcecoreError } from '../base/errors.ts';
import type { Store } from './store.ts';

/** Where a repository is. `path` is absolute; `prefix` has no slash at either end and may be empty. */
export type RepositoryUrl =
  | { readonly type: 'directory'; readonly path: string }
  | { readonly type: 's3'; readonly bucket: string; readonly prefix: string };

/** How a store is opened. */
export interface OpenStoreOptions {
  /** Make the folder of a directory store when it is missing: for `init` and for the target of a copy. */
  readonly create?: boolean;
}

/** What other backup tools write before a single colon. Taken as a path, it would quietly become a local folder. */
const SCHEMES = 's3|sftp|ssh|rest|rclone|b2|gs|azure|swift|http|https|file|ftp|webdav|dav|smb|nfs';

/**
 * Understands `/a/path`, `a/path`, `file:///a/path` and `s3://bucket/prefix`.
 * @throws kind `usage` for anything else.
 */
export function parseRepositoryUrl(text: string): RepositoryUrl {
  if (text === '' || text.includes('\0')) throw usage('the repository is not given: it takes a folder or a URL');
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase();
  if (scheme === 'file') return { type: 'directory', path: filePath(text) };
  if (scheme === 's3') return parseBucket(text.slice('s3://'.length));
  if (scheme !== undefined) throw usage(`repositories at ${scheme}:// are not supported`);
  const lookalike = new RegExp(`^(${SCHEMES}):`, 'i').exec(text)?.[1];
  if (lookalike !== undefined) {
    throw usage(`a repository cannot start with ${lookalike}:`, `for a folder of that name, write ./${lookalike}:…`);
  }
  return { type: 'directory', path: resolve(text) };
}

/**
 * Opens the store of a repository.
 * @throws kind `usage` for a URL that makes no sense or is not supported, `missing` for a folder that is not there.
 */
export async function openStore(url: string, options: OpenStoreOptions = {}): Promise<Store> {
  const parsed = parseRepositoryUrl(url);
  switch (parsed.type) {
    case 'directory': {
      const { openDirectoryStore } = await import('./directory.ts');
      return openDirectoryStore(parsed.path, { create: options.create ?? false });
    }
    case 's3':
      throw new IcecoreError('usage', 's3-unsupported', 'this version of icecore cannot use S3 repositories', {
        hint: 'use a folder; copying one to a bucket with another tool works, its files are never changed',
      });
  }
}

function filePath(text: string): string {
  try {
    return resolve(fileURLToPath(text));
  } catch {
    throw usage('a file URL takes an absolute path on this machine', 'write file:///mnt/disk/repository');
  }
}

function parseBucket(rest: string): RepositoryUrl {
  if (/[@?#]/.test(rest)) {
    throw usage('an s3:// URL takes a bucket and a prefix, no credentials and no options', 'write s3://bucket/prefix');
  }
  const [bucket = '', ...components] = rest.split('/');
  const prefix = components.filter((component) => component !== '');
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket)) throw usage('the bucket name is not one that S3 allows');
  if (prefix.some((component) => component === '.' || component === '..')) throw usage('the prefix has . or .. in it');
  return { type: 's3', bucket, prefix: prefix.join('/') };
}

function usage(message: string, hint?: string): IcecoreError {
  return new IcecoreError('usage', 'bad-repository-url', message, hint === undefined ? {} : { hint });
}
