/**
 * What the marks that a store keeps of an object say about a pack: its checksum and its entity tag, against those in the
 * index. Pure. Marks tell that the object is the one that was written, by the store's word; only reading tells more.
 */

/** What the index says of a pack. `sha256` is that of the object, as 64 hex digits. */
export interface RecordedMarks {
  readonly sha256: string;
  readonly checksum?: string | undefined;
  readonly etag?: string | undefined;
}

/** What the store says of it. */
export interface StoredMarks {
  readonly checksum?: string | undefined;
  readonly etag?: string | undefined;
}

/**
 * `same`: by the checksum, or by the entity tag where there is none to compare. `other`: a checksum contradicts the
 * index. `rewritten`: the entity tag is another, and no checksum can be compared, so that the object was stored once
 * more by somebody (a copy to another bucket does that) and may hold anything. `unmarked`: there is nothing to compare.
 */
export type MarkVerdict = 'same' | 'other' | 'rewritten' | 'unmarked';

/** Compares. A checksum of a whole object counts even where the index has one of parts: the index knows the SHA-256. */
export function compareMarks(recorded: RecordedMarks, stored: StoredMarks): MarkVerdict {
  const checksum = compareChecksums(recorded, stored.checksum);
  if (checksum !== undefined) return checksum ? 'same' : 'other';
  if (stored.etag === undefined || recorded.etag === undefined) {
    // A mark that was there and cannot be compared any more is as good as another one.
    return hasMark(recorded) && hasMark(stored) ? 'rewritten' : 'unmarked';
  }
  return stored.etag === recorded.etag ? 'same' : 'rewritten';
}

/** True when a look at the object itself can tell more than the listing did. */
export function wantsLook(recorded: RecordedMarks, listed: StoredMarks): boolean {
  if (compareChecksums(recorded, listed.checksum) !== undefined) return false;
  if (recorded.checksum !== undefined) return true;
  return compareMarks(recorded, listed) === 'rewritten';
}

/** Whether the stored checksum is the recorded one; undefined when they cannot be compared. */
function compareChecksums(recorded: RecordedMarks, stored: string | undefined): boolean | undefined {
  if (stored === undefined) return undefined;
  const whole = /^sha256:([A-Za-z0-9+/]{43}=)$/.exec(stored);
  if (whole) return whole[1] === Buffer.from(recorded.sha256, 'hex').toString('base64');
  if (recorded.checksum === undefined || formOf(recorded.checksum) !== formOf(stored)) return undefined;
  return recorded.checksum === stored;
}

/** The algorithm, and into how many parts the object was cut: `sha256-3`. */
function formOf(checksum: string): string {
  const [, algorithm = '', parts = ''] = /^([^:]*):[^-]*(?:-(\d+))?$/.exec(checksum) ?? [];
  return `${algorithm}-${parts}`;
}

function hasMark({ checksum, etag }: StoredMarks): boolean {
  return checksum !== undefined || etag !== undefined;
}
