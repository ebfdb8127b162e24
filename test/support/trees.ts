/** Describes trees of real files to the last attribute, so that two of them can be compared. */
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { joinRaw, type Raw, rawFromBytes, rawFromText, rawToBytes } from '../../src/base/raw.ts';
import { loadLibc } from '../../src/files/libc.ts';
import { typeOf } from '../../src/files/scan-entry.ts';
import { readXattrsOfPath } from '../../src/files/xattrs.ts';

/** Everything below a folder that a backup keeps, by relative path (bytes as latin1). */
export function describeTree(folder: string): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  const libc = loadLibc();
  const groups = new Map<string, string>();
  const pending: Raw[] = ['' as Raw];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    const full = (path === '' ? rawFromText(folder) : joinRaw(rawFromText(folder), path)) as Raw;
    const bytes = rawToBytes(full);
    const stat = lstatSync(bytes, { bigint: true });
    const type = typeOf(stat)!;
    const inode = `${stat.dev}:${stat.ino}`;
    if (type !== 'dir' && stat.nlink > 1n && !groups.has(inode)) groups.set(inode, path);
    const described = {
      type,
      mode: (Number(stat.mode) & 0o7777).toString(8),
      owner: `${stat.uid}:${stat.gid}`,
      mtime: stat.mtimeNs,
      linkedTo: groups.get(inode),
      xattrs: libc && readXattrsOfPath(full, libc),
      ...(type === 'file' ? { size: stat.size, content: contentOf(bytes, stat.size) } : {}),
      ...(type === 'symlink' ? { target: readlinkSync(bytes, 'latin1') } : {}),
      ...(type === 'char' || type === 'block' ? { rdev: stat.rdev } : {}),
    };
    if (path !== '') found[path] = described;
    if (type !== 'dir') continue;
    const names = readdirSync(bytes, { encoding: 'buffer' }).map(rawFromBytes).sort().reverse();
    for (const name of names) pending.push((path === '' ? name : `${path}/${name}`) as Raw);
  }
  return found;
}

function contentOf(path: Buffer, size: bigint): string {
  return size > 64n << 20n ? 'large' : createHash('sha256').update(readFileSync(path)).digest('hex');
}
