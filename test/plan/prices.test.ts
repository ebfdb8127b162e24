import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isIcecoreError } from '../../src/base/errors.ts';
import { findPrices } from '../../src/plan/find-prices.ts';
import { findProvider } from '../../src/plan/find-provider.ts';
import { charge, chargeEgress, sumUsd } from '../../src/plan/prices.ts';
import { AWS_PRICES } from '../../src/plan/prices-aws.ts';
import { decodePrices } from '../../src/plan/prices-file.ts';

const EGRESS = findPrices('aws', 'us-east-1').egress!;

const OWN = {
  provider: 'aws',
  region: 'eu-central-1',
  asOf: '2026-06',
  listPer1000: 0.0054,
  classes: {
    DEEP_ARCHIVE: { storagePerGib: 0.0018, tiers: { bulk: { perGib: 0.005, per1000: 0.025 } }, minimumDays: 180 },
  },
  egress: [
    { fromGib: 0, perGib: 0 },
    { fromGib: 100, perGib: 0.09 },
  ],
};

function decode(...prices: readonly unknown[]) {
  return decodePrices(JSON.stringify({ prices }), 'own.json');
}

/** The message of the refusal. */
function refusalOf(text: string): string {
  try {
    decodePrices(text, 'own.json');
  } catch (error) {
    if (isIcecoreError(error, 'user') && error.code === 'invalid-prices') return error.message;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('prices', () => {
  it('of us-east-1 are those of the list', () => {
    const { asOf, source, classes } = findPrices('aws', 'us-east-1');
    expect([asOf, source]).toEqual(['2026-06', 'public price list of Amazon S3, US East (N. Virginia)']);
    expect(classes.DEEP_ARCHIVE).toEqual({
      storagePerGib: 0.00099,
      putPer1000: 0.05,
      getPer1000: 0.0004,
      retrievalPerGib: 0,
      tiers: { standard: { perGib: 0.02, per1000: 0.1 }, bulk: { perGib: 0.0025, per1000: 0.025 } },
    });
  });

  it('are built in for classes and tiers that the provider has, and are dated', () => {
    for (const list of AWS_PRICES) {
      expect(list.asOf).toMatch(/^\d{4}-\d{2}$/);
      const { classes } = findProvider({ provider: list.provider });
      for (const [name, prices] of Object.entries(list.classes)) {
        expect(classes).toHaveProperty(name);
        if (classes[name]!.isOnline) continue;
        expect(Object.keys(prices.tiers!).sort()).toEqual(classes[name]!.tiers.map((tier) => tier.name).sort());
      }
    }
  });

  it('of another region, of no region and of another provider are unknown', () => {
    for (const [provider, region] of [
      ['aws', 'mars-1'],
      ['aws', undefined],
      ['scaleway', 'fr-par'],
    ] as const) {
      expect(findPrices(provider, region)).toEqual({ provider, region: region ?? 'unknown', classes: {} });
    }
  });

  it('of the user come on top of what is built in, one by one', () => {
    const own = decode({
      ...OWN,
      region: 'us-east-1',
      classes: { DEEP_ARCHIVE: { putPer1000: 1, tiers: { bulk: { perGib: 2 } } }, NEW: { storagePerGib: 3 } },
    });
    const { classes, asOf, source, listPer1000 } = findPrices('aws', 'us-east-1', own);
    expect(classes.DEEP_ARCHIVE).toEqual({
      storagePerGib: 0.00099,
      putPer1000: 1,
      getPer1000: 0.0004,
      retrievalPerGib: 0,
      tiers: { standard: { perGib: 0.02, per1000: 0.1 }, bulk: { perGib: 2, per1000: 0.025 } },
    });
    expect([classes.NEW, classes.STANDARD?.storagePerGib]).toEqual([{ storagePerGib: 3 }, 0.023]);
    expect([asOf, source, listPer1000]).toEqual(['2026-06', 'own.json', 0.0054]);
  });

  it('of the user stand for a place that is not built in', () => {
    expect(findPrices('aws', 'eu-central-1', decode(OWN))).toEqual({ ...OWN, source: 'own.json' });
    expect(findPrices('aws', 'eu-central-2', decode(OWN)).classes).toEqual({});
  });
});

describe('a price file', () => {
  it.each([
    ['not JSON', '{', 'own.json'],
    ['another field', '{"prices":[],"x":1}', '"x" is not known here'],
    ['no provider', JSON.stringify({ prices: [{ ...OWN, provider: undefined }] }), '"provider" is missing'],
    ['no date', JSON.stringify({ prices: [{ ...OWN, asOf: undefined }] }), '"asOf" is missing'],
    [
      'a price that is a text',
      JSON.stringify({ prices: [{ ...OWN, listPer1000: '0.1' }] }),
      '"listPer1000" is not a number',
    ],
    ['a negative price', JSON.stringify({ prices: [{ ...OWN, listPer1000: -1 }] }), '"listPer1000" is not a number'],
    [
      'a price of infinity',
      '{"prices":[{"provider":"aws","region":"a","asOf":"2026-06","classes":{},"listPer1000":1e999}]}',
      '"listPer1000" is not a number',
    ],
    [
      'a field that no class has',
      JSON.stringify({ prices: [{ ...OWN, classes: { GLACIER: { storage: 1 } } }] }),
      '"storage" is not known here',
    ],
    [
      'a class that is none',
      JSON.stringify({ prices: [{ ...OWN, classes: { glacier: {} } }] }),
      '"classes" names something',
    ],
    [
      'a tier that is none',
      JSON.stringify({ prices: [{ ...OWN, classes: { GLACIER: { tiers: { slow: {} } } } }] }),
      '"slow" is not known here',
    ],
    [
      'egress that does not begin',
      JSON.stringify({ prices: [{ ...OWN, egress: [{ fromGib: 1, perGib: 0 }] }] }),
      '"egress" does not begin at 0',
    ],
    [
      'egress out of order',
      JSON.stringify({
        prices: [
          {
            ...OWN,
            egress: [
              { fromGib: 0, perGib: 0 },
              { fromGib: 0, perGib: 1 },
            ],
          },
        ],
      }),
      '"egress" is not in ascending order',
    ],
  ])('with %s is refused, and the place is named', (_, text, message) => {
    expect(refusalOf(text)).toContain(message);
  });
});

describe('amounts', () => {
  it('are unknown as soon as one price of something is, and nothing costs nothing', () => {
    expect(charge(0, undefined)).toBe(0);
    expect(charge(2, undefined)).toBe('unknown');
    expect(charge(2, 0.5)).toBe(1);
    expect(sumUsd([1, 2, 'unknown'])).toBe('unknown');
    expect(sumUsd([])).toBe(0);
    expect(chargeEgress(0, undefined)).toBe(0);
    expect(chargeEgress(1, undefined)).toBe('unknown');
  });

  it('of egress go by steps', () => {
    expect(chargeEgress(100, EGRESS)).toBe(0);
    expect(chargeEgress(1024, EGRESS)).toBeCloseTo(83.16);
    expect(chargeEgress(20 * 1024, EGRESS)).toBeCloseTo(0.09 * (10240 - 100) + 0.085 * 10240);
    expect(chargeEgress(200 * 1024, EGRESS)).toBeCloseTo(912.6 + 0.085 * 40960 + 0.07 * 102400 + 0.05 * 51200);
  });

  it('of egress never go down with more bytes', () => {
    const gib = fc.double({ min: 0, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(gib, gib, (a, b) => {
        const less = chargeEgress(Math.min(a, b), EGRESS) as number;
        expect(chargeEgress(Math.max(a, b), EGRESS)).toBeGreaterThanOrEqual(less);
      }),
    );
  });
});
