/** Collects what a check finds: one finding an object, however many things are wrong with it. Decides nothing. */
import type { IcecoreError } from '../base/errors.ts';
import { parseName } from '../format/layout.ts';

/** One damaged object and what it means. */
export interface Finding {
  readonly object: string;
  readonly code: string;
  readonly message: string;
  /** Snapshots that need it. */
  readonly snapshots: readonly string[];
  /** Paths that need it, at most 100 of them, as `snapshot:path`. */
  readonly paths: readonly string[];
  readonly pathCount: number;
}

const MAX_PATHS = 100;
const MAX_MESSAGES = 4;

interface Draft {
  readonly code: string;
  readonly messages: string[];
  hidden: number;
  readonly snapshots: Set<string>;
  readonly paths: string[];
  pathCount: number;
}

/** The findings of one run. */
export class Findings {
  readonly #drafts = new Map<string, Draft>();

  get size(): number {
    return this.#drafts.size;
  }

  has(object: string): boolean {
    return this.#drafts.has(object);
  }

  /** Adds a problem of an object; the first one gives the finding its code. */
  add(object: string, code: string, message: string): void {
    const draft = this.#drafts.get(object);
    if (!draft) {
      this.#drafts.set(object, { code, messages: [message], hidden: 0, snapshots: new Set(), paths: [], pathCount: 0 });
    } else if (draft.messages.includes(message)) {
      return;
    } else if (draft.messages.length < MAX_MESSAGES) {
      draft.messages.push(message);
    } else {
      draft.hidden++;
    }
  }

  /** Adds an error that was caught; `object` unless the error knows better. */
  addError(error: IcecoreError, object: string): string {
    const named = objectOf(error) ?? object;
    this.add(named, error.code, error.message);
    return named;
  }

  /** Takes note that a snapshot needs an object. */
  needs(object: string, snapshot: string): void {
    this.#drafts.get(object)?.snapshots.add(snapshot);
  }

  /** Takes note that a path of a snapshot (and all in all so many) needs an object. */
  needsPath(object: string, snapshot: string, path: string, count = 1): void {
    const draft = this.#drafts.get(object);
    if (!draft) return;
    draft.snapshots.add(snapshot);
    draft.pathCount += count;
    if (draft.paths.length < MAX_PATHS) draft.paths.push(`${snapshot}:${path}`);
  }

  /** All findings, by the names of their objects. */
  list(): Finding[] {
    const sorted = [...this.#drafts].sort(([a], [b]) => (a < b ? -1 : 1));
    return sorted.map(([object, { code, messages, hidden, snapshots, paths, pathCount }]) => ({
      object,
      code,
      message: [strip(messages[0]!, object), ...messages.slice(1).map((text) => strip(text, object))]
        .concat(hidden > 0 ? [`and ${hidden} more`] : [])
        .join('; '),
      snapshots: [...snapshots].sort(),
      paths,
      pathCount,
    }));
  }
}

/** The stored object that an error of kind damage is about, if it names one; errors of parts say `<object> (chunk …)`. */
export function objectOf(error: IcecoreError): string | undefined {
  const { object } = error.data;
  const name = typeof object === 'string' ? object.split(' ', 1)[0]! : '';
  return parseName(name) && name;
}

function strip(message: string, object: string): string {
  return message.startsWith(`${object}: `) ? message.slice(object.length + 2) : message;
}
