/** Uploads in several parts. */
import type { ChecksumAlgorithm } from './checksums.ts';
import type { Content } from './content.ts';

/** A part that is there. */
export interface Part {
  readonly number: number;
  readonly content: Content;
  readonly etag: string;
  readonly modified: number;
  readonly checksum: string | undefined;
}

/** An upload that was begun and not completed. */
export interface Upload {
  readonly id: string;
  readonly key: string;
  readonly started: number;
  readonly parts: Map<number, Part>;
  readonly storageClass: string;
  readonly checksumAlgorithm: ChecksumAlgorithm | undefined;
}
