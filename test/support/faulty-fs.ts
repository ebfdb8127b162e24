/**
 * Makes the n-th file system call fail. For `vi.mock('node:fs/promises', …)` and `vi.mock('node:fs', …)`: the wrapped
 * module counts the calls that matter, and throws an errno error at the chosen one, before or after its effect.
 */

/** What to fail. `calls` counts from the last `arm`; without a `failAt` nothing fails. */
export const fileFaults = {
  calls: 0,
  log: [] as string[],
  failAt: 0,
  code: 'EIO',
  isAfter: false,
  arm(failAt: number, code = 'EIO', isAfter = false): void {
    Object.assign(this, { calls: 0, log: [], failAt, code, isAfter });
  },
};

const HANDLE_METHODS = new Set(['write', 'sync', 'close', 'stat', 'read']);

function failure(what: string): Error {
  return Object.assign(new Error(`${fileFaults.code}: injected, ${what}`), { code: fileFaults.code, syscall: what });
}

/** True when this call has to fail. */
function isDue(what: string): boolean {
  fileFaults.log.push(what);
  return ++fileFaults.calls === fileFaults.failAt;
}

/** Wraps the given functions of a module of promises; file handles that `open` returns are wrapped too. */
export function wrapPromises<T extends object>(module: T, names: readonly (keyof T & string)[]): T {
  const wrapped = { ...module } as Record<string, unknown>;
  for (const name of names) {
    const original = module[name] as (...args: unknown[]) => Promise<unknown>;
    wrapped[name] = async (...args: unknown[]) => {
      const isHit = isDue(name);
      if (isHit && !fileFaults.isAfter) throw failure(name);
      const result = await original(...args);
      if (isHit) {
        if (name === 'open') await (result as { close(): Promise<void> }).close();
        throw failure(name);
      }
      return name === 'open' ? wrapHandle(result as object) : result;
    };
  }
  return wrapped as T;
}

function wrapHandle(handle: object): object {
  return new Proxy(handle, {
    get(target, key) {
      const value = Reflect.get(target, key, target);
      if (typeof value !== 'function') return value;
      const call = value.bind(target) as (...args: unknown[]) => Promise<unknown>;
      if (!HANDLE_METHODS.has(String(key))) return call;
      return async (...args: unknown[]) => {
        const isHit = isDue(`handle.${String(key)}`);
        if (isHit && !fileFaults.isAfter && key !== 'close') throw failure(String(key));
        const result = await call(...args);
        if (isHit) throw failure(String(key));
        return result;
      };
    },
  });
}

/** Wraps the given synchronous functions of a module. A close that fails has closed, as on Linux. */
export function wrapSync<T extends object>(module: T, names: readonly (keyof T & string)[]): T {
  const wrapped = { ...module } as Record<string, unknown>;
  for (const name of names) {
    const original = module[name] as (...args: unknown[]) => unknown;
    wrapped[name] = (...args: unknown[]) => {
      const isHit = isDue(name);
      if (isHit && !fileFaults.isAfter && name !== 'closeSync') throw failure(name);
      const result = original(...args);
      if (isHit) throw failure(name);
      return result;
    };
  }
  return wrapped as T;
}
