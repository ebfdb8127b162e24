/** A file system for tests that fails at its nth call, reads short, or runs a hook before a call. */
import { type FileSystem, nodeFileSystem } from '../../src/files/fs.ts';

export type FileCall = keyof FileSystem;

export interface FaultPlan {
  /** Throws this errno at call number `at` (from 1), counted over all calls or over those of `on`. */
  readonly at?: number;
  readonly code?: string;
  readonly on?: FileCall;
  /** No read gives more bytes than this. */
  readonly shortReads?: number;
  /** Is called before each call with its number and arguments; may change the real files, or throw. */
  readonly before?: (call: FileCall, number: number, args: readonly unknown[]) => void;
}

/** Makes an error as node:fs would throw it. */
export function errnoError(code: string, call: string): Error {
  return Object.assign(new Error(`${code}: injected, ${call}`), { code, errno: -1, syscall: call });
}

/** Puts faults in front of node:fs; `calls` counts what was asked so far. */
export function faultyFileSystem(plan: FaultPlan): FileSystem & { readonly calls: () => number } {
  let count = 0;
  const wrap = <K extends FileCall>(call: K): FileSystem[K] => {
    const real = nodeFileSystem[call] as (...args: unknown[]) => unknown;
    const wrapped = (...args: unknown[]): unknown => {
      // A failed close must not leave a descriptor behind in the test's process: it closes, then complains.
      const number = plan.on === undefined || plan.on === call ? ++count : 0;
      plan.before?.(call, number, args);
      const fails = plan.code !== undefined && number > 0 && number === plan.at;
      if (fails && call === 'closeSync') real(...args);
      if (fails) throw errnoError(plan.code!, call);
      if (call === 'readSync' && plan.shortReads !== undefined) {
        const [fd, target, offset, length, position] = args;
        return real(fd, target, offset, Math.min(length as number, plan.shortReads), position);
      }
      return real(...args);
    };
    return wrapped as FileSystem[K];
  };
  return {
    readdirSync: wrap('readdirSync'),
    lstatSync: wrap('lstatSync'),
    statSync: wrap('statSync'),
    fstatSync: wrap('fstatSync'),
    openSync: wrap('openSync'),
    closeSync: wrap('closeSync'),
    readSync: wrap('readSync'),
    readlinkSync: wrap('readlinkSync'),
    realpathSync: wrap('realpathSync'),
    statfsTypeSync: wrap('statfsTypeSync'),
    calls: () => count,
  };
}
