/**
 * Finds the profile of a store by what its URL says. Owns the list of all profiles and the matching of host names; what
 * a profile holds is in providers.ts, and the profiles themselves are in provider-*.ts.
 */
import { IcecoreError } from '../base/errors.ts';
import { ARCHIVE_SERVICES } from './provider-archives.ts';
import { AWS } from './provider-aws.ts';
import { ONLINE_SERVICES } from './provider-online.ts';
import { GENERIC, SERVERS } from './provider-servers.ts';
import type { ProviderProfile } from './providers.ts';

/** Every profile, `generic` last. */
export const PROVIDERS: readonly ProviderProfile[] = [
  AWS,
  ...ARCHIVE_SERVICES,
  ...ONLINE_SERVICES,
  ...SERVERS,
  GENERIC,
];

/** What a repository's URL says of where it lies. */
export interface ProviderHints {
  /** The endpoint's URL; without one the store is AWS. */
  readonly endpoint?: string | undefined;
  /** A profile's id, which counts more than the endpoint. */
  readonly provider?: string | undefined;
}

/**
 * Finds the profile of a store: the one that is named, else the one that the endpoint's host belongs to, else
 * `generic`.
 * @throws usage `unknown-provider` for an id that no profile has, `invalid-endpoint` for an endpoint that is not a URL
 */
export function findProvider({ endpoint, provider }: ProviderHints): ProviderProfile {
  if (provider !== undefined) {
    const found = PROVIDERS.find((profile) => profile.id === provider);
    if (found) return found;
    throw new IcecoreError('usage', 'unknown-provider', `no provider is called ${JSON.stringify(provider)}`, {
      hint: `the known ones are ${PROVIDERS.map((profile) => profile.id).join(', ')}`,
    });
  }
  if (endpoint === undefined) return AWS;
  const host = hostOf(endpoint);
  return PROVIDERS.find((profile) => profile.hosts.some((pattern) => isBelow(host, pattern))) ?? GENERIC;
}

/** The host of a URL in lower case, without the dot that may end it. */
function hostOf(endpoint: string): string {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (!url?.hostname) {
    throw new IcecoreError('usage', 'invalid-endpoint', `the endpoint ${JSON.stringify(endpoint)} is not a URL`, {
      hint: 'write it with its scheme, as in https://s3.example.com',
    });
  }
  return url.hostname.toLowerCase().replace(/\.$/, '');
}

/** True when the host is the pattern or below it, label by label; a `*` stands for any digits in a label. */
function isBelow(host: string, pattern: string): boolean {
  const wanted = pattern.split('.');
  const labels = host.split('.').slice(-wanted.length);
  return (
    labels.length === wanted.length &&
    wanted.every((label, i) => {
      const [head, tail] = label.split('*');
      if (tail === undefined) return labels[i] === label;
      return /^\d+$/.test(labels[i]!.slice(head!.length)) && labels[i]!.startsWith(head!);
    })
  );
}
