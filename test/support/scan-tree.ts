/** A temporary folder and a scan of it, for tests of the walk. */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Problem } from '../../src/base/monitor.ts';
import { type Raw, rawFromText } from '../../src/base/raw.ts';
import { loadLibc } from '../../src/files/libc.ts';
import { scan } from '../../src/files/scan.ts';
import type { ScanEntry, ScanOptions, ScanPage } from '../../src/files/scan-types.ts';

/** Makes a folder, gives it to the test, and removes it. */
export function withFolder<T>(test: (folder: string) => T): T {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'icecore-files-')));
  try {
    return test(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Everything that a scan said. Paths below `base` are given relative to it. */
export interface Scanned {
  readonly pages: ScanPage[];
  readonly paths: string[];
  readonly entries: Map<string, ScanEntry>;
  readonly problems: Problem[];
  readonly excluded: string[];
  readonly reasons: string[];
}

/** Scans roots below a folder to the end; `''` is the folder itself. As the program does, unless told otherwise. */
export function scanAll(base: string, roots: readonly string[] = [''], options: ScanOptions = {}): Scanned {
  const result: Scanned = { pages: [], paths: [], entries: new Map(), problems: [], excluded: [], reasons: [] };
  const raw = rawFromText(base);
  const relative = (path: string) => (path.startsWith(`${raw}/`) ? path.slice(raw.length + 1) : path);
  const full = roots.map((root) => (root.startsWith('/') ? root : root === '' ? raw : `${raw}/${root}`) as Raw);
  const pages = scan(full, {
    libc: options.fs ? undefined : loadLibc(),
    ...options,
    onProblem: (problem) => result.problems.push(problem),
    onExcluded: (path, { reason }) => {
      result.excluded.push(relative(path));
      result.reasons.push(reason);
    },
  });
  for (const page of pages) {
    result.pages.push(page);
    for (const entry of page.entries) {
      const path = relative(page.path === '/' ? `/${entry.name}` : `${page.path}/${entry.name}`);
      result.entries.set(path, entry);
      if (!raw.startsWith(path)) result.paths.push(path);
    }
  }
  return result;
}
