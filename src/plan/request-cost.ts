/**
 * What requests cost: which of a service's operations is billed as what, and at which class's price. Owns that table;
 * what was asked is counted by a store.
 */
import { charge, sumUsd, type Usd } from './prices.ts';
import { type Terms, termsOf } from './terms.ts';

/** Requests of one operation and class: what a store's tally counts. */
export interface RequestCount {
  /** The service's own name of the operation: `PutObject`, `UploadPart`, `ListObjectsV2`, … */
  readonly operation: string;
  readonly storageClass: string;
  readonly count: number;
}

/** What the requests of a run cost. */
export interface RequestCost {
  readonly usd: Usd;
  /**
   * Requests that this cannot price: those that thaw cost by tier, which a tally does not say. They are not in `usd`.
   */
  readonly unpriced: readonly RequestCount[];
}

type Billing = 'put' | 'part' | 'get' | 'list' | 'free' | 'thaw';

/**
 * Source: S3 price list and user guide. A part, and the beginning of a multipart upload to an archive class, are billed
 * at STANDARD's price; the completion at that of the class. Deleting and aborting is free, and all that is not named
 * here is billed as a GET.
 */
const BILLED: Readonly<Record<string, Billing>> = {
  PutObject: 'put',
  CopyObject: 'put',
  PostObject: 'put',
  CompleteMultipartUpload: 'put',
  CreateMultipartUpload: 'part',
  UploadPart: 'part',
  UploadPartCopy: 'part',
  PutObjectTagging: 'put',
  PutObjectRetention: 'put',
  ListObjectsV2: 'list',
  ListObjects: 'list',
  ListObjectVersions: 'list',
  ListMultipartUploads: 'list',
  ListParts: 'list',
  ListBuckets: 'list',
  DeleteObject: 'free',
  DeleteObjects: 'free',
  AbortMultipartUpload: 'free',
  RestoreObject: 'thaw',
};

/** Computes what the requests of a run cost. */
export function requestCost(requests: Iterable<RequestCount>, terms: Terms): RequestCost {
  const amounts: Usd[] = [];
  const unpriced: RequestCount[] = [];
  for (const request of requests) {
    const billing = billingOf(request.operation);
    if (billing === 'thaw') unpriced.push(request);
    else amounts.push(charge(request.count / 1000, priceOf(billing, request.storageClass, terms)));
  }
  return { usd: sumUsd(amounts), unpriced };
}

function billingOf(operation: string): Billing {
  return Object.hasOwn(BILLED, operation) ? BILLED[operation]! : 'get';
}

function priceOf(billing: Exclude<Billing, 'thaw'>, storageClass: string, terms: Terms): number | undefined {
  const { prices, isOnline } = termsOf(terms, storageClass);
  switch (billing) {
    case 'free':
      return 0;
    case 'list':
      return terms.prices.listPer1000;
    case 'get':
      return prices.getPer1000;
    case 'put':
      return prices.putPer1000;
    case 'part':
      return isOnline ? prices.putPer1000 : termsOf(terms, 'STANDARD').prices.putPer1000;
  }
}
