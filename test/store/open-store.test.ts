import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { isIcecoreError } from '../../src/base/errors.ts';
import { openStore } from '../../src/store/open-store.ts';
import { parseRepositoryUrl } from '../../src/store/repository-url.ts';

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
    ...['s3://', 's3://B', 's3://bucket/a/../b', 's3://bucket?regoin=x', 's3://bucket?region=', 'file:relative'],
    ...[
      's3://bucket?region=a&region=b',
      's3://bucket?path-style=yes',
      's3://bucket?sse=rot13',
      's3://bucket?region=A B',
    ],
    ...['s3://bucket?sse=AES256&kms-key=k', 's3://bucket?endpoint=ftp://x/', 's3://bucket?endpoint=https://u:p@x'],
  ];
  for (const text of wrong) {
    expect(() => parseRepositoryUrl(text), text).toThrow(expect.objectContaining({ kind: 'usage' }));
  }
});

it('the parameters of a bucket are understood', () => {
  const url =
    's3://b-1/p/q?endpoint=localhost:9000&region=eu-west-1&path-style=true&provider=ceph&kms-key=arn:aws:kms:x&requester-pays=true';
  expect(parseRepositoryUrl(url)).toEqual({
    type: 's3',
    bucket: 'b-1',
    prefix: 'p/q',
    endpoint: 'https://localhost:9000',
    region: 'eu-west-1',
    isPathStyle: true,
    provider: 'ceph',
    encryption: { algorithm: 'aws:kms', kmsKey: 'arn:aws:kms:x' },
    isRequesterPays: true,
  });
  expect(parseRepositoryUrl('s3://bkt?endpoint=http://127.0.0.1:7480/&sse=AES256')).toEqual({
    type: 's3',
    bucket: 'bkt',
    prefix: '',
    endpoint: 'http://127.0.0.1:7480',
    encryption: { algorithm: 'AES256' },
  });
});

it('who writes a bucket as a web page or as other tools do is told how it is written here', () => {
  for (const url of ['https://bucket.s3.amazonaws.com/nas', 'http://nas:9000/bucket', 's3:bucket/nas']) {
    expect(() => parseRepositoryUrl(url), url).toThrow(
      expect.objectContaining({ kind: 'usage', hint: expect.stringContaining('s3://BUCKET/PREFIX') }),
    );
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

it('a folder is opened, and made when told to', async () => {
  const root = mkdtempSync(join(tmpdir(), 'icecore-open-'));
  try {
    const path = join(root, 'repo');
    await expect(openStore(path)).rejects.toMatchObject({ kind: 'missing' });
    expect((await openStore(path, { create: true })).location).toBe(path);
    expect((await openStore(`file://${path}`)).location).toBe(path);
  } finally {
    rmSync(root, { recursive: true });
  }
});
