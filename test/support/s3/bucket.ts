/**
 * What the test S3 server keeps: buckets with their settings, and objects with their versions. Tests look into it and
 * change it at will; requests come to it through the handlers, which check what S3 checks. Uploads in progress are in
 * multipart.ts.
 */
import { createHash } from 'node:crypto';
import type { Denial } from './access.ts';
import type { Checksum } from './checksums.ts';
import { Content } from './content.ts';
import type { Completion, Upload } from './multipart.ts';

/** A lifecycle rule as a test sets it; answered by GetBucketLifecycleConfiguration, never carried out. */
export interface LifecycleSetting {
  readonly id: string;
  /** Default true. */
  readonly isEnabled?: boolean;
  readonly prefix?: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly objectSizeGreaterThan?: number;
  readonly objectSizeLessThan?: number;
  readonly expirationDays?: number;
  readonly expirationDate?: string;
  readonly noncurrentExpirationDays?: number;
  readonly transitions?: readonly { readonly days: number; readonly storageClass: string }[];
  readonly abortUploadsAfterDays?: number;
  /** Written in the old form: the prefix stands in the rule itself, not in a Filter. */
  readonly hasOldForm?: boolean;
}

/** How a bucket is set up. A test may assign any of it at any time. */
export interface BucketSettings {
  region: string;
  versioning: 'off' | 'enabled' | 'suspended';
  /** Undefined: Object Lock is off. Without `days`: on, with no default retention. Needs versioning. */
  objectLock: { readonly mode?: 'GOVERNANCE' | 'COMPLIANCE'; readonly days?: number } | undefined;
  /** Undefined: NoSuchLifecycleConfiguration. */
  lifecycle: readonly LifecycleSetting[] | undefined;
  /** Undefined: NoSuchPublicAccessBlockConfiguration. */
  publicAccessBlock:
    | {
        readonly blockPublicAcls: boolean;
        readonly ignorePublicAcls: boolean;
        readonly blockPublicPolicy: boolean;
        readonly restrictPublicBuckets: boolean;
      }
    | undefined;
  /** Undefined: ServerSideEncryptionConfigurationNotFoundError. New buckets have AES256, as on AWS. */
  encryption: { readonly algorithm: string; readonly kmsKey?: string } | undefined;
  /** What GetBucketPolicyStatus says; undefined: NoSuchBucketPolicy. */
  isPublic: boolean | undefined;
  /** `BucketOwnerEnforced` refuses every ACL but `bucket-owner-full-control`. */
  ownership: 'BucketOwnerEnforced' | 'ObjectWriter';
  /** `Requester`: a request without `x-amz-request-payer: requester` is refused. */
  requestPayer: 'BucketOwner' | 'Requester';
  /** What is refused with AccessDenied, whoever asks. */
  denied: readonly Denial[];
}

/** The restore of an archived object: under way until `ready`, then readable until `expires`. Milliseconds. */
export interface RestoreState {
  tier: 'Expedited' | 'Standard' | 'Bulk';
  days: number;
  requested: number;
  ready: number;
  expires: number;
}

/** A version of an object, or a delete marker. `versionId` is `null` for what was put without versioning. */
export interface ObjectVersion {
  readonly key: string;
  readonly versionId: string;
  readonly isDeleteMarker: boolean;
  content: Content;
  /** Without quotes. */
  readonly etag: string;
  readonly modified: number;
  storageClass: string;
  /** The archive tier that INTELLIGENT_TIERING has put it in; a test sets it. */
  archiveTier?: 'ARCHIVE_ACCESS' | 'DEEP_ARCHIVE_ACCESS' | undefined;
  /** User metadata, names without `x-amz-meta-`. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Content-Type and its like, names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  tags: Readonly<Record<string, string>>;
  readonly checksum?: Checksum | undefined;
  readonly encryption?: { readonly algorithm: string; readonly kmsKey?: string } | undefined;
  restore?: RestoreState | undefined;
  retention?: { readonly mode: string; readonly until: number } | undefined;
  hasLegalHold: boolean;
  /** Sizes of the parts of an object that was uploaded in several. */
  readonly partSizes?: readonly number[] | undefined;
}

/** How a new version differs from a plain one. */
export type VersionAttributes = Partial<Omit<ObjectVersion, 'key' | 'versionId' | 'content' | 'isDeleteMarker'>>;

/** Orders strings as their UTF-8 bytes, which is how S3 lists keys. */
export function compareKeys(a: string, b: string): number {
  if (a === b) return 0;
  const isPlain = !/[\ud800-\udfff]/.test(a) && !/[\ud800-\udfff]/.test(b);
  return isPlain ? (a < b ? -1 : 1) : Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** What happens to the stored versions, told to the meter. */
export interface BucketObserver {
  stored(version: ObjectVersion): void;
  removed(version: ObjectVersion): void;
}

/** A bucket. */
export class BucketState {
  readonly name: string;
  readonly created: number;
  readonly settings: BucketSettings;
  readonly uploads = new Map<string, Upload>();
  /** Completions by upload, for one that is repeated. */
  readonly completions = new Map<string, Completion>();
  readonly #versions = new Map<string, ObjectVersion[]>();
  readonly #now: () => number;
  readonly #observer: BucketObserver;
  #sortedKeys: string[] | undefined;
  #versionCount = 0;
  /** Keys by the time they were last written, for stale listings. */
  readonly #written = new Set<string>();

  constructor(name: string, region: string, now: () => number, observer: BucketObserver) {
    this.name = name;
    this.created = now();
    this.#now = now;
    this.#observer = observer;
    this.settings = {
      region,
      versioning: 'off',
      objectLock: undefined,
      lifecycle: undefined,
      publicAccessBlock: {
        blockPublicAcls: true,
        ignorePublicAcls: true,
        blockPublicPolicy: true,
        restrictPublicBuckets: true,
      },
      encryption: { algorithm: 'AES256' },
      isPublic: undefined,
      ownership: 'BucketOwnerEnforced',
      requestPayer: 'BucketOwner',
      denied: [],
    };
  }

  /** All keys that have a version, sorted. */
  allKeys(): readonly string[] {
    this.#sortedKeys ??= [...this.#versions.keys()].sort(compareKeys);
    return this.#sortedKeys;
  }

  /** The keys of current objects, sorted. */
  keys(): string[] {
    return this.allKeys().filter((key) => this.get(key) !== undefined);
  }

  /** The current object under a key; undefined where there is none or a delete marker hides it. */
  get(key: string): ObjectVersion | undefined {
    const current = this.current(key);
    return current?.isDeleteMarker ? undefined : current;
  }

  /** The newest version under a key, be it a delete marker. */
  current(key: string): ObjectVersion | undefined {
    return this.#versions.get(key)?.[0];
  }

  /** All versions under a key, newest first. */
  versions(key: string): readonly ObjectVersion[] {
    return this.#versions.get(key) ?? [];
  }

  /** The keys that were written last, newest first. */
  lastWritten(count: number): ReadonlySet<string> {
    return new Set([...this.#written].reverse().slice(0, count));
  }

  /** Stores an object as a PUT would, without any check. */
  put(key: string, bytes: Uint8Array | Content, attributes: VersionAttributes = {}): ObjectVersion {
    const content = bytes instanceof Content ? bytes : new Content([Buffer.from(bytes)]);
    return this.#add({
      key,
      versionId: this.#newVersionId(),
      isDeleteMarker: false,
      content,
      modified: this.#now(),
      storageClass: 'STANDARD',
      metadata: {},
      headers: {},
      tags: {},
      hasLegalHold: false,
      ...attributes,
      etag: attributes.etag ?? md5(content),
    });
  }

  /**
   * Removes the current object as a DELETE without a version would: for good, or behind a delete marker.
   * @returns the delete marker, if one was made.
   */
  remove(key: string): ObjectVersion | undefined {
    if (this.settings.versioning === 'off') {
      const current = this.current(key);
      if (current !== undefined) this.removeVersion(current);
      return undefined;
    }
    return this.#add({
      key,
      versionId: this.#newVersionId(),
      isDeleteMarker: true,
      content: new Content([]),
      etag: '',
      modified: this.#now(),
      storageClass: 'STANDARD',
      metadata: {},
      headers: {},
      tags: {},
      hasLegalHold: false,
    });
  }

  /** Removes a version for good. */
  removeVersion(version: ObjectVersion): void {
    const left = this.versions(version.key).filter((other) => other !== version);
    if (left.length === 0) {
      this.#versions.delete(version.key);
      this.#sortedKeys = undefined;
      this.#written.delete(version.key);
    } else {
      this.#versions.set(version.key, left);
    }
    this.#observer.removed(version);
  }

  #newVersionId(): string {
    if (this.settings.versioning !== 'enabled') return 'null';
    this.#versionCount++;
    return createHash('sha256').update(`${this.name}/${this.#versionCount}`).digest('base64url').slice(0, 32);
  }

  /** Puts a version on top; one of the same id (`null`, that is) gives way. */
  #add(version: ObjectVersion): ObjectVersion {
    const replaced = this.versions(version.key).find(({ versionId }) => versionId === version.versionId);
    if (replaced !== undefined) this.#observer.removed(replaced);
    const older = this.versions(version.key).filter((other) => other !== replaced);
    if (!this.#versions.has(version.key)) this.#sortedKeys = undefined;
    this.#versions.set(version.key, [version, ...older]);
    this.#written.delete(version.key);
    this.#written.add(version.key);
    this.#observer.stored(version);
    return version;
  }
}

function md5(content: Content): string {
  const hash = createHash('md5');
  for (const chunk of content.chunks) hash.update(chunk);
  return hash.digest('hex');
}
