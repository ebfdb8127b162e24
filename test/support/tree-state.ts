/** What a tree of files is, to the byte and the nanosecond: to compare a restored tree with a copy, or with itself. */
import { createHash } from 'node:crypto';
import { type BigIntStats, lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** Paths below the root (latin1, relative) with one line each that says everything that a restore must bring back. */
export type TreeState = ReadonlyMap<string, string>;

/** Describes everything below a folder. Names that begin with `without` are left out. */
export function treeState(root: string, without?: string): TreeState {
  const state = new Map<string, string>();
  const links = new Map<string, string[]>();
  const visit = (folder: Buffer, prefix: string): void => {
    for (const name of readdirSync(folder, 'latin1').sort()) {
      if (without !== undefined && name.startsWith(without)) continue;
      const path = Buffer.concat([folder, Buffer.from('/'), Buffer.from(name, 'latin1')]);
      const relative = prefix + name;
      const stat = lstatSync(path, { bigint: true });
      state.set(relative, describe(path, stat));
      if (stat.isDirectory()) visit(path, `${relative}/`);
      else if (stat.isFile() && stat.nlink > 1n) {
        const key = `${stat.dev}:${stat.ino}`;
        links.set(key, [...(links.get(key) ?? []), relative]);
      }
    }
  };
  visit(Buffer.from(root), '');
  // Which names are one file; names outside the tree do not count.
  for (const group of links.values()) {
    if (group.length < 2) continue;
    for (const name of group) state.set(name, `${state.get(name)} with ${group.join(',')}`);
  }
  return state;
}

function describe(path: Buffer, stat: BigIntStats): string {
  const mode = (Number(stat.mode) & 0o177777).toString(8);
  const shared = `${mode} ${stat.uid}:${stat.gid} ${stat.mtimeNs}`;
  if (stat.isSymbolicLink()) return `${shared} -> ${readlinkSync(path, 'latin1')}`;
  if (!stat.isFile()) return shared;
  return `${shared} ${stat.size} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`;
}

/** The differences, one line each, for messages; empty when both are the same. */
export function treeDifferences(expected: TreeState, found: TreeState): string[] {
  const lines: string[] = [];
  for (const [path, state] of expected) {
    const other = found.get(path);
    if (other === undefined) lines.push(`missing: ${path}`);
    else if (other !== state) lines.push(`differs: ${path}: ${state} | ${other}`);
  }
  for (const path of found.keys()) if (!expected.has(path)) lines.push(`extra: ${path}`);
  return lines;
}
