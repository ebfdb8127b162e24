/**
 * The roots of a backup as a tree of path components: what a walk from `/` needs to find every root once, in the
 * order of a manifest, however they overlap. Decides what the paths mean; reads the file system only to resolve `..`.
 */
import { IcecoreError } from '../base/errors.ts';
import { type Raw, rawToDisplay } from '../base/raw.ts';
import type { FileSystem } from './fs.ts';
import { withFsPath } from './long-path.ts';

/** A path that is a root, or leads to one. */
export interface RootNode {
  /** The whole subtree is wanted. */
  isRoot: boolean;
  /** It was given with a trailing slash: a symlink is followed. */
  isFollowed: boolean;
  readonly children: Map<Raw, RootNode>;
}

/** One root as it will be walked. */
export interface Root {
  readonly path: Raw;
  readonly isFollowed: boolean;
}

/**
 * Brings roots into one form: no doubled slashes, no `.`, a trailing slash turned into `isFollowed`. A `..` is
 * resolved as the kernel would, which after a link is not the same as dropping a component.
 * @throws IcecoreError `no-roots`, `relative-root`, `bad-root`.
 */
export function normalizeRoots(paths: readonly Raw[], fs: FileSystem): Root[] {
  if (paths.length === 0) throw new IcecoreError('usage', 'no-roots', 'there is nothing to back up: no path was given');
  return paths.map((path) => {
    if (!path.startsWith('/')) {
      throw new IcecoreError('bug', 'relative-root', `the path ${rawToDisplay(path)} is not absolute`);
    }
    if (path.includes('\0')) throw new IcecoreError('usage', 'bad-root', 'a path has a NUL byte');
    const isFollowed = /\/\.?$/.test(path);
    let names = path.split('/').filter((name) => name !== '' && name !== '.');
    const dots = names.lastIndexOf('..');
    if (dots >= 0) {
      const head = `/${names.slice(0, dots + 1).join('/')}` as Raw;
      const real = resolve(head, fs);
      names = [...real.split('/').filter((name) => name !== ''), ...names.slice(dots + 1)];
    }
    return { path: `/${names.join('/')}` as Raw, isFollowed };
  });
}

function resolve(path: Raw, fs: FileSystem): Raw {
  try {
    return withFsPath(path, fs, (fsPath) => fs.realpathSync(fsPath));
  } catch (cause) {
    throw rootError(path, 'cannot be resolved', cause);
  }
}

/** Makes the tree; the node returned stands for `/`. */
export function buildRootTree(roots: readonly Root[]): RootNode {
  const top: RootNode = { isRoot: false, isFollowed: false, children: new Map() };
  for (const root of roots) {
    let node = top;
    for (const part of root.path.split('/')) {
      if (part === '') continue;
      const name = part as Raw;
      let child = node.children.get(name);
      if (!child) {
        child = { isRoot: false, isFollowed: false, children: new Map() };
        node.children.set(name, child);
      }
      node = child;
    }
    node.isRoot = true;
    node.isFollowed ||= root.isFollowed;
  }
  return top;
}

/** Makes the error that ends a backup before it forgets what it should have contained. */
export function rootError(path: Raw, what: string, cause?: unknown): IcecoreError {
  const reason = cause instanceof Error ? `: ${cause.message}` : '';
  return new IcecoreError('user', 'root-unreadable', `the path to back up ${rawToDisplay(path)} ${what}${reason}`, {
    hint: 'check that it exists, is mounted, and may be read; nothing was stored',
    data: { path: rawToDisplay(path) },
    cause,
  });
}
