/**
 * Owner, mode, extended attributes and times of restored items. Sets them on descriptors, or on names that are not
 * followed. Knows what this user may set, and reports what could not be set: once for each kind of loss, naming the
 * first path, because a restore without root would otherwise say the same of every file.
 *
 * The order is: owner (it clears setuid and capabilities), attributes, mode, access control lists (they live in
 * the mode's group bits, so they come after it), times. Attributes come before the mode because an owner who is not
 * root may not set them on a file whose mode is read-only.
 */
import { errnoOf, messageOf } from '../base/errors.ts';
import type { Problem } from '../base/monitor.ts';
import { type Raw, rawFromText, rawToDisplay } from '../base/raw.ts';
import type { Xattrs } from '../format/entry.ts';
import type { TargetCalls } from './target-calls.ts';
import { targetError } from './target-errors.ts';
import { isRiskyTime } from './target-times.ts';

/** What is restored besides content: an entry of a manifest fits. Ids are those to set: mapping names is owners.ts's. */
export interface TargetMeta {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Nanoseconds since 1970, negative before. */
  readonly mtime: bigint;
  /** Left as it is when absent. */
  readonly atime?: bigint;
  readonly xattrs?: Xattrs;
}

/** What an item has before its metadata is set: a fstat fits. */
export interface Present {
  readonly uid: number;
  readonly gid: number;
  /** Permission bits; type bits beside them are ignored. */
  readonly mode: number;
}

const SPECIAL_BITS = 0o7000;
const ACL = 'system.posix_acl_';

/** Sets metadata. One instance for each thread; each reports a kind of loss once. */
export class MetadataWriter {
  readonly #calls: TargetCalls;
  readonly #report: (problem: Problem) => void;
  readonly #setsOwners: boolean;
  readonly #uid = process.geteuid?.() ?? -1;
  readonly #groups = new Set([process.getegid?.() ?? -1, ...(process.getgroups?.() ?? [])]);
  readonly #reported = new Set<string>();

  constructor(calls: TargetCalls, setsOwners: boolean, report: (problem: Problem) => void) {
    this.#calls = calls;
    this.#setsOwners = setsOwners;
    this.#report = report;
  }

  /**
   * Sets everything on an open file or directory; `path` makes the path for reports. Throws what the calls throw when
   * mode or times cannot be set.
   */
  apply(fd: number, present: Present, meta: TargetMeta, path: () => Raw): void {
    const isOwned =
      (present.uid === meta.uid && present.gid === meta.gid) ||
      this.#chown(present, meta, (uid, gid) => this.#calls.chown(fd, uid, gid), path);
    const { xattrs } = meta;
    if (xattrs) this.#setXattrs(xattrs, false, (name, value) => this.#calls.setXattr(fd, name, value), path);
    const wanted = this.#allowedMode(meta.mode, isOwned, path);
    // A change of owner clears special bits, so what was present does not tell.
    if (wanted !== (present.mode & 0o7777) || (wanted & SPECIAL_BITS) !== 0) this.#calls.chmod(fd, wanted);
    if (xattrs) this.#setXattrs(xattrs, true, (name, value) => this.#calls.setXattr(fd, name, value), path);
    this.#calls.setTimes(fd, meta.atime, meta.mtime);
    if (isRiskyTime(meta.mtime)) this.#compareTime(this.#calls.statExactly(fd).mtimeNs, meta, path);
  }

  /** Sets everything on a name that is not opened: links (which have no mode), FIFOs and devices. */
  applyAt(dir: number, name: Raw, isLink: boolean, meta: TargetMeta, path: () => Raw): void {
    const there = this.#calls.look(dir, name);
    const present = { uid: Number(there?.uid ?? -1), gid: Number(there?.gid ?? -1), mode: 0 };
    const isOwned =
      (present.uid === meta.uid && present.gid === meta.gid) ||
      this.#chown(present, meta, (uid, gid) => this.#calls.chownAt(dir, name, uid, gid), path);
    const set = (xattr: Raw, value: Uint8Array): void => this.#calls.setXattrAt(dir, name, xattr, value);
    if (meta.xattrs) this.#setXattrs(meta.xattrs, false, set, path);
    if (!isLink) this.#calls.chmodAt(dir, name, this.#allowedMode(meta.mode, isOwned, path));
    if (meta.xattrs && !isLink) this.#setXattrs(meta.xattrs, true, set, path);
    this.#calls.setTimesAt(dir, name, meta.atime, meta.mtime);
    if (!isRiskyTime(meta.mtime)) return;
    const after = this.#calls.look(dir, name);
    if (after) this.#compareTime(after.mtimeNs, meta, path);
  }

  /** @returns whether owner and group are now those wanted. */
  #chown(now: Present, meta: TargetMeta, chown: (uid: number, gid: number) => void, path: () => Raw): boolean {
    if (!this.#setsOwners) return false;
    const isRoot = this.#uid === 0;
    const canGroup = isRoot || (now.uid === this.#uid && this.#groups.has(meta.gid));
    if (canGroup) {
      try {
        chown(isRoot ? meta.uid : now.uid, meta.gid);
        if (isRoot || now.uid === meta.uid) return true;
      } catch (error) {
        const errno = errnoOf(error);
        // In a user namespace root may meet ids that do not exist there; some file systems keep no owners.
        if (errno !== 'EPERM' && errno !== 'EINVAL' && errno !== 'ENOTSUP' && errno !== 'EOPNOTSUPP') throw error;
      }
    }
    const hint = isRoot ? undefined : 'restore as root to keep owners';
    this.#once('owner-not-restored', `owner ${meta.uid}:${meta.gid} could not be set`, path, hint);
    return false;
  }

  #allowedMode(mode: number, isOwned: boolean, path: () => Raw): number {
    if (isOwned || (mode & SPECIAL_BITS) === 0) return mode & 0o7777;
    // With another owner these bits would grant somebody else's rights, or ours.
    this.#once('special-bits-dropped', 'setuid, setgid and sticky bits are not set where the owner is not', path);
    return mode & 0o777;
  }

  #setXattrs(xattrs: Xattrs, wantsAcl: boolean, set: (name: Raw, value: Uint8Array) => void, path: () => Raw): void {
    for (const [name, value] of Object.entries(xattrs)) {
      if (name.startsWith(ACL) !== wantsAcl) continue;
      try {
        set(rawFromText(name), Buffer.from(value, 'base64'));
      } catch (error) {
        this.#reportXattr(name, error, path);
      }
    }
  }

  #reportXattr(name: string, error: unknown, path: () => Raw): void {
    const errno = errnoOf(error);
    const isSpace = errno === 'ENOSPC' || errno === 'EDQUOT' || errno === 'E2BIG' || errno === 'ERANGE';
    if (!this.#calls.isNative) {
      this.#once('xattrs-not-restored', 'extended attributes cannot be set by this installation', path);
    } else if (isSpace) {
      // A limit of one file (ext4 keeps attributes in a block or two), not of the disk.
      const message = `${rawToDisplay(path())}: extended attribute ${name} does not fit (${errno})`;
      this.#report({ severity: 'error', code: 'xattr-not-restored', message, path: path() });
    } else {
      const family = name.slice(0, name.indexOf('.') + 1) || name;
      this.#once(`xattr-not-restored ${family}${errno}`, `extended attribute ${name}: ${messageOf(error)}`, path);
    }
  }

  #compareTime(actual: bigint, meta: TargetMeta, path: () => Raw): void {
    const distance = actual - meta.mtime;
    if ((distance < 0n ? -distance : distance) < 2_000_000_000n) return;
    const message = `${rawToDisplay(path())}: the target cannot keep this modification time`;
    this.#report({ severity: 'warning', code: 'time-clamped', message, path: path() });
  }

  /** Reports the first of a kind. The code is what stands before a space in `kind`. */
  #once(kind: string, text: string, path: () => Raw, hint?: string): void {
    if (this.#reported.has(kind)) return;
    this.#reported.add(kind);
    const [code] = kind.split(' ');
    const message = `${rawToDisplay(path())}: ${text} (further cases are not listed)`;
    this.#report({ severity: 'warning', code: code!, message, path: path(), ...(hint === undefined ? {} : { hint }) });
  }
}

/** Runs a step on an item and names the path in whatever it throws. */
export function naming<T>(path: () => Raw, step: () => T): T {
  try {
    return step();
  } catch (error) {
    throw targetError(path(), error);
  }
}
