/**
 * Removes what a target has and a snapshot has not. Everything goes through directory descriptors, so nothing outside
 * of the tree can be reached; links are removed themselves. What may go is the caller's choice, item by item.
 */
import { errnoOf } from '../base/errors.ts';
import { joinRaw, type Raw } from '../base/raw.ts';
import type { TargetCalls } from './target-calls.ts';
import { naming } from './target-metadata.ts';
import type { DirectoryCache } from './target-tree.ts';

/** Says whether an item of the tree may be removed. `path` is of the tree. */
export type Chosen = (path: Raw, isDirectory: boolean) => boolean;

/** One directory that is being emptied. */
interface Level {
  readonly directory: Raw;
  readonly name: Raw;
  readonly names: Raw[];
}

/** Removes items for one thread. */
export class TreeRemover {
  readonly #calls: TargetCalls;
  readonly #directories: DirectoryCache;

  constructor(calls: TargetCalls, directories: DirectoryCache) {
    this.#calls = calls;
    this.#directories = directories;
  }

  /** See TargetTree.remove. Goes down without recursion: trees may be deep. */
  remove(directory: Raw, name: Raw, chosen: Chosen): number {
    let removed = 0;
    const levels: Level[] = [];
    const visit = (parent: Raw, item: Raw): void => {
      const path = joinRaw(parent, item);
      naming(
        () => this.#directories.locate(path),
        () => {
          const dir = this.#directories.open(parent).fd;
          const there = this.#calls.look(dir, item);
          if (!there) return;
          if (there.isDirectory()) {
            const names = [...this.#calls.list(this.#directories.open(path).fd, this.#directories.locate(path))];
            levels.push({ directory: parent, name: item, names });
          } else if (chosen(path, false)) {
            this.#calls.unlink(dir, item);
            removed++;
          }
        },
      );
    };
    visit(directory, name);
    for (let level = levels.at(-1); level; level = levels.at(-1)) {
      const path = joinRaw(level.directory, level.name);
      const next = level.names.pop();
      if (next !== undefined) {
        visit(path, next);
        continue;
      }
      levels.pop();
      if (chosen(path, true)) this.#removeEmpty(level.directory, level.name, path);
    }
    return removed;
  }

  #removeEmpty(directory: Raw, name: Raw, path: Raw): void {
    this.#directories.drop(path);
    naming(
      () => this.#directories.locate(path),
      () => {
        try {
          this.#calls.removeDirectory(this.#directories.open(directory).fd, name);
        } catch (error) {
          // Something in it was not chosen, or came just now.
          if (errnoOf(error) !== 'ENOTEMPTY' && errnoOf(error) !== 'EEXIST') throw error;
        }
      },
    );
  }
}
