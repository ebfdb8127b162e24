/** Verbs that answer from memory, for what the command line does with answers. The real ones have tests of their own. */
import type { SessionId } from '../../src/base/ids.ts';
import { type Raw, rawFromText } from '../../src/base/raw.ts';
import type { Verbs } from '../../src/cli/verbs.ts';
import type { Entry } from '../../src/format/entry.ts';
import type { OpenOptions } from '../../src/repo/access.ts';
import type { Repository } from '../../src/repo/repository.ts';
import type { Store } from '../../src/store/store.ts';
import type { ListedEntry, SnapshotInfo } from '../../src/work/browse.ts';

/** A repository that opens, and the options that it was opened with. */
export function openingVerbs(onOpen: (options: OpenOptions) => void | Promise<void> = () => {}): Partial<Verbs> {
  const store = { location: '/fake', close: async () => {} } as Partial<Store> as Store;
  return {
    store: async () => ({ openStore: async () => store }),
    repository: async () => ({
      openRepository: async (_store: Store, options: OpenOptions) => {
        await onOpen(options);
        return {
          location: '/fake',
          store,
          role: 'admin',
          requestStats: () => ({ requests: { put: 0, get: 0, list: 0, stat: 0, delete: 0 } }),
          catalogFailure: () => undefined,
          close: async () => {},
        } as Partial<Repository> as Repository;
      },
    }),
  } as Partial<Verbs>;
}

/** Replaces functions of the module that `browse` loads; those that are not given fail when they are called. */
export function browsing(functions: Partial<Awaited<ReturnType<Verbs['browse']>>>): Partial<Verbs> {
  return { ...openingVerbs(), browse: async () => functions as Awaited<ReturnType<Verbs['browse']>> };
}

export function snapshot(id: string, more: Partial<SnapshotInfo> = {}): SnapshotInfo {
  return {
    id: id as SessionId,
    time: '2026-11-17T10:05:00.000Z',
    host: 'nas',
    user: 'anna',
    paths: [rawFromText('/home')],
    tags: [],
    excludes: [],
    files: 3,
    dirs: 1,
    bytes: 1_288_490_189,
    entries: 4,
    complete: true,
    errors: 0,
    partial: false,
    writer: '0011223344556677',
    program: 'icecore 0.1.0',
    ...more,
  };
}

export function file(path: Raw | string, more: Partial<Entry> = {}): ListedEntry {
  const raw = rawFromText(path);
  return {
    path: raw,
    entry: {
      name: raw.slice(raw.lastIndexOf('/') + 1) as Raw,
      type: 'file',
      mode: 0o644,
      uid: 0,
      gid: 0,
      user: 'root',
      group: 'root',
      size: 42,
      mtime: 1_700_000_000_123_456_789n,
      ...more,
    },
  };
}

/** A path of these exact bytes. */
export function rawPath(path: string): Raw {
  return path as Raw;
}

export async function* each<T>(...items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}
