/**
 * Which entries a restore takes: patterns as in .gitignore, on paths relative to what is restored. An excluded
 * directory takes everything below with it. With include patterns only what matches, or lies below a directory that
 * does, is taken; directories on the way there are made.
 */
import type { Raw } from '../base/raw.ts';
import { optionRule, RuleScope } from '../files/exclude-rules.ts';

/** The rules as they apply to the entries of one directory. */
export interface SelectionScope {
  readonly exclude: RuleScope | undefined;
  /** Absent when everything here is included. */
  readonly include: RuleScope | undefined;
}

/** What is to be done with an entry. `way`: a directory that is not included itself, but something below it may be. */
export type Selected = 'taken' | 'way' | 'left';

/**
 * Makes the scope of the root of what is restored.
 * @throws kind `usage`, `bad-exclude-pattern`
 */
export function makeSelection(include: readonly string[], exclude: readonly string[]): SelectionScope {
  const scope = (patterns: readonly string[], option: string) =>
    patterns.length === 0
      ? undefined
      : RuleScope.ofRoot(
          patterns.map((pattern) => optionRule(pattern, option)),
          '/' as Raw,
        );
  return { include: scope(include, '--include'), exclude: scope(exclude, '--exclude') };
}

/** Decides on an entry of a scope's directory. */
export function select({ exclude, include }: SelectionScope, name: Raw, isDirectory: boolean): Selected {
  const excluding = exclude?.decide(name, isDirectory);
  if (excluding && !excluding.pattern.isNegated) return 'left';
  if (!include) return 'taken';
  const including = include.decide(name, isDirectory);
  if (including) return including.pattern.isNegated ? 'left' : 'taken';
  return isDirectory ? 'way' : 'left';
}

/** The scope of a directory in a scope's directory; `isTaken` is what was decided on it. */
export function scopeBelow(scope: SelectionScope, name: Raw, isTaken: boolean): SelectionScope {
  const { exclude, include } = scope;
  if (!exclude && (!include || isTaken)) return { exclude: undefined, include: undefined };
  return { exclude: exclude?.below(name), include: isTaken ? undefined : include?.below(name) };
}

/** True when a path of the tree is selected, as an entry of the snapshot there would be. */
export function isSelected(root: SelectionScope, path: Raw, isDirectory: boolean): boolean {
  let scope = root;
  const names = path.split('/').filter((name) => name !== '') as Raw[];
  const last = names.length - 1;
  for (const [i, name] of names.entries()) {
    const selected = select(scope, name, i < last || isDirectory);
    if (selected === 'left') return false;
    if (i === last) return selected === 'taken';
    scope = scopeBelow(scope, name, selected === 'taken');
  }
  return false;
}
