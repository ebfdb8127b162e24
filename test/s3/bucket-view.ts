/**
 * A bucket as anybody sees it, through the AWS SDK and past the code under test: what lies there, what was left over,
 * and clearing all of it away. Names are whole keys.
 */
import {
  AbortMultipartUploadCommand,
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectTaggingCommand,
  ListMultipartUploadsCommand,
  type ListMultipartUploadsCommandOutput,
  ListObjectVersionsCommand,
  type ListObjectVersionsCommandOutput,
  type MultipartUpload,
  paginateListObjectsV2,
  S3Client,
  type _Object as S3Object,
} from '@aws-sdk/client-s3';
import type { BucketUrl } from '../../src/store/repository-url.ts';

const DELETES_AT_ONCE = 16;

/** What a delete takes. */
interface Doomed {
  readonly Key: string;
  readonly VersionId?: string;
}

/** A look at one bucket. Credentials come from the environment of this process. */
export class BucketView {
  readonly #bucket: string;
  readonly #client: S3Client;

  constructor({ bucket, endpoint, region, isPathStyle = endpoint !== undefined }: BucketUrl) {
    this.#bucket = bucket;
    this.#client = new S3Client({
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(region === undefined ? {} : { region }),
      forcePathStyle: isPathStyle,
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
    });
  }

  async createBucket(): Promise<void> {
    await this.#client.send(new CreateBucketCommand({ Bucket: this.#bucket }));
  }

  /** What a listing says. */
  async objects(prefix: string): Promise<S3Object[]> {
    const found: S3Object[] = [];
    const pages = paginateListObjectsV2({ client: this.#client }, { Bucket: this.#bucket, Prefix: prefix });
    for await (const page of pages) found.push(...(page.Contents ?? []));
    return found;
  }

  async remove(key: string): Promise<void> {
    await this.#client.send(new DeleteObjectCommand({ Bucket: this.#bucket, Key: key }));
  }

  async tags(key: string): Promise<Record<string, string>> {
    const { TagSet = [] } = await this.#client.send(new GetObjectTaggingCommand({ Bucket: this.#bucket, Key: key }));
    return Object.fromEntries(TagSet.map(({ Key, Value }) => [Key!, Value!]));
  }

  /** Multipart uploads that were begun and never ended. */
  async unfinishedUploads(prefix: string): Promise<MultipartUpload[]> {
    const found: MultipartUpload[] = [];
    let from: { KeyMarker?: string; UploadIdMarker?: string } = {};
    for (;;) {
      const command = new ListMultipartUploadsCommand({ Bucket: this.#bucket, Prefix: prefix, ...from });
      const page: ListMultipartUploadsCommandOutput = await this.#client.send(command);
      found.push(...(page.Uploads ?? []));
      if (!page.IsTruncated) return found;
      from = { KeyMarker: page.NextKeyMarker!, UploadIdMarker: page.NextUploadIdMarker! };
    }
  }

  /** Removes everything below a prefix: unfinished uploads, objects, and where the store keeps them, all versions. */
  async removeAll(prefix: string): Promise<void> {
    for (const { Key, UploadId } of await this.unfinishedUploads(prefix)) {
      await this.#client.send(new AbortMultipartUploadCommand({ Bucket: this.#bucket, Key, UploadId }));
    }
    const objects = (await this.objects(prefix)).map(({ Key }): Doomed => ({ Key: Key! }));
    // Without the permission to see versions, or where there are none, the objects are all that can be removed.
    const versions = await this.#versions(prefix).catch(() => []);
    const doomed = versions.length > 0 ? versions : objects;
    const remove = async (): Promise<void> => {
      for (let one = doomed.pop(); one; one = doomed.pop()) {
        await this.#client.send(new DeleteObjectCommand({ Bucket: this.#bucket, ...one }));
      }
    };
    await Promise.all(Array.from({ length: DELETES_AT_ONCE }, remove));
  }

  close(): void {
    this.#client.destroy();
  }

  async #versions(prefix: string): Promise<Doomed[]> {
    const found: Doomed[] = [];
    let from: { KeyMarker?: string; VersionIdMarker?: string } = {};
    for (;;) {
      const command = new ListObjectVersionsCommand({ Bucket: this.#bucket, Prefix: prefix, ...from });
      const page: ListObjectVersionsCommandOutput = await this.#client.send(command);
      const entries = [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])];
      found.push(...entries.map(({ Key, VersionId }) => ({ Key: Key!, VersionId: VersionId! })));
      if (!page.IsTruncated) return found;
      from = { KeyMarker: page.NextKeyMarker!, VersionIdMarker: page.NextVersionIdMarker! };
    }
  }
}
