/**
 * Manner: which headers a put carries at this store. Starts from the provider's profile, and learns where that does not
 * know: what is refused is left out from then on. Decides nothing about whose object is whose.
 */
import type { ProviderProfile } from '../plan/providers.ts';
import { factsOf } from './s3-faults.ts';

/** The headers of one put that not all stores take. */
export interface Dress {
  /** The SHA-256 as a checksum of the object, kept with it. */
  readonly checksum: boolean;
  /** Content-MD5, which a bucket with Object Lock may want where there is no checksum. */
  readonly md5: boolean;
  /** If-None-Match, where the put shall create only. */
  readonly condition: boolean;
}

/** How stores refuse a header that they do not know, or one that is missing. */
const REFUSALS: ReadonlySet<string> = new Set([
  ...['NotImplemented', 'InvalidArgument', 'InvalidRequest', 'BadRequest', 'UnsupportedHeader', 'InvalidHeader'],
  ...['MissingContentMD5', 'MalformedHeaderValue', 'InvalidChecksum'],
]);

/** What one store has shown of itself. */
export class Manner {
  readonly #profile: ProviderProfile;
  readonly #dresses: readonly Dress[];
  #current = 0;
  #honoursCondition: boolean;
  #completesConditionally: boolean;

  constructor(profile: ProviderProfile) {
    const { quirks, id } = profile;
    const plain: Dress = {
      checksum: quirks.checksum === 'sha256',
      md5: false,
      condition: quirks.conditionalPut !== 'refused',
    };
    const bare = { ...plain, checksum: false };
    const withMd5 = { ...bare, md5: true };
    this.#profile = profile;
    this.#dresses =
      id === 'generic'
        ? [plain, bare, withMd5, { ...plain, condition: false }, { ...bare, condition: false }]
        : plain.checksum
          ? [plain]
          : [bare, withMd5];
    this.#honoursCondition = quirks.conditionalPut === 'honoured';
    this.#completesConditionally = quirks.conditionalComplete !== 'refused';
  }

  /** What the next put wears. */
  get dress(): Dress {
    return this.#dresses[this.#current]!;
  }

  /** True when a put in that dress can be trusted not to replace anything. */
  creates(dress: Dress): boolean {
    return dress.condition && this.#honoursCondition;
  }

  /** If-None-Match on the completion of an upload: sent, and trusted. */
  get completion(): { readonly condition: boolean; readonly creates: boolean } {
    return {
      condition: this.#completesConditionally && this.dress.condition,
      creates: this.#profile.quirks.conditionalComplete === 'honoured',
    };
  }

  /** True when a completion was refused because of its condition, at a store whose profile does not know that. */
  isRefusedCompletion(error: unknown): boolean {
    return this.completion.condition && this.#profile.id === 'generic' && isRefusal(error);
  }

  /** From now on, completions are sent without a condition. */
  completeUnconditionally(): void {
    this.#completesConditionally = false;
  }

  /**
   * What to try when a put in that dress was refused so; undefined when nothing is left, or it was about other things.
   * A store that looks at the condition does not refuse it: whatever else it minds, the condition stays.
   */
  after(dress: Dress, error: unknown): Dress | undefined {
    if (!isRefusal(error)) return undefined;
    const rest = this.#dresses.slice(this.#dresses.indexOf(dress) + 1);
    return rest.find(({ condition }) => condition || !this.#honoursCondition);
  }

  /** A put in that dress was taken: all others shall wear it. */
  worked(dress: Dress): void {
    this.#current = Math.max(this.#current, this.#dresses.indexOf(dress));
  }

  /** The store has turned down a put because of If-None-Match: it looks at it. */
  sawCondition(): void {
    this.#honoursCondition = true;
  }
}

function isRefusal(error: unknown): boolean {
  const { status, code } = factsOf(error);
  return status === 501 || (status === 400 && (code === undefined || REFUSALS.has(code)));
}
