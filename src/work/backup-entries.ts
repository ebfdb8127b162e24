/** Makes manifest entries out of what the walk and the readers saw. */
import { constants } from 'node:fs';
import type { Problem } from '../base/monitor.ts';
import { joinRaw, type Raw } from '../base/raw.ts';
import { splitDevice } from '../files/device-number.ts';
import { type FileFacts, toFacts } from '../files/facts.ts';
import { fileProblem, isVanished } from '../files/file-problems.ts';
import type { FileSystem } from '../files/fs.ts';
import type { Libc } from '../files/libc.ts';
import type { OwnerNames } from '../files/owners.ts';
import type { ScanEntry, ScanPage } from '../files/scan-types.ts';
import { xattrProblem } from '../files/small-source.ts';
import { readXattrsAt } from '../files/xattrs.ts';
import type { Entry } from '../format/entry.ts';
import type { StatColumns } from '../repo/parent-record.ts';

/** What a file has besides its stat. */
export type FileContent = Pick<Entry, 'chunks' | 'list' | 'sparse' | 'xattrs' | 'hardlink' | 'flaw'> & {
  /** Where it is not the stat's: the bytes that were read. */
  readonly size?: number;
};

/** An entry, and what the parent file keeps for comparing. */
export interface MadeEntry {
  readonly entry: Entry;
  readonly stat: StatColumns;
}

/** What makes entries. */
export interface EntryMakerOptions {
  readonly owners: OwnerNames;
  readonly libc: Libc | undefined;
  readonly fs: FileSystem;
  readonly withAtime: boolean;
  readonly onProblem: (problem: Problem) => void;
}

/** Makes entries for one run. */
export class EntryMaker {
  readonly #options: EntryMakerOptions;

  constructor(options: EntryMakerOptions) {
    this.#options = options;
  }

  /**
   * An entry without content: a directory, a symlink, a special file. Undefined when it vanished; that is reported.
   * @param page where the walk is; deep in a tree its own paths are the only ones that cost little
   */
  make({ path: directory, fsPathOf }: ScanPage, found: ScanEntry): MadeEntry | undefined {
    const { fs, onProblem } = this.#options;
    const stat = toFacts(found.stat);
    const xattrs = this.#xattrs(directory, found.name, fsPathOf);
    const shared = { ...this.#common(found.name, stat), ...(xattrs ? { xattrs } : {}) };
    switch (found.type) {
      case 'dir':
      case 'fifo':
        return { entry: { ...shared, type: found.type }, stat };
      case 'block':
      case 'char':
        return { entry: { ...shared, type: found.type, rdev: splitDevice(found.stat.rdev) }, stat };
      case 'symlink': {
        try {
          const target = fs.readlinkSync(fsPathOf(found.name));
          return { entry: { ...shared, type: 'symlink', target }, stat };
        } catch (error) {
          onProblem(fileProblem(error, joinRaw(directory, found.name), 'read'));
          return undefined;
        }
      }
      default:
        return undefined;
    }
  }

  /** A file's entry. */
  makeFile(name: Raw, facts: FileFacts, content: FileContent): MadeEntry {
    const { size = facts.size, ...rest } = content;
    const entry: Entry = { ...this.#common(name, facts), type: 'file', size, ...rest };
    // What is not one state of the file must not pass for unchanged next time.
    return { entry, stat: content.flaw === undefined ? facts : { ...facts, mtime: -1n, ctime: -1n } };
  }

  #common(name: Raw, facts: FileFacts): Omit<Entry, 'type'> {
    const { owners, withAtime } = this.#options;
    const { mode, uid, gid, links, mtime, ctime, atime, inode, device } = facts;
    const user = owners.userName(uid);
    const group = owners.groupName(gid);
    return {
      name,
      mode: mode & 0o7777,
      uid,
      gid,
      ...(user === undefined ? {} : { user }),
      ...(group === undefined ? {} : { group }),
      mtime,
      ctime,
      ...(withAtime ? { atime } : {}),
      inode: String(inode),
      device: String(device),
      ...(links > 1 && (mode & constants.S_IFMT) !== constants.S_IFDIR ? { links } : {}),
    };
  }

  #xattrs(directory: Raw, name: Raw, fsPathOf: ScanPage['fsPathOf']): Entry['xattrs'] {
    const { libc, onProblem } = this.#options;
    if (!libc) return undefined;
    try {
      return readXattrsAt(fsPathOf(name), libc);
    } catch (error) {
      if (!isVanished(error)) onProblem(xattrProblem(error, joinRaw(directory, name)));
      return undefined;
    }
  }
}
