/** The built program, to be spawned, and killed, by tests: in a package of its own, so that a test builds nothing here. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { LocalPlaces } from '../../src/repo/access.ts';
import { makeTestFolder } from './test-folder.ts';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** How a run ended. */
export interface ProgramEnd {
  readonly exit: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

/** A run under way. */
export interface ProgramRun {
  readonly child: ChildProcess;
  readonly ended: Promise<ProgramEnd>;
}

/** A build of the program. */
export class Program {
  readonly #folder: string;

  /** Builds the sources as they are. */
  constructor() {
    this.#folder = makeTestFolder('program');
    for (const name of ['package.json', 'bin']) cpSync(join(ROOT, name), join(this.#folder, name), { recursive: true });
    for (const name of ['src', 'node_modules']) symlinkSync(join(ROOT, name), join(this.#folder, name));
    execFileSync(process.execPath, ['bin/build.mjs'], { cwd: this.#folder });
  }

  /** The folder that it was built into. */
  get dist(): string {
    return join(this.#folder, 'dist');
  }

  /** Starts a command line on a host that keeps its things in `places`; `environment` is added to its own. */
  start(places: LocalPlaces, args: readonly string[], environment: Record<string, string> = {}): ProgramRun {
    const child = spawn(process.execPath, [join(this.#folder, 'bin', 'icecore.js'), ...args], {
      env: { PATH: process.env.PATH, HOME: '/nonexistent', ...environmentOf(places), ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const texts = { out: '', err: '' };
    child.stdout.on('data', (data: Buffer) => (texts.out += data.toString('utf8')));
    child.stderr.on('data', (data: Buffer) => (texts.err += data.toString('utf8')));
    const ended = new Promise<ProgramEnd>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (exit, signal) => resolve({ exit, signal, ...texts }));
    });
    return { child, ended };
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** The program looks for a folder of its own name in the places that the XDG specification names. */
function environmentOf(places: LocalPlaces): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const kind of ['config', 'cache', 'state'] as const) {
    const base = `${places[kind]}.xdg`;
    const link = join(base, 'icecore');
    mkdirSync(base, { recursive: true });
    mkdirSync(places[kind], { recursive: true });
    rmSync(link, { force: true });
    symlinkSync(places[kind], link);
    environment[`XDG_${kind.toUpperCase()}_HOME`] = base;
  }
  return environment;
}
