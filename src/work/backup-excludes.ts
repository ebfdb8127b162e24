/** The exclude rules of a backup, as the walk takes them, and what is to be said of rules that did nothing. */
import type { Monitor } from '../base/monitor.ts';
import { rawFromText } from '../base/raw.ts';
import { createExcludeMatcher, type ExcludeMatcher } from '../files/exclude.ts';
import type { ExcludeOptions } from './backup-options.ts';

/**
 * Compiles the rules and reads the files of rules.
 * @throws `usage` for a malformed rule, naming it; `user` for a file that cannot be read
 */
export function makeExcludes(options: ExcludeOptions): ExcludeMatcher {
  const { patterns, files, ignoreFileNames, ifPresent, caches, largerThan } = options;
  return createExcludeMatcher({
    patterns,
    files: files.map(rawFromText),
    ignoreFiles: ignoreFileNames.map(rawFromText),
    ifPresent: ifPresent.map(rawFromText),
    caches,
    ...(largerThan === undefined ? {} : { largerThan }),
  });
}

/**
 * Names the rules that matched nothing in a whole walk: they may be mistyped. Only to somebody who looks at single
 * paths; a list of rules that several hosts share would warn on each of them every day.
 */
export function reportUnusedRules(excludes: ExcludeMatcher, monitor: Monitor): void {
  if (!monitor.wantsItems) return;
  for (const { exclusion } of excludes.unusedRules()) {
    const message = `the exclude rule ${exclusion.reason} matches nothing`;
    monitor.problem({ severity: 'warning', code: 'unused-exclude', message });
  }
}
