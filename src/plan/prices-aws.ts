/**
 * The list prices of Amazon S3, by region. Owns data only. A region is here when its prices could be read; for others
 * the user gives a file (prices-file.ts).
 *
 * Source of us-east-1: the public price list of S3 in the middle of 2026, first steps only: more than 50 TB of STANDARD
 * is a little cheaper than this says. Parts of archive classes are billed at STANDARD's price for requests, listings
 * too. Reading an archived object that was thawed costs STANDARD's GET.
 */
import type { PriceList } from './prices.ts';

const GET = 0.0004;

const US_EAST_1: PriceList = {
  provider: 'aws',
  region: 'us-east-1',
  asOf: '2026-06',
  source: 'public price list of Amazon S3, US East (N. Virginia)',
  listPer1000: 0.005,
  classes: {
    STANDARD: { storagePerGib: 0.023, putPer1000: 0.005, getPer1000: GET, retrievalPerGib: 0 },
    INTELLIGENT_TIERING: {
      storagePerGib: 0.023,
      // The archive tiers below these (0.0036 and 0.00099) hold only where a bucket turns them on.
      aged: [
        { fromDays: 30, perGib: 0.0125 },
        { fromDays: 90, perGib: 0.004 },
      ],
      monitoringPer1000: 0.0025,
      putPer1000: 0.005,
      getPer1000: GET,
      retrievalPerGib: 0,
      // S3 User Guide, "How S3 Intelligent-Tiering works": retrieval is free. The expedited price was not found.
      tiers: { standard: { perGib: 0, per1000: 0 }, bulk: { perGib: 0, per1000: 0 } },
    },
    STANDARD_IA: { storagePerGib: 0.0125, putPer1000: 0.01, getPer1000: 0.001, retrievalPerGib: 0.01 },
    ONEZONE_IA: { storagePerGib: 0.01, putPer1000: 0.01, getPer1000: 0.001, retrievalPerGib: 0.01 },
    GLACIER_IR: { storagePerGib: 0.004, putPer1000: 0.02, getPer1000: 0.01, retrievalPerGib: 0.03 },
    GLACIER: {
      storagePerGib: 0.0036,
      putPer1000: 0.03,
      getPer1000: GET,
      retrievalPerGib: 0,
      tiers: {
        expedited: { perGib: 0.03, per1000: 10 },
        standard: { perGib: 0.01, per1000: 0.05 },
        bulk: { perGib: 0, per1000: 0 },
      },
    },
    DEEP_ARCHIVE: {
      storagePerGib: 0.00099,
      putPer1000: 0.05,
      getPer1000: GET,
      retrievalPerGib: 0,
      tiers: {
        standard: { perGib: 0.02, per1000: 0.1 },
        bulk: { perGib: 0.0025, per1000: 0.025 },
      },
    },
  },
  // The steps from 10 TB on: descriptions of the price list by others, May and June 2026.
  egress: [
    { fromGib: 0, perGib: 0 },
    { fromGib: 100, perGib: 0.09 },
    { fromGib: 10 * 1024, perGib: 0.085 },
    { fromGib: 50 * 1024, perGib: 0.07 },
    { fromGib: 150 * 1024, perGib: 0.05 },
  ],
};

export const AWS_PRICES: readonly PriceList[] = [US_EAST_1];
