/**
 * The one error type of the project. Lower floors throw their own instances; upper floors wrap them with `cause`.
 * Nobody matches on message text: code and kind are the contract. Exit codes are decided in cli/main.ts alone.
 */

/**
 * What sort of thing went wrong, which decides how it is reported:
 * `usage` the command line; `user` something the user can change (a path, a missing repository);
 * `key` a wrong passphrase or key; `config` the repository's settings; `store` the storage did not do what was asked;
 * `damage` stored bytes are not what was written; `rollback` the repository went back in time; `cancelled` a signal;
 * `cost` a cost limit; `bug` ours.
 */
export type ErrorKind =
  | 'usage'
  | 'user'
  | 'missing'
  | 'key'
  | 'config'
  | 'store'
  | 'damage'
  | 'rollback'
  | 'cancelled'
  | 'cost'
  | 'bug';

/** Details of an {@link IcecoreError}. `data` holds plain values for JSON output and never a secret. */
export interface ErrorDetails {
  readonly hint?: string;
  readonly data?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/** An error with a stable code (kebab-case, e.g. `pack-truncated`), a kind, and optionally what the user can do. */
export class IcecoreError extends Error {
  readonly code: string;
  readonly kind: ErrorKind;
  readonly hint: string | undefined;
  readonly data: Readonly<Record<string, unknown>>;

  constructor(kind: ErrorKind, code: string, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'IcecoreError';
    this.kind = kind;
    this.code = code;
    this.hint = details.hint;
    this.data = details.data ?? {};
  }
}

/** Makes the error for stored bytes that are not what was written; `object` is the object's name in the repository. */
export function damage(code: string, message: string, details: ErrorDetails & { object?: string } = {}): IcecoreError {
  const data = details.object === undefined ? details.data : { ...details.data, object: details.object };
  return new IcecoreError('damage', code, message, { ...details, ...(data ? { data } : {}) });
}

/** Makes the error for a state that only a mistake in this program can produce. */
export function bug(message: string, cause?: unknown): IcecoreError {
  return new IcecoreError('bug', 'bug', message, { hint: 'this is a mistake in icecore, please report it', cause });
}

/** True for an {@link IcecoreError}, optionally of the given kind. */
export function isIcecoreError(error: unknown, kind?: ErrorKind): error is IcecoreError {
  return error instanceof IcecoreError && (kind === undefined || error.kind === kind);
}

/** The errno name (`ENOENT`, …) of a failed system call, or undefined for any other error. */
export function errnoOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' && /^E[A-Z0-9]+$/.test(error.code) ? error.code : undefined;
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Throws the `cancelled` error when the signal has been aborted. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw cancelled();
}

/** Makes the error of an interrupted run. */
export function cancelled(): IcecoreError {
  return new IcecoreError('cancelled', 'interrupted', 'interrupted');
}
