import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { isIcecoreError } from '../../src/base/errors.ts';
import { openStore, parseRepositoryUrl } from '../../src/store/open-store.ts';

it('paths and URLs are told apart', () => {
  expect(parseRepositoryUrl('/mnt/disk/repo/')).toEqual({ type: 'directory', path: '/mnt/disk/repo' });
  expect(parseRepositoryUrl('repo')).toEqual({ type: 'directory', path: resolve('repo') });
  expect(parseRepositoryUrl('./s3:odd')).toEqual({ type: 'directory', path: resolve('s3:odd') });
  expect(parseRepositoryUrl('2026-11-17T10:00')).toEqual({ type: 'directory', path: resolve('2026-11-17T10:00') });
  expect(parseRepositoryUrl('file:///mnt/my%20disk')).toEqual({ type: 'directory', path: '/mnt/my disk' });
  expect(parseRepositoryUrl('s3://my-bucket')).toEqual({ type: 's3', bucket: 'my-bucket', prefix: '' });
  expect(parseRepositoryUrl('s3://my-bucket//a/b/')).toEqual({ type: 's3', bucket: 'my-bucket', prefix: 'a/b' });
});

it('what makes no sense is a usage error', () => {
  const wrong = [
    ...['', 'a\0b', 'http://x/y', 'sftp://h/p', 's3:bucket', 'sftp:user@host:/x', 'rest:http://x', 'file://host/path'],
    ...['s3://', 's3://B', 's3://bucket/a/../b', 's3://bucket?region=x', 'file:relative'],
  ];
  for (const text of wrong) {
    expect(() => parseRepositoryUrl(text), text).toThrow(expect.objectContaining({ kind: 'usage' }));
  }
});

it('credentials in a URL are refused and not repeated', () => {
  try {
    parseRepositoryUrl('s3://AKIA:secret@bucket/prefix');
    expect.unreachable();
  } catch (error) {
    expect(isIcecoreError(error, 'usage')).toBe(true);
    expect(String((error as Error).message)).not.toContain('secret');
  }
});

it('a folder is opened, made when told to, and S3 is refused for now', async () => {
  const root = mkdtempSync(join(tmpdir(), 'icecore-open-'));
  try {
    const path = join(root, 'repo');
    await expect(openStore(path)).rejects.toMatchObject({ kind: 'missing' });
    expect((await openStore(path, { create: true })).location).toBe(path);
    expect((await openStore(`file://${path}`)).location).toBe(path);
    await expect(openStore('s3://bucket/prefix')).rejects.toMatchObject({ kind: 'usage', code: 's3-unsupported' });
  } finally {
    rmSync(root, { recursive: true });
  }
});
