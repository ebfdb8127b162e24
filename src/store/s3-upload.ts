/**
 * Upload: the life of one multipart upload, from its creation to its completion, or to its abortion having been
 * answered: nothing is left behind that the store would bill for. Cutting and memory are s3-parts.ts's.
 */
import { createHash } from 'node:crypto';
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { IcecoreError, throwIfAborted } from '../base/errors.ts';
import { type Fault, factsOf, RequestFault } from './s3-faults.ts';
import { CLEAR_UP_MS, graceSignal } from './s3-grace.ts';
import type { Dress } from './s3-manner.ts';
import type { PartCutter, PartMemory } from './s3-parts.ts';
import { Payload } from './s3-payload.ts';
import { compositeTag, type Found, identityOf, lookAt, type Own } from './s3-recognition.ts';
import { checkAnswer, lookBefore, objectParams, otherBytes, type WriteContext, withoutType } from './s3-write.ts';
import type { PutResult } from './store.ts';

/** One upload of several parts. */
export class Upload {
  readonly #context: WriteContext;
  readonly #memory: PartMemory;
  readonly #stop = new AbortController();
  readonly #failed = Promise.withResolvers<never>();
  readonly #running = new Set<Promise<void>>();
  readonly #parts: (CompletedPart & { readonly sha256: Buffer })[] = [];
  #dress: Dress;
  #uploadId = '';
  #size = 0;
  /** An answer to the creation was lost, and with it the id of an upload. */
  #mayHaveStray = false;

  constructor(context: WriteContext, memory: PartMemory) {
    this.#context = context;
    this.#memory = memory;
    this.#dress = context.manner.dress;
    this.#failed.promise.catch(() => {});
  }

  /** Sends all parts, of which the first is there, and completes the object. The cutter's body is left to its owner. */
  async run(first: Uint8Array, cutter: PartCutter): Promise<PutResult> {
    const { signal } = this.#context.put;
    try {
      await this.#begin();
      for (let part = first; ; part = await cutter.next(this.#failed.promise)) {
        await this.#start(part);
        if (cutter.isDone) break;
      }
      await Promise.race([Promise.all(this.#running), this.#failed.promise]);
      throwIfAborted(signal);
      const result = await this.#complete();
      if (result.outcome === 'exists') await this.#clearUp();
      return result;
    } catch (error) {
      this.#stop.abort();
      await Promise.allSettled(this.#running);
      await this.#clearUp();
      throw error;
    } finally {
      if (this.#mayHaveStray) await this.#removeStrays();
    }
  }

  async #begin(): Promise<void> {
    const { requests, name, put, manner } = this.#context;
    // Not the caller's signal: an upload whose creation is cut off exists all the same, without a name to end it by.
    const grace = graceSignal(put.signal);
    const onFault = (fault: Fault): void => {
      if (fault !== 'final' && fault !== 'throttled') this.#mayHaveStray = true;
    };
    try {
      const output = await this.#dressed((dress) =>
        requests.send(
          () =>
            new CreateMultipartUploadCommand({
              ...this.#target(),
              ...(dress.checksum ? { ChecksumAlgorithm: 'SHA256' } : {}),
              ...objectParams(this.#context),
            }),
          {
            signal: grace.signal,
            name,
            onFault,
            isAnswer: (error) => manner.after(dress, error) !== undefined,
            take: async ({ UploadId }) => {
              if (!UploadId) throw new RequestFault('foreign', 'an upload without an id');
            },
          },
        ),
      );
      this.#uploadId = output.UploadId!;
    } finally {
      grace.end();
    }
    throwIfAborted(put.signal);
  }

  /** Waits for a place, and sends a part in the background. */
  async #start(part: Uint8Array): Promise<void> {
    const admission = this.#memory.admit(part);
    const release = await Promise.race([admission, this.#failed.promise]).catch((error: unknown) => {
      admission.then((giveBack) => giveBack(false));
      throw error;
    });
    const number = this.#parts.length + 1;
    const payload = new Payload([part]);
    this.#size += payload.size;
    this.#parts.push({ PartNumber: number, sha256: payload.sha256 });
    const sending = this.#send(number, payload).then(
      () => release(true),
      (error: unknown) => {
        release(false);
        this.#failed.reject(error);
        this.#stop.abort();
      },
    );
    this.#running.add(sending);
    sending.finally(() => this.#running.delete(sending));
  }

  async #send(number: number, payload: Payload): Promise<void> {
    const { requests, name, options, put, manner } = this.#context;
    const signal = put.signal ? AbortSignal.any([put.signal, this.#stop.signal]) : this.#stop.signal;
    await this.#dressed(async (dress) => {
      const output = await requests.send(
        () =>
          new UploadPartCommand({
            ...this.#target(),
            UploadId: this.#uploadId,
            PartNumber: number,
            Body: payload.body(options.bandwidth?.upload, signal),
            ContentLength: payload.size,
            ...(dress.checksum ? { ChecksumSHA256: payload.sha256Base64 } : {}),
            ...(dress.md5 ? { ContentMD5: payload.md5().toString('base64') } : {}),
          }),
        {
          signal,
          name,
          contentSha256: payload.sha256Hex,
          isAnswer: (error) => manner.after(dress, error) !== undefined,
          take: async ({ ETag, ChecksumSHA256 }) => checkAnswer(ETag, ChecksumSHA256, payload),
        },
      );
      const part = this.#parts[number - 1]!;
      part.ETag = output.ETag;
      // A store that did not keep it would not find the part by it.
      if (output.ChecksumSHA256) part.ChecksumSHA256 = output.ChecksumSHA256;
    });
  }

  /** Sends something in the dress that the store takes, and keeps to that. */
  async #dressed<T>(send: (dress: Dress) => Promise<T>): Promise<T> {
    for (let dress = this.#dress; ; ) {
      try {
        const result = await send(dress);
        this.#dress = dress;
        return result;
      } catch (error) {
        if (error instanceof IcecoreError) throw error;
        dress = this.#context.manner.after(dress, error) ?? dress;
      }
    }
  }

  async #complete(): Promise<PutResult> {
    const { requests, name, put, manner } = this.#context;
    const { condition, creates } = manner.completion;
    if (put.ifAbsent && !put.isBlind && !creates && (await lookBefore(this.#context, this.#own)) === 'taken') {
      return { outcome: 'exists', size: 0 };
    }
    const parts = this.#parts.map(({ sha256: _, ...part }) => part);
    try {
      const output = await requests.send(
        () =>
          new CompleteMultipartUploadCommand({
            ...this.#target(),
            UploadId: this.#uploadId,
            MultipartUpload: { Parts: parts },
            ...(put.ifAbsent && condition ? { IfNoneMatch: '*' } : {}),
          }),
        {
          signal: put.signal,
          name,
          storageClass: put.storageClass ?? 'STANDARD',
          isAnswer: (error) =>
            factsOf(error).status === 412 ||
            factsOf(error).code === 'NoSuchUpload' ||
            manner.isRefusedCompletion(error),
          take: async ({ ETag, Key, ChecksumSHA256 }) => this.#checkCompletion(ETag ?? Key, ChecksumSHA256),
        },
      );
      manner.worked(this.#dress);
      const identity = identityOf(output);
      // What is not said in the answer, or not as of several parts, is asked for: it goes into the index.
      const isWhole = identity.etag !== undefined && (identity.checksum?.includes('-') ?? true);
      if (isWhole) return { outcome: 'stored', size: this.#size, ...identity };
      return this.#believe(await this.#look());
    } catch (error) {
      if (error instanceof IcecoreError) throw error;
      if (manner.isRefusedCompletion(error)) {
        manner.completeUnconditionally();
        return await this.#complete();
      }
      const found = await this.#look();
      if (found.type === 'ours') return this.#believe(found);
      if (factsOf(error).status === 412) return { outcome: 'exists', size: 0 };
      throw this.#lost('the upload is gone', error);
    }
  }

  #checkCompletion(answer: string | undefined, checksum: string | undefined): void {
    if (answer === undefined)
      throw new RequestFault('foreign', 'an upload is said to be complete, without a word of it');
    if (!checksum) return;
    const composite = createHash('sha256').update(Buffer.concat(this.#parts.map(({ sha256 }) => sha256)));
    if (checksum.split('-')[0] === composite.digest('base64')) return;
    throw otherBytes();
  }

  #look(): Promise<Found> {
    const { requests, name, put } = this.#context;
    return lookAt(requests, name, this.#own, put.signal);
  }

  get #own(): Own {
    return {
      mark: this.#context.mark,
      size: this.#size,
      hasChecksum: this.#dress.checksum,
      etag: () => compositeTag(this.#parts.map(({ ETag }) => ETag ?? '')),
    };
  }

  /** What is there once the store has said that the upload is complete. */
  #believe(found: Found): PutResult {
    if (found.type === 'absent') throw this.#lost('the store calls the upload complete, and has no such object');
    // The upload of another that was completed after ours, where the store does not mind.
    if (found.type === 'others' && found.isMarked) return { outcome: 'exists', size: 0 };
    return { outcome: 'stored', size: this.#size, ...(found.type === 'ours' ? withoutType(found) : {}) };
  }

  #lost(what: string, cause?: unknown): IcecoreError {
    const { requests, name } = this.#context;
    return new IcecoreError('store', 'upload-lost', `cannot store ${name} in ${requests.location}: ${what}`, {
      hint: 'run the command again; a lifecycle rule that ends uploads must give them a day at least',
      cause,
    });
  }

  /** Ends the upload and waits for the answer, for a few seconds. What stays behind is found by the next run. */
  async #clearUp(): Promise<void> {
    if (this.#uploadId === '') return;
    await this.#abort(this.#uploadId, AbortSignal.timeout(CLEAR_UP_MS)).catch(() => {});
  }

  /** Uploads of this name that nobody knows: those whose creation was answered into the void. The name is ours alone. */
  async #removeStrays(): Promise<void> {
    const { requests, name } = this.#context;
    const signal = AbortSignal.timeout(CLEAR_UP_MS);
    try {
      const { Bucket, Key, ...params } = this.#target();
      const page = await requests.send(() => new ListMultipartUploadsCommand({ Bucket, Prefix: Key, ...params }), {
        signal,
        name,
      });
      for (const upload of page.Uploads ?? []) {
        if (upload.Key === Key && upload.UploadId !== this.#uploadId) await this.#abort(upload.UploadId!, signal);
      }
    } catch {
      // Not allowed, or out of reach: what stays behind is doctor's to find.
    }
  }

  async #abort(UploadId: string, signal: AbortSignal): Promise<void> {
    const { requests, name } = this.#context;
    await requests.send(() => new AbortMultipartUploadCommand({ ...this.#target(), UploadId }), { signal, name });
  }

  #target() {
    const { requests, name } = this.#context;
    return { Bucket: requests.bucket, Key: requests.keyPrefix + name, ...requests.requestParams() };
  }
}
