/**
 * Everything in a target that is neither file nor directory: symbolic links, hard links, FIFOs, devices. All are made
 * under a temporary name and renamed, as files are, so that a replacement is atomic.
 */
import { errnoOf, IcecoreError } from '../base/errors.ts';
import { joinRaw, type Raw, rawToDisplay } from '../base/raw.ts';
import type { TargetCalls } from './target-calls.ts';
import { inTheWay, targetError } from './target-errors.ts';
import type { FileWriter, TargetOutcome } from './target-file.ts';
import { type MetadataWriter, naming, type TargetMeta } from './target-metadata.ts';
import type { Overwrite, Placer } from './target-placement.ts';
import type { Coming } from './target-policy.ts';
import type { Directory, DirectoryCache } from './target-tree.ts';

/** What a device node stands for. */
export interface DeviceNode {
  readonly type: 'block' | 'char';
  readonly major: number;
  readonly minor: number;
}

/** Makes links and nodes, for one thread. */
export class SpecialWriter {
  readonly #calls: TargetCalls;
  readonly #directories: DirectoryCache;
  readonly #files: FileWriter;
  readonly #metadata: MetadataWriter;
  readonly #placer: Placer;

  constructor(
    calls: TargetCalls,
    directories: DirectoryCache,
    files: FileWriter,
    metadata: MetadataWriter,
    placer: Placer,
  ) {
    this.#calls = calls;
    this.#directories = directories;
    this.#files = files;
    this.#metadata = metadata;
    this.#placer = placer;
  }

  symlink(directory: Directory, name: Raw, target: Raw, meta: TargetMeta, overwrite: Overwrite): TargetOutcome {
    return this.#make(directory, name, 'symlink', meta, overwrite, (temp) =>
      this.#calls.symlink(target, directory.fd, temp),
    );
  }

  fifo(directory: Directory, name: Raw, meta: TargetMeta, overwrite: Overwrite): TargetOutcome {
    return this.#make(directory, name, 'fifo', meta, overwrite, (temp) => this.#calls.makeFifo(directory.fd, temp));
  }

  device(directory: Directory, name: Raw, device: DeviceNode, meta: TargetMeta, overwrite: Overwrite): TargetOutcome {
    return this.#make(directory, name, device.type, meta, overwrite, (temp) => {
      try {
        this.#calls.makeDevice(directory.fd, temp, device.type, device.major, device.minor);
      } catch (error) {
        if (errnoOf(error) !== 'EPERM') throw error;
        const path = rawToDisplay(this.#locate(directory, name));
        throw new IcecoreError('user', 'device-needs-root', `${path}: only root makes devices`, {
          data: { path },
          cause: error,
        });
      }
    });
  }

  /** Links a name to a file that this restore has put in place; what is there is replaced as the policy says. */
  link(
    from: Directory,
    fromName: Raw,
    to: Directory,
    toName: Raw,
    coming: Coming,
    overwrite: Overwrite,
  ): TargetOutcome {
    return naming(
      () => this.#locate(to, toName),
      () => {
        if (this.#tryLink(from, fromName, to, toName)) return 'written';
        if (this.#placer.look(to, toName)?.type === 'dir') throw inTheWay(this.#locate(to, toName), 'directory');
        // Renaming one link of a file over another of it does nothing, by POSIX, and leaves both.
        if (this.#isLinked(from, fromName, to, toName)) return 'kept';
        if (this.#placer.decide(to, toName, coming, overwrite) === 'keep') return 'kept';
        this.#linkOver(from, fromName, to, toName);
        return 'written';
      },
    );
  }

  #tryLink(from: Directory, fromName: Raw, to: Directory, toName: Raw): boolean {
    try {
      this.#calls.link(from.fd, fromName, to.fd, toName);
      return true;
    } catch (error) {
      if (errnoOf(error) === 'EEXIST') return false;
      throw error;
    }
  }

  #isLinked(from: Directory, fromName: Raw, to: Directory, toName: Raw): boolean {
    const first = this.#calls.look(from.fd, fromName);
    const second = this.#calls.look(to.fd, toName);
    return first !== undefined && second !== undefined && first.ino === second.ino && first.dev === second.dev;
  }

  #linkOver(from: Directory, fromName: Raw, to: Directory, toName: Raw): void {
    const { temp } = this.#files.makeTemp(to, (it) => this.#calls.link(from.fd, fromName, to.fd, it));
    try {
      this.#placer.place(to, temp, toName);
    } catch (error) {
      this.#files.removeQuietly(to, temp);
      throw error;
    }
  }

  #make(
    directory: Directory,
    name: Raw,
    type: 'symlink' | 'fifo' | 'block' | 'char',
    meta: TargetMeta,
    overwrite: Overwrite,
    make: (temp: Raw) => void,
  ): TargetOutcome {
    const path = (): Raw => this.#locate(directory, name);
    if (this.#placer.decide(directory, name, { type, mtime: meta.mtime }, overwrite) === 'keep') return 'kept';
    const { temp } = naming(path, () => this.#files.makeTemp(directory, make));
    try {
      this.#metadata.applyAt(directory.fd, temp, type === 'symlink', meta, path);
      this.#placer.place(directory, temp, name);
    } catch (error) {
      this.#files.removeQuietly(directory, temp);
      throw targetError(path(), error);
    }
    return 'written';
  }

  #locate(directory: Directory, name: Raw): Raw {
    return joinRaw(this.#directories.locate(directory.path), name);
  }
}
