/**
 * S3Bucket: what an S3 store knows of the bucket around it: region, clock, settings, and uploads that nobody ended.
 * Objects are s3.ts's business; how a setting is read from its answer, s3-settings.ts's.
 */
import {
  AbortMultipartUploadCommand,
  GetBucketLocationCommand,
  HeadBucketCommand,
  ListMultipartUploadsCommand,
} from '@aws-sdk/client-s3';
import { IcecoreError } from '../base/errors.ts';
import type { ProviderProfile } from '../plan/providers.ts';
import type { Bucket, BucketSettings, UnfinishedUpload } from './bucket.ts';
import type { CallOptions, S3Caller } from './s3-caller.ts';
import { answerOf, readSettings } from './s3-settings.ts';

const REGION_HEADER = 'x-amz-bucket-region';
/** What GetBucketLocation says of the oldest regions: nothing of the first one, and a name of its own for the second. */
const FIRST_REGION = 'us-east-1';
const OLD_NAMES: Readonly<Record<string, string>> = { EU: 'eu-west-1', US: FIRST_REGION };

/** The bucket of an S3 store. */
export class S3Bucket implements Bucket {
  readonly name: string;
  readonly keyPrefix: string;
  readonly provider: ProviderProfile;
  readonly #caller: S3Caller;

  /** Sends nothing yet. */
  constructor(caller: S3Caller) {
    this.name = caller.bucket;
    this.keyPrefix = caller.keyPrefix;
    this.provider = caller.profile;
    this.#caller = caller;
  }

  async region(signal?: AbortSignal): Promise<string | undefined> {
    let region: string | undefined;
    const head = await this.#head({ signal, onAnswer: ({ headers }) => (region ??= headers[REGION_HEADER]) });
    // Also a refusal says where the bucket is.
    region ??= head.type === 'known' ? head.value.BucketRegion : undefined;
    if (region !== undefined) return region;
    const location = await answerOf(
      this.#caller,
      () => new GetBucketLocationCommand({ Bucket: this.name }),
      (output) => output.LocationConstraint ?? '',
      { signal },
    );
    if (location.type !== 'known') return undefined;
    return location.value === '' ? FIRST_REGION : (OLD_NAMES[location.value] ?? location.value);
  }

  async settings(signal?: AbortSignal): Promise<BucketSettings> {
    return await readSettings(this.#caller, signal);
  }

  async clock(signal?: AbortSignal): Promise<{ readonly time: number; readonly aheadMs: number }> {
    let asked = 0;
    let reading: { readonly time: number; readonly aheadMs: number } | undefined;
    await this.#head({
      signal,
      onAsk: () => {
        asked = Date.now();
      },
      onAnswer: ({ headers }) => {
        // HTTP dates have no fractions of a second: half of one is the best guess.
        const time = Date.parse(headers.date ?? '') + 500;
        if (!Number.isNaN(time)) reading = { time, aheadMs: time - (asked + Date.now()) / 2 };
      },
    });
    if (reading !== undefined) return reading;
    throw new IcecoreError('store', 'no-clock', `s3://${this.name} does not say what time it is`);
  }

  async *unfinishedUploads(prefix: string, signal?: AbortSignal): AsyncIterable<UnfinishedUpload> {
    let after: { readonly KeyMarker: string; readonly UploadIdMarker?: string } | undefined;
    for (;;) {
      const page = await this.#caller.send(
        () =>
          new ListMultipartUploadsCommand({
            Bucket: this.name,
            Prefix: this.keyPrefix + prefix,
            ...after,
            ...this.#caller.requestParams(),
          }),
        { signal },
      );
      for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
        if (UploadId === undefined || !Key?.startsWith(this.keyPrefix)) continue;
        yield { name: Key.slice(this.keyPrefix.length), uploadId: UploadId, started: Initiated?.getTime() ?? 0 };
      }
      const { IsTruncated, NextKeyMarker, NextUploadIdMarker } = page;
      if (!IsTruncated) return;
      const isStuck = NextKeyMarker === after?.KeyMarker && NextUploadIdMarker === after?.UploadIdMarker;
      if (!NextKeyMarker || isStuck) {
        throw new IcecoreError(
          'store',
          'listing-stuck',
          `s3://${this.name} lists the same unfinished uploads for ever`,
        );
      }
      after = { KeyMarker: NextKeyMarker, ...(NextUploadIdMarker ? { UploadIdMarker: NextUploadIdMarker } : {}) };
    }
  }

  async abortUpload({ name, uploadId }: UnfinishedUpload, signal?: AbortSignal): Promise<void> {
    const ended = await answerOf(
      this.#caller,
      () =>
        new AbortMultipartUploadCommand({
          Bucket: this.name,
          Key: this.keyPrefix + name,
          UploadId: uploadId,
          ...this.#caller.requestParams(),
        }),
      () => true,
      { signal, name, absent: { NoSuchUpload: true } },
    );
    if (ended.type === 'known') return;
    throw new IcecoreError(
      'store',
      'upload-not-aborted',
      `cannot end the unfinished upload of ${name}: ${ended.type}`,
      {
        hint: 'the credentials need s3:AbortMultipartUpload',
      },
    );
  }

  #head({ onAsk, ...options }: CallOptions & { readonly onAsk?: () => void }) {
    return answerOf(
      this.#caller,
      () => {
        onAsk?.();
        return new HeadBucketCommand({ Bucket: this.name });
      },
      (output) => output,
      options,
    );
  }
}
