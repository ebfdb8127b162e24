/**
 * Which sessions this host began in a bucket and did not end: a small file each in the state folder, made before the
 * first upload and removed after the commit. So the run after one that was killed knows whose uploads to look for, and
 * every other run asks for nothing. Losing them only leaves an upload behind.
 */
import { mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomic } from '../base/atomic-file.ts';
import { isSessionId, type SessionId } from '../base/ids.ts';
import { isProcessAlive } from '../base/process-alive.ts';

/** A session of a process that cannot be seen from here (another container, another boot) ended if it says nothing for so long. */
const SILENT_MS = 24 * 3_600_000;
/** How often a session says that it goes on. */
const SIGN_OF_LIFE_MS = 60_000;

/** The sessions of this host in one repository. Nothing in here throws: it is a help, not a need. */
export class BegunSessions {
  readonly #folder: string;
  readonly #now: () => number;
  #lastSign = Number.NEGATIVE_INFINITY;

  /** `folder`: this repository's part of the state folder. `now`: milliseconds since 1970. */
  constructor(folder: string, now: () => number) {
    this.#folder = join(folder, 'sessions');
    this.#now = now;
  }

  /** Remembers a session of this process. */
  begin(sid: SessionId): void {
    quietly(() => {
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
      writeFileAtomic(
        join(this.#folder, sid),
        Buffer.from(`${process.pid} ${processSpace()} ${performance.timeOrigin}`),
      );
    });
  }

  /** Tells that the session goes on; cheap enough for every pack. */
  signOfLife(sid: SessionId): void {
    const now = this.#now();
    if (now - this.#lastSign < SIGN_OF_LIFE_MS) return;
    this.#lastSign = now;
    quietly(() => utimesSync(join(this.#folder, sid), now / 1000, now / 1000));
  }

  /** Forgets a session that has ended, or whose uploads are seen to. */
  end(sid: SessionId): void {
    quietly(() => rmSync(join(this.#folder, sid), { force: true }));
  }

  /** The sessions whose process is gone. */
  dead(): SessionId[] {
    return (quietly(() => readdirSync(this.#folder)) ?? []).filter(isSessionId).filter((sid) => this.#isDead(sid));
  }

  #isDead(sid: SessionId): boolean {
    const path = join(this.#folder, sid);
    const [pid = '', space, start] = (quietly(() => readFileSync(path, 'utf8')) ?? '').split(' ');
    if (space === processSpace()) {
      // A number may be given again: the moment of its start tells this process from an earlier one.
      return Number(pid) === process.pid ? start !== String(performance.timeOrigin) : !isProcessAlive(Number(pid));
    }
    const silentSince = quietly(() => statSync(path).mtimeMs) ?? Number.POSITIVE_INFINITY;
    return this.#now() - silentSince > SILENT_MS;
  }
}

/** Where a process number means something: this boot of the machine, and this container of it. */
function processSpace(): string {
  const boot = quietly(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim());
  const container = quietly(() => readlinkSync('/proc/self/ns/pid'));
  return `${boot ?? '-'}/${container ?? '-'}`;
}

function quietly<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
