/**
 * Regular files of a target: everything is written to a temporary name in the final directory, gets its metadata
 * there, and is renamed when it is complete. So a final name never shows a short file, however the run ends, and what
 * was there before stays until then. Small files are written in one call; big ones are created by one thread, filled
 * by any number (descriptors belong to the process), and committed by one.
 */
import { bug, errnoOf } from '../base/errors.ts';
import { joinRaw, type Raw } from '../base/raw.ts';
import type { TargetCalls } from './target-calls.ts';
import { targetError } from './target-errors.ts';
import { contentLength, type Extents, mapContent } from './target-extents.ts';
import { type MetadataWriter, naming, type Present, type TargetMeta } from './target-metadata.ts';
import { checkName, type TempNames } from './target-names.ts';
import type { Overwrite, Placer } from './target-placement.ts';
import type { Directory, DirectoryCache } from './target-tree.ts';

/** What a file gets besides content. `size` counts holes; absent: the length of the content. An entry fits. */
export interface FileMeta extends TargetMeta {
  readonly size?: number;
  /** The data extents of a sparse file; its content is theirs, one after the other. */
  readonly sparse?: Extents;
}

/** A big file while it is written. Plain data: it may be sent to other threads of this process. */
export interface TempFile {
  readonly directory: Raw;
  readonly name: Raw;
  readonly fd: number;
  /** With holes. */
  readonly size: number;
  readonly sparse?: Extents;
}

/** What came of an item: it is in place, or what was there stays. */
export type TargetOutcome = 'written' | 'kept';

/** Writes the files of one thread. */
export class FileWriter {
  readonly #calls: TargetCalls;
  readonly #directories: DirectoryCache;
  readonly #metadata: MetadataWriter;
  readonly #names: TempNames;
  readonly #placer: Placer;
  readonly #isDurable: boolean;

  constructor(
    calls: TargetCalls,
    directories: DirectoryCache,
    metadata: MetadataWriter,
    names: TempNames,
    placer: Placer,
    isDurable: boolean,
  ) {
    this.#calls = calls;
    this.#directories = directories;
    this.#metadata = metadata;
    this.#names = names;
    this.#placer = placer;
    this.#isDurable = isDurable;
  }

  /** Writes a whole file, unless what is there stays; see TargetTree.writeSmallFile. */
  writeSmall(
    directory: Directory,
    name: Raw,
    content: Uint8Array | readonly Uint8Array[],
    meta: FileMeta,
    overwrite: Overwrite,
  ): TargetOutcome {
    if (overwrite !== 'always' && !directory.isFresh) {
      const coming = { type: 'file', size: meta.size ?? lengthOf(content), mtime: meta.mtime } as const;
      if (this.#placer.decide(directory, name, coming, overwrite) === 'keep') return 'kept';
    }
    const path = (): Raw => this.#locate(directory.path, name);
    const { fd, temp } = this.#create(directory, path);
    let isOpen = true;
    try {
      this.#fill(fd, content, meta, path);
      directory.newFile ??= presentOf(this.#calls.stat(fd));
      this.#metadata.apply(fd, directory.newFile, meta, path);
      if (this.#isDurable) this.#calls.sync(fd);
      isOpen = false;
      // Before the rename: network file systems say only here that the content did not fit.
      this.#calls.close(fd);
      this.#placer.place(directory, temp, name);
    } catch (error) {
      this.#abandon(directory, temp, isOpen ? fd : undefined);
      throw targetError(path(), error);
    }
    return 'written';
  }

  /** Creates a temporary file of the final size, all hole. */
  create(directory: Directory, size: number, sparse: Extents | undefined): TempFile {
    const path = (): Raw => this.#directories.locate(directory.path);
    const { fd, temp } = this.#create(directory, path);
    try {
      if (size > 0) this.#calls.truncate(fd, size);
    } catch (error) {
      this.#abandon(directory, temp, fd);
      throw targetError(path(), error);
    }
    return { directory: directory.path, name: temp, fd, size, ...(sparse ? { sparse } : {}) };
  }

  /** Writes content at its place; `contentOffset` counts content only, without holes. */
  writeAt(file: TempFile, bytes: Uint8Array, contentOffset: number): void {
    naming(
      () => this.#locate(file.directory, file.name),
      () => {
        let mapped = 0;
        for (const { start, length, position } of mapContent(file.sparse, contentOffset, bytes.length)) {
          this.#writeAll(file.fd, bytes, start, length, position);
          mapped += length;
        }
        const isInside = file.sparse ? mapped === bytes.length : contentOffset + bytes.length <= file.size;
        if (!isInside) throw bug('content was written past the end of a restored file');
      },
    );
  }

  /** Gives a filled file its metadata and its name; see TargetTree.commitTemp. */
  commit(file: TempFile, name: Raw, meta: TargetMeta, written: number): void {
    const path = (): Raw => this.#locate(file.directory, name);
    let isOpen = true;
    try {
      checkName(name);
      const stats = this.#calls.stat(file.fd);
      if (stats.size !== file.size || written !== contentLength(file.size, file.sparse)) {
        throw bug(`a restored file has ${written} of its bytes and cannot be complete`);
      }
      this.#metadata.apply(file.fd, presentOf(stats), meta, path);
      if (this.#isDurable) this.#calls.sync(file.fd);
      isOpen = false;
      this.#calls.close(file.fd);
      this.#placer.place(this.#directories.open(file.directory), file.name, name);
    } catch (error) {
      this.discard(file, isOpen);
      throw targetError(path(), error);
    }
  }

  /** Removes a file that will not be completed. */
  discard(file: TempFile, isOpen = true): void {
    if (isOpen) this.#closeQuietly(file.fd);
    try {
      this.removeQuietly(this.#directories.open(file.directory), file.name);
    } catch {
      // The directory cannot be reached any more; a later restore sweeps what is left.
    }
  }

  /** A new temporary name, taken by what `make` makes under it. `make` throws EEXIST when the name is taken. */
  makeTemp<T>(directory: Directory, make: (temp: Raw) => T): { readonly temp: Raw; readonly made: T } {
    for (let attempt = 1; ; attempt++) {
      const temp = this.#names.next();
      try {
        return { temp, made: make(temp) };
      } catch (error) {
        const errno = errnoOf(error);
        const canRetry =
          errno === 'EEXIST' ||
          (errno === 'EACCES' && attempt === 1 && this.#directories.unlock(directory)) ||
          ((errno === 'EMFILE' || errno === 'ENFILE') && this.#directories.shrink());
        if (!canRetry || attempt >= 1000) throw error;
      }
    }
  }

  /** Removes a temporary name; a failure leaves it to the sweep of a later restore. */
  removeQuietly(directory: Directory, temp: Raw): void {
    try {
      this.#calls.unlink(directory.fd, temp);
    } catch {
      // Gone already, or the disk refuses everything: the error that led here is the one to tell.
    }
  }

  #create(directory: Directory, path: () => Raw): { fd: number; temp: Raw } {
    const temp = this.#names.next();
    try {
      return { fd: this.#calls.createFile(directory.fd, temp), temp };
    } catch {
      // The name is taken, no descriptors are left, or a finished directory is locked: the slow way knows.
      return naming(path, () => {
        const { temp: other, made } = this.makeTemp(directory, (it) => this.#calls.createFile(directory.fd, it));
        return { fd: made, temp: other };
      });
    }
  }

  #fill(fd: number, content: Uint8Array | readonly Uint8Array[], meta: FileMeta, path: () => Raw): void {
    const parts = content instanceof Uint8Array ? [content] : content;
    let written = 0;
    if (meta.sparse) this.#calls.truncate(fd, meta.size ?? 0);
    for (const part of parts) {
      if (meta.sparse) {
        for (const { start, length, position } of mapContent(meta.sparse, written, part.length)) {
          this.#writeAll(fd, part, start, length, position);
        }
      } else if (part.length > 0) {
        this.#writeAll(fd, part, 0, part.length, null);
      }
      written += part.length;
    }
    if (meta.size === undefined || written === contentLength(meta.size, meta.sparse)) return;
    throw bug(`${path()}: ${written} bytes were given for a restored file of ${meta.size}`);
  }

  #writeAll(fd: number, bytes: Uint8Array, start: number, length: number, position: number | null): void {
    let done = 0;
    while (done < length) {
      const at = position === null ? null : position + done;
      const count = this.#calls.write(fd, bytes, start + done, length - done, at);
      // A write that takes nothing and says no error would loop for ever.
      if (count === 0) throw Object.assign(new Error('ENOSPC: write of 0 bytes'), { code: 'ENOSPC' });
      done += count;
    }
  }

  #abandon(directory: Directory, temp: Raw, fd: number | undefined): void {
    if (fd !== undefined) this.#closeQuietly(fd);
    this.removeQuietly(directory, temp);
  }

  #closeQuietly(fd: number): void {
    try {
      this.#calls.close(fd);
    } catch {
      // Nothing of this file will be kept.
    }
  }

  #locate(directory: Raw, name: Raw): Raw {
    return joinRaw(this.#directories.locate(directory), name);
  }
}

function lengthOf(content: Uint8Array | readonly Uint8Array[]): number {
  if (content instanceof Uint8Array) return content.length;
  return content.reduce((sum, part) => sum + part.length, 0);
}

function presentOf(stats: Present): Present {
  return { uid: stats.uid, gid: stats.gid, mode: stats.mode & 0o7777 };
}
