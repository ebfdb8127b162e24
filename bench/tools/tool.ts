/**
 * What the comparison knows of a backup tool: the programs it needs, its environment, and one command for each leg.
 * A tool is data and small functions; running and measuring belong to ../command.ts and ../rounds.ts.
 */
import type { Command } from '../command.ts';

/** What is measured, in the order in which it is done. */
export const LEGS = ['first', 'unchanged', 'changed', 'restore', 'verify'] as const;
export type Leg = (typeof LEGS)[number];

/** Where a repository is: a folder, or what lies below a prefix of a bucket. */
export type Repository =
  | { readonly type: 'folder'; readonly path: string }
  | {
      readonly type: 'bucket';
      readonly endpoint: string;
      readonly bucket: string;
      readonly prefix: string;
      /** Credentials and region, by the names that most tools look for. */
      readonly environment: Readonly<Record<string, string>>;
    };

/** Where one tool works in one round. All of it is its own and empty at first, but for the source and the password. */
export interface Site {
  /** The directory that is backed up. Absolute, like all paths here. */
  readonly source: string;
  readonly repository: Repository;
  /** Home directory, caches, configuration. */
  readonly local: string;
  /** Empty before a restore. */
  readonly target: string;
  /** Holds one line. */
  readonly passwordFile: string;
  readonly password: string;
  /** The tool's own programs by name. */
  readonly programs: ReadonlyMap<string, string>;
  /** The legs that were run before, whose last one made the newest snapshot. */
  readonly done: readonly Leg[];
}

/** A tool to compare with. */
export interface Tool {
  readonly name: string;
  /** All have to be found; the first one is asked for its version. */
  readonly programs: readonly string[];
  readonly versionArguments: readonly string[];
  /** The legs that it can do at all. */
  readonly legs: readonly Leg[];
  /** Where it can keep a repository. */
  readonly places: readonly Repository['type'][];
  /** Added to the environment of every command. */
  environment(site: Site): Record<string, string>;
  /** Makes the repository. Not measured. */
  prepare(site: Site): readonly Command[];
  /** The one command that is measured. */
  command(leg: Leg, site: Site): Command;
  /** Where a restore puts the content of the source. */
  restored(site: Site): string;
}

/** The folder that the repository is in, for tools that know nothing else. */
export function repositoryFolder({ repository }: Site): string {
  if (repository.type !== 'folder') throw new Error('this tool keeps repositories in folders only');
  return repository.path;
}

/** The path of one of the tool's programs. */
export function program(site: Site, name: string): string {
  const path = site.programs.get(name);
  if (path === undefined) throw new Error(`${name} was not looked for`);
  return path;
}
