/** Random changes to a tree of files, as people and programs make them; a seed repeats them. */
import {
  appendFileSync,
  chmodSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { type Random, seededBytes } from './random.ts';

/** Names that come again and again, so that paths are reused by other things; some are awkward. */
const NAMES = ['a', 'b', 'B', 'c.txt', 'ümläut', 'two words', '-rf', 'new\nline', '.hidden', 'z'];

/** Makes changes to one tree. */
export class TreeHistory {
  readonly root: string;
  readonly #random: Random;
  #made = 0;

  constructor(root: string, random: Random) {
    this.root = root;
    this.#random = random;
    mkdirSync(root, { recursive: true });
  }

  /** Makes one change. @returns what was done, for the message of a failure */
  change(): string {
    const changes = [
      ...[this.#create, this.#create, this.#create, this.#makeFolder],
      ...[this.#overwrite, this.#overwriteKeepingTime, this.#append, this.#truncate, this.#flip, this.#replace],
      ...[this.#remove, this.#rename, this.#swapType, this.#chmod, this.#touch, this.#link, this.#symlink, this.#copy],
    ];
    return this.#pick(changes)!.call(this);
  }

  /** Makes many small files in many folders. */
  createMany(count: number): void {
    for (let i = 0; i < count; i++) {
      const folder = join(this.root, `many ${i % 7}`, `${i % 31}`);
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, `file ${i}`), String(i % 400));
    }
  }

  #pick<T>(items: readonly T[]): T | undefined {
    return items[Math.floor(this.#random() * items.length)];
  }

  #bytes(): Buffer {
    const size = this.#random() < 0.1 ? 0 : Math.floor(this.#random() ** 3 * 60_000);
    return seededBytes(size, ++this.#made + Math.floor(this.#random() * 1e6));
  }

  /** Everything below the root, of one kind or of any. */
  #paths(kind?: 'file' | 'dir' | 'symlink'): string[] {
    const found: string[] = [];
    const visit = (folder: string): void => {
      for (const name of readdirSync(folder).sort()) {
        const path = join(folder, name);
        const stat = lstatSync(path);
        const is = stat.isDirectory() ? 'dir' : stat.isSymbolicLink() ? 'symlink' : 'file';
        if (kind === undefined || kind === is) found.push(path);
        if (is === 'dir') visit(path);
      }
    };
    visit(this.root);
    return found;
  }

  #folder(): string {
    return this.#pick([this.root, ...this.#paths('dir')])!;
  }

  /** A path that nothing has. */
  #freePath(): string {
    for (;;) {
      const path = join(this.#folder(), this.#random() < 0.7 ? this.#pick(NAMES)! : `name ${++this.#made}`);
      if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return path;
    }
  }

  #on(kind: 'file' | 'dir' | 'symlink' | undefined, change: (path: string) => string): string {
    const path = this.#pick(this.#paths(kind));
    return path === undefined ? this.#create() : `${change(path)} ${path}`;
  }

  #create(): string {
    const path = this.#freePath();
    writeFileSync(path, this.#bytes());
    return `create ${path}`;
  }

  #makeFolder(): string {
    const path = this.#freePath();
    mkdirSync(path);
    return `mkdir ${path}`;
  }

  #overwrite(): string {
    return this.#on('file', (path) => {
      writeFileSync(path, this.#bytes());
      return 'overwrite';
    });
  }

  /** Other content of the same length, with the old time put back: only ctime shows it. */
  #overwriteKeepingTime(): string {
    return this.#on('file', (path) => {
      const { size, atime, mtime } = lstatSync(path);
      writeFileSync(path, seededBytes(size, ++this.#made));
      utimesSync(path, atime, mtime);
      return 'overwrite, keeping size and time,';
    });
  }

  #append(): string {
    return this.#on('file', (path) => {
      appendFileSync(path, this.#bytes());
      return 'append to';
    });
  }

  #truncate(): string {
    return this.#on('file', (path) => {
      truncateSync(path, Math.floor(this.#random() * 1.5 * lstatSync(path).size));
      return 'truncate';
    });
  }

  /** One byte of the content, nothing of the size. */
  #flip(): string {
    return this.#on('file', (path) => {
      const content = readFileSync(path);
      if (content.length > 0) content[Math.floor(this.#random() * content.length)]! ^= 1;
      writeFileSync(path, content);
      return 'flip a bit of';
    });
  }

  /** As editors save: a new file takes the place of the old one. */
  #replace(): string {
    return this.#on('file', (path) => {
      const other = join(dirname(path), `saving ${++this.#made}`);
      writeFileSync(other, this.#bytes());
      renameSync(other, path);
      return 'replace';
    });
  }

  #remove(): string {
    return this.#on(undefined, (path) => {
      rmSync(path, { recursive: true });
      return 'remove';
    });
  }

  #rename(): string {
    return this.#on(undefined, (path) => {
      const to = this.#freePath();
      if (`${to}/`.startsWith(`${path}/`)) return 'leave';
      renameSync(path, to);
      return `rename to ${to}:`;
    });
  }

  /** What was a file is a folder now, and so on. */
  #swapType(): string {
    return this.#on(undefined, (path) => {
      const stat = lstatSync(path);
      rmSync(path, { recursive: true });
      if (stat.isDirectory()) writeFileSync(path, this.#bytes());
      else if (stat.isSymbolicLink() || this.#random() < 0.5) {
        mkdirSync(path);
        writeFileSync(join(path, 'inside'), this.#bytes());
      } else symlinkSync('nowhere', path);
      return 'change the type of';
    });
  }

  #chmod(): string {
    return this.#on(undefined, (path) => {
      if (lstatSync(path).isSymbolicLink()) return 'leave';
      chmodSync(path, 0o600 | Math.floor(this.#random() * 0o200) | (lstatSync(path).isDirectory() ? 0o100 : 0));
      return 'chmod';
    });
  }

  #touch(): string {
    return this.#on(undefined, (path) => {
      const time = Math.floor(this.#random() * 2e9) + Math.floor(this.#random() * 1e6) / 1e6;
      lutimesSync(path, time, time);
      return 'touch';
    });
  }

  #link(): string {
    return this.#on('file', (path) => {
      const to = this.#freePath();
      linkSync(path, to);
      return `link as ${to}:`;
    });
  }

  #symlink(): string {
    const path = this.#freePath();
    symlinkSync(this.#pick(['a', '../b', '/etc/passwd', 'no such thing', '.'])!, path);
    return `symlink ${path}`;
  }

  #copy(): string {
    return this.#on('file', (path) => {
      const to = this.#freePath();
      writeFileSync(to, readFileSync(path));
      return `copy to ${to}:`;
    });
  }
}
