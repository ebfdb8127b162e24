/** From what the user calls a repository to its store. Reads nothing of what is stored there. */
import { type Bandwidth, RateLimit } from './bandwidth.ts';
import { parseRepositoryUrl } from './repository-url.ts';
import type { WaitNotice } from './s3-options.ts';
import type { Store } from './store.ts';

/** How a store is opened. */
export interface OpenStoreOptions {
  /** Make the folder of a directory store when it is missing: for `init` and for the target of a copy. */
  readonly create?: boolean;
  /** Bytes a second to the store and from it. */
  readonly uploadRate?: number;
  readonly downloadRate?: number;
  /** How long a request to a service is tried again, in milliseconds. */
  readonly retryForMs?: number;
  /** The region of the bucket where the URL names none. */
  readonly region?: string;
  /** Is told when a service makes us wait. */
  readonly onWait?: (notice: WaitNotice) => void;
  /** Is told once when the clock of a service is another than ours: by how many milliseconds it is ahead. */
  readonly onSkew?: (aheadMs: number) => void;
}

/**
 * Opens the store of a repository. The client of a service is loaded only here: it takes a while.
 * @throws kind `usage` for a URL that makes no sense, `missing` for a folder that is not there.
 */
export async function openStore(url: string, options: OpenStoreOptions = {}): Promise<Store> {
  const parsed = parseRepositoryUrl(url);
  const bandwidth = bandwidthOf(options);
  switch (parsed.type) {
    case 'directory': {
      const { openDirectoryStore } = await import('./directory.ts');
      const store = await openDirectoryStore(parsed.path, { create: options.create ?? false });
      if (bandwidth === undefined) return store;
      const { PacedStore } = await import('./paced.ts');
      return new PacedStore(store, bandwidth);
    }
    case 's3': {
      const { openS3Store } = await import('./s3.ts');
      const { type: _, ...bucket } = parsed;
      const { region, retryForMs, onWait, onSkew } = options;
      return await openS3Store({
        ...(region === undefined ? {} : { region }),
        ...bucket,
        ...(bandwidth === undefined ? {} : { bandwidth }),
        ...(retryForMs === undefined ? {} : { retryForMs }),
        ...(onWait === undefined ? {} : { onWait }),
        ...(onSkew === undefined ? {} : { onSkew }),
      });
    }
  }
}

function bandwidthOf({ uploadRate, downloadRate }: OpenStoreOptions): Bandwidth | undefined {
  if (uploadRate === undefined && downloadRate === undefined) return undefined;
  return {
    ...(uploadRate === undefined ? {} : { upload: new RateLimit(uploadRate) }),
    ...(downloadRate === undefined ? {} : { download: new RateLimit(downloadRate) }),
  };
}
