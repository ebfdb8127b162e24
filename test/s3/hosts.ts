/** The built program as hosts run it against a place: each host with keys, caches and state of its own. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { Program, type ProgramEnd, type ProgramRun } from '../support/program.ts';
import { seededBytes } from '../support/random.ts';
import { makeTestFolder } from '../support/test-folder.ts';
import { treeDifferences, treeState } from '../support/tree-state.ts';
import type { Place } from './places.ts';

const PASSWORD = 'correct horse battery staple';
const MIB = 2 ** 20;

/** The last line of a run with `--json`. */
export type Summary = Readonly<Record<string, unknown>>;

/** One build, for the tests of a file. */
export class Hosts {
  readonly #program = new Program();
  readonly #folders: string[] = [];

  /** A host that knows nothing, and a repository name of the place that it uses. */
  add(place: Place, repository: string): Host {
    const folder = makeTestFolder('s3-host');
    this.#folders.push(folder);
    return new Host(this.#program, folder, place, repository);
  }

  remove(): void {
    this.#program.remove();
    for (const folder of this.#folders) rmSync(folder, { recursive: true, force: true });
  }
}

/** A host with something to back up. */
export class Host {
  readonly folder: string;
  /** An empty folder at first. */
  readonly source: string;
  readonly repository: string;
  readonly #program: Program;
  readonly #place: Place;
  #restores = 0;

  constructor(program: Program, folder: string, place: Place, repository: string) {
    this.#program = program;
    this.folder = folder;
    this.#place = place;
    this.repository = repository;
    this.source = join(folder, 'source');
    mkdirSync(this.source);
    writeFileSync(join(folder, 'password'), PASSWORD, { mode: 0o600 });
  }

  start(...args: string[]): ProgramRun {
    const places = {
      config: join(this.folder, 'config'),
      cache: join(this.folder, 'cache'),
      state: join(this.folder, 'state'),
    };
    return this.#program.start(places, args, {
      ...this.#place.environment,
      ICECORE_REPOSITORY: this.#place.url(this.repository),
      ICECORE_PASSWORD_FILE: join(this.folder, 'password'),
    });
  }

  /** Runs a command to its end, whatever it is. */
  end(...args: string[]): Promise<ProgramEnd> {
    return this.start(...args).ended;
  }

  /** Runs a command that has to succeed. */
  async run(...args: string[]): Promise<Summary> {
    const end = await this.end(...args, '--json');
    expect(end, `${args.join(' ')}\n${end.out}\n${end.err}`).toMatchObject({ exit: 0 });
    return JSON.parse(end.out.trim().split('\n').at(-1)!) as Summary;
  }

  /** Restores the newest snapshot, and says how that differs from the source as it is now. */
  async restoreDifferences(): Promise<string[]> {
    const target = join(this.folder, `target-${this.#restores++}`);
    await this.run('restore', `latest:${this.source}`, '--target', target);
    const differences = treeDifferences(treeState(this.source), treeState(target));
    rmSync(target, { recursive: true });
    return differences;
  }

  /** Writes a file that does not compress into the source. */
  write(name: string, mib: number, seed: number): void {
    mkdirSync(join(this.source, name, '..'), { recursive: true });
    writeFileSync(join(this.source, name), seededBytes(mib * MIB, seed));
  }
}
