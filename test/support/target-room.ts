/** A directory to restore into, trees on it, and calls that fail when told. For the tests of src/files/target*.ts. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Problem } from '../../src/base/monitor.ts';
import { type Raw, rawFromText } from '../../src/base/raw.ts';
import { TargetTree } from '../../src/files/target.ts';
import type { TargetCalls } from '../../src/files/target-calls.ts';
import type { FileMeta } from '../../src/files/target-file.ts';
import { loadTargetCalls } from '../../src/files/target-load.ts';
import type { TargetRun } from '../../src/files/target-names.ts';

export const isRoot = process.geteuid?.() === 0;

/** A raw string of a text. */
export function raw(text: string): Raw {
  return rawFromText(text);
}

/** Metadata of this user, changed as told. */
export function meta(changes: Partial<FileMeta> = {}): FileMeta {
  const [uid, gid] = [process.geteuid?.() ?? 0, process.getegid?.() ?? 0];
  return { mode: 0o644, uid, gid, mtime: 1_600_000_000_123_456_789n, ...changes };
}

/** A temporary directory that `path` joins into, with everything that was reported. */
export class TargetRoom {
  readonly base = mkdtempSync(join(tmpdir(), 'icecore-target-'));
  readonly root = join(this.base, 'out');
  readonly problems: Problem[] = [];
  readonly run: TargetRun = { pid: process.pid, token: 7, started: Date.now() };
  readonly #trees: TargetTree[] = [];

  tree(
    calls: TargetCalls = loadTargetCalls(),
    options: { openDirectories?: number; run?: TargetRun } = {},
  ): TargetTree {
    const report = (problem: Problem): void => {
      this.problems.push(problem);
    };
    const tree = new TargetTree(raw(this.root), calls, { run: this.run, setsOwners: true, report, ...options });
    this.#trees.push(tree);
    return tree;
  }

  path(...names: string[]): string {
    return join(this.root, ...names);
  }

  codes(): string[] {
    return this.problems.map(({ code }) => code);
  }

  remove(): void {
    for (const tree of this.#trees) {
      try {
        tree.close();
      } catch {
        // Closed by the test, or by a fault.
      }
    }
    rmSync(this.base, { recursive: true, force: true });
  }
}

/** Calls that are counted, of which the nth fails; `name` limits both to calls of that name. */
export class FaultyCalls {
  count = 0;
  failAt = 0;
  /** The descriptors that are open. */
  readonly open = new Set<number>();
  readonly calls: TargetCalls;

  constructor(code: string, real: TargetCalls = loadTargetCalls(), only?: (name: string) => boolean) {
    this.calls = new Proxy(real, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        return (...values: unknown[]): unknown => {
          if (!only || only(String(name))) {
            this.count += 1;
            if (this.count === this.failAt)
              throw Object.assign(new Error(`${code}: injected into ${String(name)}`), { code });
          }
          const result: unknown = Reflect.apply(value, target, values);
          if (/^(open|create)/.test(String(name))) this.open.add(result as number);
          if (name === 'close') this.open.delete(values[0] as number);
          return result;
        };
      },
    });
  }
}

/** Calls some of whose methods are replaced. */
export function replaceCalls(replaced: (real: TargetCalls) => Partial<TargetCalls>): TargetCalls {
  const real = loadTargetCalls();
  const own = replaced(real);
  return new Proxy(real, {
    get: (target, name) => {
      const mine: unknown = Reflect.get(own, name);
      if (mine !== undefined) return mine;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
