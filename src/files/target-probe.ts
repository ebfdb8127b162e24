/**
 * What a target does with names, found out by making a file: whether it can be written at all, and whether two names
 * of a snapshot can turn out to be one there (case, Unicode normalisation). And which names of a directory would.
 */
import { randomInt } from 'node:crypto';
import { type Raw, rawFromText, rawToText } from '../base/raw.ts';
import type { TargetCalls } from './target-calls.ts';
import { naming } from './target-metadata.ts';
import type { DirectoryCache } from './target-tree.ts';

/** How a target tells names apart. */
export interface NameRules {
  readonly ignoresCase: boolean;
  readonly ignoresNormalization: boolean;
}

/**
 * Makes and removes an empty file in the root.
 * @throws IcecoreError `target-read-only`, `target-not-permitted`, `target-full`: so before any download.
 */
export function probeTarget(calls: TargetCalls, directories: DirectoryCache, makeName: () => Raw): NameRules {
  const root = directories.open('/' as Raw);
  return naming(
    () => directories.locate('/' as Raw),
    () => {
      const name = makeName();
      calls.close(calls.createFile(root.fd, name));
      const upper = name.toUpperCase() as Raw;
      const ignoresCase = calls.look(root.fd, upper) !== undefined;
      calls.unlink(root.fd, name);
      return { ignoresCase, ignoresNormalization: probeNormalization(calls, root.fd) };
    },
  );
}

function probeNormalization(calls: TargetCalls, dir: number): boolean {
  const number = randomInt(2 ** 32);
  const composed = rawFromText(`.ic-probe-\u00e9-${number}`);
  const decomposed = rawFromText(`.ic-probe-e\u0301-${number}`);
  calls.close(calls.createFile(dir, composed));
  try {
    return calls.look(dir, decomposed) !== undefined;
  } finally {
    calls.unlink(dir, composed);
  }
}

/**
 * The names of one directory that would fall together with an earlier one of it in such a target. Pure. Names that
 * are not UTF-8 fold to themselves.
 */
export function findTwins(names: Iterable<Raw>, rules: NameRules): Set<Raw> {
  const twins = new Set<Raw>();
  if (!rules.ignoresCase && !rules.ignoresNormalization) return twins;
  const seen = new Set<string>();
  for (const name of names) {
    const folded = fold(rawToText(name) ?? `\0${name}`, rules);
    if (seen.has(folded)) twins.add(name);
    seen.add(folded);
  }
  return twins;
}

function fold(text: string, rules: NameRules): string {
  const cased = rules.ignoresCase ? text.toUpperCase().toLowerCase() : text;
  return rules.ignoresNormalization ? cased.normalize('NFD') : cased;
}
