/**
 * The SDK's client for one bucket: where it connects, as whom, and in which region. Owns the SDK's configuration, so
 * that it does nothing on its own: no retries, no checksums, no redirects, nothing on standard error.
 */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { messageOf } from '../base/errors.ts';
import { findProvider } from '../plan/find-provider.ts';
import type { ProviderProfile } from '../plan/providers.ts';
import { RequestFault } from './s3-faults.ts';
import type { S3StoreOptions } from './s3-options.ts';

/** Where AWS has its bucket index, and what servers that know no regions take. */
const DEFAULT_REGION = 'us-east-1';
const CONNECT_MS = 10_000;
/** Without a byte in either direction. */
const IDLE_MS = 60_000;
/** The same where a bandwidth limit holds bytes back. */
const PACED_IDLE_MS = 300_000;

/** The SDK would write to standard error where it finds no logger. */
const SILENT = { trace() {}, debug() {}, info() {}, warn() {}, error() {} };

/** A client, and what is known of the place that it speaks to. */
export class S3Connection {
  readonly client: S3Client;
  readonly profile: ProviderProfile;
  /** The host that was given, or what stands for AWS in messages. */
  readonly endpoint: string;
  readonly #isRegionPinned: boolean;
  #region: string;
  #hasHadCredentials = false;

  constructor(options: S3StoreOptions, found: Surroundings, concurrency: number) {
    const { endpoint } = found;
    this.profile = findProvider({ endpoint, provider: options.provider });
    this.endpoint = endpoint === undefined ? this.profile.name : new URL(endpoint).host;
    this.#isRegionPinned = options.region !== undefined;
    this.#region = options.region ?? found.region ?? DEFAULT_REGION;
    this.client = new S3Client({
      ...QUIET,
      ...(endpoint === undefined ? {} : { endpoint }),
      region: async () => this.#region,
      forcePathStyle: options.isPathStyle ?? (endpoint !== undefined && this.profile.quirks.pathStyle),
      requestHandler: requestHandler(concurrency, options.idleMs ?? (options.bandwidth ? PACED_IDLE_MS : IDLE_MS)),
    });
    // Its place in the stack is taken and not left empty, as the SDK sets others beside it.
    this.client.middlewareStack.add((next) => next, {
      name: 'retryMiddleware',
      step: 'finalizeRequest',
      priority: 'high',
      override: true,
    });
  }

  get region(): string {
    return this.#region;
  }

  /** True once credentials were found: when they cannot be had later, that may pass. */
  get hasHadCredentials(): boolean {
    return this.#hasHadCredentials;
  }

  /** Milliseconds that the store's clock is ahead of ours, as far as answers told. */
  get aheadMs(): number {
    return this.client.config.systemClockOffset;
  }

  /**
   * The credentials that the next request is signed with. The SDK keeps them, and renews those that are about to expire.
   * @throws RequestFault `credentials`
   */
  async signIn(): Promise<Identity> {
    try {
      const { accessKeyId, sessionToken } = await this.client.config.credentials();
      this.#hasHadCredentials = true;
      return { accessKeyId, sessionToken };
    } catch (error) {
      throw new RequestFault('credentials', messageOf(error), error);
    }
  }

  /**
   * Asks the provider chain anew, since the store calls the credentials expired.
   * @returns false when there are no others than those
   */
  async renewCredentials(expired: Identity): Promise<boolean> {
    const isOther = ({ accessKeyId, sessionToken }: Identity): boolean =>
      accessKeyId !== expired.accessKeyId || sessionToken !== expired.sessionToken;
    // Another request may have been here before.
    if (isOther(await this.signIn())) return true;
    await this.client.config.credentials({ forceRefresh: true }).catch(() => {});
    return isOther(await this.signIn());
  }

  /** Goes on in another region. @returns false when the user has named one, or it is the same. */
  moveTo(region: string | undefined): boolean {
    if (this.#isRegionPinned || region === undefined || region === this.#region) return false;
    this.#region = region;
    return true;
  }

  close(): void {
    this.client.destroy();
  }
}

/** Whose credentials; enough to tell them from others. */
export interface Identity {
  readonly accessKeyId: string;
  readonly sessionToken: string | undefined;
}

/** What the environment and the files of the AWS tools say. */
interface Surroundings {
  readonly endpoint?: string;
  readonly region?: string;
}

/**
 * Makes a connection; sends nothing yet.
 * @throws kind `usage` for an endpoint or a provider that makes no sense
 */
export async function connect(options: S3StoreOptions, concurrency: number): Promise<S3Connection> {
  return new S3Connection(options, await lookAround(options), concurrency);
}

const QUIET = {
  // Others than AWS store the framing of trailing checksums as content. What we send is checked by SHA-256 (s3-payload.ts).
  requestChecksumCalculation: 'WHEN_REQUIRED',
  responseChecksumValidation: 'WHEN_REQUIRED',
  maxAttempts: 1,
  // Costs seconds on servers that do not know it, and a connection for each request on those that do.
  expectContinueHeader: false,
  logger: SILENT,
  // Of the files of credentials: what another program writes there during a run shall count.
  ignoreCache: true,
} as const satisfies S3ClientConfig & { readonly ignoreCache: boolean };

/** Asks the SDK what it would take, since that decides the profile, the path style and the region. */
async function lookAround(options: S3StoreOptions): Promise<Surroundings> {
  const client = new S3Client(QUIET);
  try {
    const { serviceConfiguredEndpoint } = client.config as { serviceConfiguredEndpoint?: () => Promise<unknown> };
    const endpoint = options.endpoint ?? (await serviceConfiguredEndpoint?.());
    // It throws where there is none.
    const region = options.region ?? (await client.config.region().catch(() => undefined));
    return {
      ...(typeof endpoint === 'string' ? { endpoint } : {}),
      ...(region === undefined ? {} : { region }),
    };
  } finally {
    client.destroy();
  }
}

function requestHandler(concurrency: number, idleMs: number): NonNullable<S3ClientConfig['requestHandler']> {
  // Twice what the pace lets through: a connection that is being given up must not keep the next request waiting.
  const agent = { keepAlive: true, maxSockets: 2 * concurrency };
  return {
    connectionTimeout: CONNECT_MS,
    // The time without a byte. What the handler calls requestTimeout is a limit on the whole request.
    socketTimeout: idleMs,
    httpAgent: new HttpAgent(agent),
    httpsAgent: new HttpsAgent(agent),
    logger: SILENT,
  };
}
