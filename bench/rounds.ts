/**
 * The comparison itself: every tool does every leg, in turn, several times over. Owns the order, the empty folders that
 * each run starts with, and the check that a restore brought everything back; says nothing about what figures mean.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { type CommandSettings, type Measure, runCommand } from './command.ts';
import type { DataSet } from './data-sets.ts';
import type { Repositories } from './repositories.ts';
import type { FoundTool } from './tools/all.ts';
import { LEGS, type Leg, type Site } from './tools/tool.ts';
import { findDifferences } from './walk.ts';

const PASSWORD = 'a passphrase for figures only';

/** One run of one tool. */
export interface Result extends Measure {
  readonly data: string;
  readonly tool: string;
  readonly leg: Leg;
  readonly round: number;
  /** Bytes in the repository afterwards; after backups only. */
  readonly storedBytes?: number;
}

/** How to compare. */
export interface Comparison {
  readonly data: DataSet;
  readonly tools: readonly FoundTool[];
  readonly repositories: Repositories;
  /** Legs to report; `first` is always done. */
  readonly legs: readonly Leg[];
  readonly rounds: number;
  /**
   * `legs`: the tools take turns leg by leg, so that what is compared is minutes closer together. `tools`: each does all
   * its legs and is cleared away, which takes the room of one repository instead of all.
   */
  readonly turns: 'legs' | 'tools';
  /** An existing folder on the file system to measure. */
  readonly scratch: string;
  readonly seed: string;
  /** Hears of every run as it ends. */
  onResult(result: Result): void;
  /** Hears of a run that failed; after a failed backup the tool leaves the round. */
  onFailure(tool: string, leg: Leg, message: string): void;
}

interface Player {
  readonly found: FoundTool;
  readonly site: Site & { readonly done: Leg[] };
  readonly settings: CommandSettings;
  /** A backup failed, and nothing that comes after it means anything. */
  isOut: boolean;
}

/** Runs all rounds. What fails is reported, and the others go on. */
export async function runRounds(comparison: Comparison): Promise<void> {
  for (let round = 0; round < comparison.rounds; round++) {
    const folder = `${comparison.scratch}/round`;
    const changes = new Changes(comparison.data, `${comparison.seed}/${round}`);
    try {
      await runRound(comparison, round, folder, changes);
    } finally {
      changes.set(false);
      clear(folder);
    }
  }
}

async function runRound(comparison: Comparison, round: number, folder: string, changes: Changes): Promise<void> {
  const legs = LEGS.filter((leg) => leg === 'first' || comparison.legs.includes(leg));
  const { repositories } = comparison;
  const players = comparison.tools.map((found) =>
    makePlayer(found, comparison.data.path, `${folder}/${found.tool.name}`, repositories),
  );
  const play = async (player: Player, leg: Leg): Promise<void> => {
    if (player.isOut || !player.found.tool.legs.includes(leg)) return;
    const { name } = player.found.tool;
    // From `changed` on the data stays changed; a tool that cannot do that leg has an older snapshot to restore.
    changes.set(player.site.done.includes('changed') || leg === 'changed');
    try {
      if (leg === 'first') await prepare(player);
      const result = await runLeg(player, leg, repositories);
      player.site.done.push(leg);
      if (leg === 'restore' && round === 0) checkRestored(player);
      comparison.onResult({ data: comparison.data.name, tool: name, leg, round, ...result });
    } catch (error) {
      player.isOut = leg !== 'restore' && leg !== 'verify';
      comparison.onFailure(name, leg, error instanceof Error ? error.message : String(error));
    } finally {
      clear(player.site.target);
    }
  };
  if (comparison.turns === 'legs') {
    for (const leg of legs) for (const player of players) await play(player, leg);
    for (const player of players) await repositories.clear(player.site.repository);
  } else {
    for (const player of players) {
      for (const leg of legs) await play(player, leg);
      clear(player.site.local);
      await repositories.clear(player.site.repository);
    }
  }
}

function makePlayer(found: FoundTool, source: string, folder: string, repositories: Repositories): Player {
  const local = `${folder}/local`;
  mkdirSync(`${local}/tmp`, { recursive: true });
  const passwordFile = `${folder}/password`;
  writeFileSync(passwordFile, `${PASSWORD}\n`, { mode: 0o600 });
  const repository = repositories.place(found.tool.name, folder);
  const site = {
    source,
    repository,
    local,
    target: `${folder}/target`,
    passwordFile,
    password: PASSWORD,
    programs: found.programs,
    done: [],
  };
  const environment = {
    // Nothing else of the caller's: settings of its own would be compared too.
    PATH: process.env.PATH ?? '',
    HOME: local,
    TMPDIR: `${local}/tmp`,
    LANG: 'C.UTF-8',
    ...found.tool.environment(site),
  };
  return { found, site, settings: { environment, scratch: folder }, isOut: false };
}

async function prepare({ found, site, settings }: Player): Promise<void> {
  for (const command of found.tool.prepare(site)) await runCommand(command, settings);
}

async function runLeg(
  { found, site, settings }: Player,
  leg: Leg,
  repositories: Repositories,
): Promise<Measure & { storedBytes?: number }> {
  if (leg === 'restore') mkdirSync(site.target);
  const measure = await runCommand(found.tool.command(leg, site), settings);
  if (leg === 'restore' || leg === 'verify') return measure;
  return { ...measure, storedBytes: await repositories.weigh(site.repository) };
}

function checkRestored({ found, site }: Player): void {
  const differences = findDifferences(site.source, found.tool.restored(site));
  if (differences.length > 0) throw new Error(`the restored data differ: ${differences.join('; ')}`);
}

/** Whether the data are changed at the moment. */
class Changes {
  readonly #data: DataSet;
  readonly #seed: string;
  #undo: (() => void) | undefined;

  constructor(data: DataSet, seed: string) {
    this.#data = data;
    this.#seed = seed;
  }

  set(isChanged: boolean): void {
    if (isChanged) {
      this.#undo ??= this.#data.change(this.#seed);
    } else {
      this.#undo?.();
      this.#undo = undefined;
    }
  }
}

function clear(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}
