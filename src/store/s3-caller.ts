/**
 * S3Caller: what the files of the S3 store send requests through. One shape, so that whatever asks something of a
 * bucket is retried, counted, paced and put into words in the same way. Types only; s3-client.ts makes it.
 */
import type { S3ServiceException } from '@aws-sdk/client-s3';
import type { ProviderProfile } from '../plan/providers.ts';

/** What the server said beside the body, for whoever asks: names are lower case. */
export interface S3Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
}

/** A command of the SDK, as far as its types matter here. */
export interface S3Command<Output extends object> {
  // biome-ignore lint/suspicious/noExplicitAny: the SDK's own types of a middleware stack are not worth repeating
  readonly middlewareStack: any;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  resolveMiddleware(stack: any, configuration: any, options: any): (...args: any[]) => Promise<{ output: Output }>;
}

/** How a request is to be made. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** The object concerned, relative to the repository, for error messages. */
  readonly name?: string;
  /** The class that sets the price of the request; STANDARD by default. */
  readonly storageClass?: string;
  /** Called for the answer of every attempt, failed ones included. */
  readonly onAnswer?: (answer: S3Answer) => void;
  /**
   * Says of a failed attempt that it is an answer: it is thrown as it is, neither repeated nor put into words. By
   * default none is.
   */
  readonly isAnswer?: (error: S3ServiceException) => boolean;
}

/** Sends requests to one bucket. */
export interface S3Caller {
  readonly bucket: string;
  /** What every key of the repository starts with: empty, or ends with a slash. */
  readonly keyPrefix: string;
  readonly profile: ProviderProfile;
  /** What belongs into the input of every command on the bucket. */
  requestParams(): { readonly RequestPayer?: 'requester' };
  /**
   * Sends a command, again and again while what goes wrong may pass; `make` makes it anew for each attempt.
   * @throws IcecoreError of kind `store` (its `data` has `status` and `errorCode` as the server gave them), or
   *   `cancelled`; the SDK's error itself where `isAnswer` says so
   */
  send<Output extends object>(make: () => S3Command<Output>, options?: CallOptions): Promise<Output>;
}
