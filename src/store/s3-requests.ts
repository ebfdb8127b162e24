/**
 * S3Requests: the one way from the S3 store to the wire. Every attempt of every request waits here for its turn, is
 * counted, looked at and judged; what may pass is tried again. What a request means is its caller's business.
 */
import type { ClientRequest, IncomingMessage } from 'node:http';
import { type S3Client, S3ServiceException } from '@aws-sdk/client-s3';
import { cancelled, IcecoreError, throwIfAborted } from '../base/errors.ts';
import { unlessAborted } from '../base/unless-aborted.ts';
import type { ProviderProfile } from '../plan/providers.ts';
import type { CallOptions, S3Answer, S3Caller, S3Command } from './s3-caller.ts';
import type { Identity, S3Connection } from './s3-client.ts';
import { attemptLine, type FailedRequest, requestError } from './s3-errors.ts';
import { type Fault, factsOf, faultOf, RequestFault } from './s3-faults.ts';
import type { RetryClock, S3StoreOptions } from './s3-options.ts';
import { Pace } from './s3-pace.ts';
import { RETRY_FOR_MS, RetryBudget, retryAfterMs } from './s3-retry.ts';
import { Tally } from './s3-tally.ts';

/** Clocks that differ by less are no reason to speak of it: answers may be minutes under way, dates have whole seconds. */
const SKEW_MS = 300_000;

/** What the store's own requests may say beside. */
export interface SendOptions<Output> extends CallOptions {
  /** SHA-256 of the body, hexadecimal: it was computed already, and the server checks it. */
  readonly contentSha256?: string;
  /** Reads what the answer carries; what it throws is a failure of the attempt. */
  readonly take?: (output: Output) => Promise<void>;
  /** The same question in a form whose refusal has a body, for one that has none (HEAD). */
  readonly explain?: () => S3Command<object>;
  /** Is told of every attempt that failed. */
  readonly onFault?: (fault: Fault) => void;
}

/** One attempt, as far as it has come. */
interface Attempt {
  /** The service's name of it; the SDK tells when it begins. */
  operation: string;
  identity?: Identity;
  readonly region: string;
  message?: IncomingMessage;
}

/** Sends requests to one bucket; see {@link S3Caller}. */
export class S3Requests implements S3Caller {
  readonly bucket: string;
  readonly keyPrefix: string;
  readonly location: string;
  readonly tally = new Tally();
  readonly #connection: S3Connection;
  readonly #options: S3StoreOptions;
  readonly #clock: RetryClock;
  readonly #pace: Pace;
  #hasEverAnswered = false;
  #hasToldSkew = false;

  constructor(connection: S3Connection, options: S3StoreOptions, concurrency: number, clock: RetryClock) {
    this.bucket = options.bucket;
    this.keyPrefix = options.prefix === '' ? '' : `${options.prefix}/`;
    this.location = `s3://${options.bucket}${options.prefix === '' ? '' : `/${options.prefix}`}`;
    this.#connection = connection;
    this.#options = options;
    this.#clock = clock;
    this.#pace = new Pace(concurrency);
  }

  get profile(): ProviderProfile {
    return this.#connection.profile;
  }

  requestParams(): { readonly RequestPayer?: 'requester' } {
    return this.#options.isRequesterPays ? { RequestPayer: 'requester' } : {};
  }

  async send<Output extends object>(make: () => S3Command<Output>, options: SendOptions<Output> = {}): Promise<Output> {
    const { signal } = options;
    const budget = new RetryBudget(this.#options.retryForMs ?? RETRY_FOR_MS);
    for (;;) {
      throwIfAborted(signal);
      const command = make();
      const attempt: Attempt = { operation: '', region: this.#connection.region };
      const turn = await this.#pace.turn(signal);
      const started = this.#clock.monotonic();
      let error: unknown;
      try {
        const output = await this.#attempt(command, attempt, options);
        turn.succeed();
        return output;
      } catch (thrown) {
        const { explain } = options;
        error = explain && isSpeechless(thrown) ? await this.#explain(thrown, explain, signal) : thrown;
      }
      const tookMs = this.#clock.monotonic() - started;
      const isAnswer = error instanceof S3ServiceException && (options.isAnswer?.(error) ?? false);
      const fault = isAnswer ? 'final' : faultOf(error);
      if (fault === 'throttled') turn.throttle();
      else if (isAnswer) turn.succeed();
      else turn.fail();
      // Ours, or the caller's in reading the answer: nothing that the store did.
      if (signal?.aborted) {
        // Cut off by us: what the request has done is not known either.
        options.onFault?.('unreachable');
        throw cancelled();
      }
      if (isAnswer || error instanceof IcecoreError) throw error;
      options.onFault?.(fault);
      const facts = factsOf(error);
      const retryAfter = retryAfterMs(facts.headers, this.#clock.now());
      const canGoOn = await this.#mend(fault, attempt, facts.region);
      const pause = budget.next(canGoOn ? fault : 'final', tookMs, {
        hasEverAnswered: this.#hasEverAnswered,
        ...(retryAfter === undefined ? {} : { retryAfterMs: retryAfter }),
      });
      const failed = this.#failed(attempt, options, budget);
      if (pause === undefined) throw requestError(error, fault, failed);
      const message = attemptLine(error, fault, failed);
      this.#options.onWait?.({ ...pause, attempt: budget.attempts, message });
      if (pause.delayMs > 0) await this.#clock.sleep(pause.delayMs, signal);
    }
  }

  /** Sends once, and reads the answer. */
  async #attempt<Output extends object>(
    command: S3Command<Output>,
    attempt: Attempt,
    options: SendOptions<Output>,
  ): Promise<Output> {
    const { signal, contentSha256, take } = options;
    const begin = (next: Handler, context: HandlerContext) => async (args: HandlerArguments) => {
      attempt.operation = context.commandName.replace(/Command$/, '');
      attempt.identity = await unlessAborted(this.#connection.signIn(), signal);
      return await next(args);
    };
    command.middlewareStack.add(begin, { step: 'initialize', priority: 'high', name: 'icecoreBegin' });
    if (contentSha256 !== undefined) {
      const setHash = (next: Handler) => (args: HandlerArguments) => {
        args.request.headers['x-amz-content-sha256'] = contentSha256;
        return next(args);
      };
      command.middlewareStack.add(setHash, { step: 'build', name: 'icecoreHash' });
    }
    const watch = (next: Handler) => async (args: HandlerArguments) => {
      this.tally.add(attempt.operation, options.storageClass ?? 'STANDARD');
      const result = await next(args);
      attempt.message = result.response.body;
      this.#look({ status: result.response.statusCode, headers: result.response.headers }, options);
      return result;
    };
    command.middlewareStack.add(watch, { step: 'deserialize', priority: 'low', name: 'icecoreWatch' });
    try {
      // The SDK types its commands one by one, and their outputs as one union.
      const output = (await this.#connection.client.send(
        command as object as Parameters<S3Client['send']>[0],
        signal ? { abortSignal: signal } : {},
      )) as object as Output;
      await take?.(output);
      return output;
    } finally {
      settle(attempt.message);
    }
  }

  /** Looks at an answer before the SDK does. @throws RequestFault when it is none of an S3 store */
  #look(answer: S3Answer, options: CallOptions): void {
    const { status, headers } = answer;
    const isPage = /^text\/html/i.test(headers['content-type'] ?? '');
    const isSigned = ['x-amz-request-id', 'x-amzn-requestid', 'etag'].some((name) => headers[name] !== undefined);
    if (isPage && !isSigned) {
      const fault = status === 429 || status === 503 ? 'throttled' : status >= 500 ? 'server-error' : 'foreign';
      throw new RequestFault(fault, `status ${status} and a page for people`);
    }
    this.#hasEverAnswered = true;
    this.#compareClocks(headers.date);
    options.onAnswer?.(answer);
  }

  /** Requests go on in spite of it, as the SDK dates them by the store's clock; but what else this host dates is wrong. */
  #compareClocks(date: string | undefined): void {
    const aheadMs = Date.parse(date ?? '') - this.#clock.now();
    if (this.#hasToldSkew || !(Math.abs(aheadMs) > SKEW_MS)) return;
    this.#hasToldSkew = true;
    this.#options.onSkew?.(aheadMs);
  }

  /** Asks for the reason of a refusal without words: the error of that question, or the one that there is. */
  async #explain(error: unknown, make: () => S3Command<object>, signal: AbortSignal | undefined): Promise<unknown> {
    const command = make();
    const attempt: Attempt = { operation: '', region: this.#connection.region };
    try {
      await this.#attempt(command, attempt, signal ? { signal } : {});
      return new RequestFault('server-error', 'the store refuses to describe what it lets us read', error);
    } catch (reason) {
      return reason;
    }
  }

  /** Sets right what stands in the way of the next attempt. @returns false when that cannot be done */
  async #mend(fault: Fault, attempt: Attempt, region: string | undefined): Promise<boolean> {
    if (fault === 'elsewhere') return this.#connection.moveTo(region) || this.#connection.region !== attempt.region;
    // Those who never had credentials have none; those who had some may be cut off from where they come from.
    if (fault === 'credentials') return this.#connection.hasHadCredentials;
    if (fault === 'expired' && attempt.identity) {
      try {
        return await this.#connection.renewCredentials(attempt.identity);
      } catch {
        return true;
      }
    }
    return true;
  }

  #failed(attempt: Attempt, options: CallOptions, budget: RetryBudget): FailedRequest {
    return {
      operation: attempt.operation,
      location: this.location,
      bucket: this.bucket,
      endpoint: this.#connection.endpoint,
      region: this.#connection.region,
      name: options.name,
      storageClass: options.storageClass ?? 'STANDARD',
      attempts: budget.attempts,
      triedForMs: budget.spentMs,
      aheadMs: this.#connection.aheadMs,
    };
  }
}

interface HandlerArguments {
  readonly request: { readonly headers: Record<string, string> };
}
interface HandlerContext {
  readonly commandName: string;
}
type Handler = (args: HandlerArguments) => Promise<{
  readonly response: {
    readonly statusCode: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: IncomingMessage;
  };
}>;

/** A refusal that came without a code, as those of HEAD do. */
function isSpeechless(error: unknown): boolean {
  const { status, code } = factsOf(error);
  return code === undefined && (status === 400 || status === 403);
}

/**
 * Lets go of the connection of an attempt. What was not read to its end is cut off; so is a body that the server did not
 * wait for: its memory must not be looked at any more once the caller has it back.
 */
function settle(message: (IncomingMessage & { readonly req?: ClientRequest }) | undefined): void {
  if (message === undefined) return;
  if (!message.complete || !message.readableEnded) message.destroy();
  if (message.req?.writableFinished === false) message.req.destroy();
}
