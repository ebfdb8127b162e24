import { describe, expect, it } from 'vitest';
import { type CostQuestion, type CostReport, costReport } from '../../src/plan/cost.ts';
import { requestCost } from '../../src/plan/request-cost.ts';
import { type RestoreMoney, restoreOptions } from '../../src/plan/restore-cost.ts';
import { earlyDeleteCost, type StoredObjects, storageCost } from '../../src/plan/storage-cost.ts';
import type { Terms } from '../../src/plan/terms.ts';
import { dollars, MIB, optionLine, priced, TIB, unpriced, VIRGINIA } from './money.ts';

const READ = { days: 1, egress: 'internet', lists: 0 } as const;

/** 1 TiB of packs, all of one size. */
function tebibyte(packMib: number, storageClass = 'DEEP_ARCHIVE'): StoredObjects {
  return { storageClass, kind: 'data', count: TIB / (packMib * MIB), size: packMib * MIB, ageDays: 0 };
}

function ask(objects: readonly StoredObjects[], terms: Terms): CostReport {
  const question: CostQuestion = { objects, terms, movedKinds: ['data'], coldMinimum: MIB, restore: READ };
  return costReport(question);
}

/** A report in lines that a person can check. */
function linesOf(report: CostReport): string[] {
  const { storage } = report;
  return [
    `prices of ${report.provider} ${report.region}: ${report.asOf ?? 'unknown'}`,
    ...storage.rows.map(
      (row) =>
        `${row.storageClass} ${row.kind}: ${row.objects} objects, ${row.bytes} bytes, ` +
        `${row.billedBytes} + ${row.standardBytes} billed, ${dollars(row.monthlyUsd)} a month`,
    ),
    `all: ${storage.objects} objects, ${storage.bytes} bytes, ${dollars(storage.monthlyUsd)} a month`,
    ...report.whatIf.map((row) => {
      const back = row.fullRestore;
      const restore = back ? `${dollars(back.money.total)} in ${back.maxHours} h back` : 'no way back';
      const terms = `${row.isOnline ? 'online' : 'cold'}, ${row.minimumDays} days`;
      return `if ${row.storageClass} (${terms}): ${dollars(row.monthlyUsd)} a month, ${dollars(row.uploadUsd)} up, ${restore}`;
    }),
    ...report.fullRestore.map(optionLine),
    `deleted today: ${dollars(report.earlyDeleteUsd)}`,
  ];
}

const MIXED: readonly StoredObjects[] = [
  { storageClass: 'DEEP_ARCHIVE', kind: 'data', count: 1000, size: 64 * MIB, ageDays: 10 },
  { storageClass: 'DEEP_ARCHIVE', kind: 'data', count: 500, size: 64 * MIB, ageDays: 200 },
  { storageClass: 'STANDARD', kind: 'data', count: 3, size: 100_000, ageDays: 10 },
  { storageClass: 'STANDARD', kind: 'index', count: 20, size: 5 * MIB, ageDays: 10 },
  { storageClass: 'STANDARD', kind: 'snapshot', count: 40, size: 2000, ageDays: 10 },
];

describe('1 TiB in DEEP_ARCHIVE', () => {
  it.each([
    [16, 3.28, 4.2, 27.03],
    [64, 0.82, 2.97, 22.12],
    [256, 0.2, 2.66, 20.89],
  ])('in packs of %i MiB costs what the design says', (packMib, upload, bulk, standard) => {
    const packs = tebibyte(packMib);
    const { storageClass, count } = packs;
    const put = requestCost([{ operation: 'PutObject', storageClass, count }], VIRGINIA);
    expect(put.usd).toBeCloseTo(upload, 2);
    // Thawing alone: without fetching, and without the copies.
    const group = { storageClass, isCold: true, objects: count, bytes: TIB, fetchedBytes: 0, gets: 0 };
    const thaws = restoreOptions([group], READ, VIRGINIA);
    const thawing = ({ retrieval, requests }: RestoreMoney) =>
      ((retrieval as number) + (requests as number)).toFixed(2);
    expect(thaws.map((way) => [way.tier, thawing(way.money)])).toEqual([
      ['standard', standard.toFixed(2)],
      ['bulk', bulk.toFixed(2)],
    ]);
    const report = ask([packs], VIRGINIA);
    expect(report.storage.monthlyUsd).toBeGreaterThan(1.01);
    expect(report.storage.monthlyUsd).toBeLessThan(1.03);
    expect(report.fullRestore[0]!.money.egress).toBeCloseTo(83.16, 2);
  });

  it('is reported with every class as an alternative', () => {
    expect(linesOf(ask([tebibyte(64)], VIRGINIA))).toMatchInlineSnapshot(`
      [
        "prices of aws us-east-1: 2026-06",
        "DEEP_ARCHIVE data: 16384 objects, 1099511627776 bytes, 1100048498688 + 134217728 billed, $1.02 a month",
        "all: 16384 objects, 1099511627776 bytes, $1.02 a month",
        "if STANDARD (online, 0 days): $23.55 a month, $0.0819 up, $83.17 in 0 h back",
        "if INTELLIGENT_TIERING (online, 0 days): $23.59 a month, $0.0819 up, $83.17 in 0 h back",
        "if STANDARD_IA (online, 30 days): $12.80 a month, $0.16 up, $93.42 in 0 h back",
        "if ONEZONE_IA (online, 30 days): $10.24 a month, $0.16 up, $93.42 in 0 h back",
        "if GLACIER_IR (online, 90 days): $4.10 a month, $0.33 up, $114.04 in 0 h back",
        "if GLACIER (cold, 90 days): $3.69 a month, $0.49 up, $84.72 in 12 h back",
        "if DEEP_ARCHIVE (cold, 180 days): $1.02 a month, $0.82 up, $87.69 in 48 h back",
        "standard: 0 to 12 h, retrieval $20.48 + requests $1.64 + copies $1.55 + egress $83.16 = $106.83",
        "bulk: 0 to 48 h, retrieval $2.56 + requests $0.42 + copies $1.55 + egress $83.16 = $87.69",
        "deleted today: $6.08",
      ]
    `);
  });
});

describe('the cost of a repository', () => {
  it('is told by class and kind, with overheads and early deletion', () => {
    expect(linesOf(ask(MIXED, VIRGINIA))).toMatchInlineSnapshot(`
      [
        "prices of aws us-east-1: 2026-06",
        "DEEP_ARCHIVE data: 1500 objects, 100663296000 bytes, 100712448000 + 12288000 billed, $0.0931 a month",
        "STANDARD data: 3 objects, 300000 bytes, 300000 + 0 billed, $0.00000643 a month",
        "STANDARD index: 20 objects, 104857600 bytes, 104857600 + 0 billed, $0.00225 a month",
        "STANDARD snapshot: 40 objects, 80000 bytes, 80000 + 0 billed, $0.00000171 a month",
        "all: 1563 objects, 100768533600 bytes, $0.0954 a month",
        "if STANDARD (online, 0 days): $2.16 a month, $0.00751 up, $0.000625 in 0 h back",
        "if INTELLIGENT_TIERING (online, 0 days): $1.57 a month, $0.00751 up, $0.000625 in 0 h back",
        "if STANDARD_IA (online, 30 days): $1.17 a month, $0.0150 up, $0.94 in 0 h back",
        "if ONEZONE_IA (online, 30 days): $0.94 a month, $0.0150 up, $0.94 in 0 h back",
        "if GLACIER_IR (online, 90 days): $0.38 a month, $0.0300 up, $2.83 in 0 h back",
        "if GLACIER (cold, 90 days): $0.34 a month, $0.0450 up, $0.14 in 12 h back",
        "if DEEP_ARCHIVE (cold, 180 days): $0.0954 a month, $0.0750 up, $0.41 in 48 h back",
        "standard: 0 to 12 h, retrieval $1.88 + requests $0.15 + copies $0.14 + egress $0.00 = $2.17",
        "bulk: 0 to 48 h, retrieval $0.23 + requests $0.0381 + copies $0.14 + egress $0.00 = $0.41",
        "deleted today: $0.35",
      ]
    `);
  });

  it('is unknown where no price is, and the quantities are there', () => {
    expect(linesOf(ask(MIXED, unpriced('aws', 'eu-central-1')))).toMatchInlineSnapshot(`
      [
        "prices of aws eu-central-1: unknown",
        "DEEP_ARCHIVE data: 1500 objects, 100663296000 bytes, 100712448000 + 12288000 billed, ? a month",
        "STANDARD data: 3 objects, 300000 bytes, 300000 + 0 billed, ? a month",
        "STANDARD index: 20 objects, 104857600 bytes, 104857600 + 0 billed, ? a month",
        "STANDARD snapshot: 40 objects, 80000 bytes, 80000 + 0 billed, ? a month",
        "all: 1563 objects, 100768533600 bytes, ? a month",
        "if STANDARD (online, 0 days): ? a month, ? up, ? in 0 h back",
        "if INTELLIGENT_TIERING (online, 0 days): ? a month, ? up, ? in 0 h back",
        "if STANDARD_IA (online, 30 days): ? a month, ? up, ? in 0 h back",
        "if ONEZONE_IA (online, 30 days): ? a month, ? up, ? in 0 h back",
        "if GLACIER_IR (online, 90 days): ? a month, ? up, ? in 0 h back",
        "if GLACIER (cold, 90 days): ? a month, ? up, ? in 12 h back",
        "if DEEP_ARCHIVE (cold, 180 days): ? a month, ? up, ? in 48 h back",
        "standard: 0 to 12 h, retrieval ? + requests ? + copies ? + egress ? = ?",
        "bulk: 0 to 48 h, retrieval ? + requests ? + copies ? + egress ? = ?",
        "deleted today: ?",
      ]
    `);
  });

  it('is known as far as the user has given prices', () => {
    const terms = priced('ovh', 'gra', {
      listPer1000: 0,
      classes: {
        STANDARD: { storagePerGib: 0.008, putPer1000: 0, getPer1000: 0, retrievalPerGib: 0 },
        DEEP_ARCHIVE: {
          storagePerGib: 0.0015,
          putPer1000: 0,
          getPer1000: 0,
          tiers: { standard: { perGib: 0.01, per1000: 0 } },
        },
      },
      egress: [{ fromGib: 0, perGib: 0.01 }],
    });
    expect(linesOf(ask(MIXED, terms))).toMatchInlineSnapshot(`
      [
        "prices of ovh gra: 2026-11",
        "DEEP_ARCHIVE data: 1500 objects, 100663296000 bytes, 100663296000 + 0 billed, $0.14 a month",
        "STANDARD data: 3 objects, 300000 bytes, 300000 + 0 billed, $0.00000224 a month",
        "STANDARD index: 20 objects, 104857600 bytes, 104857600 + 0 billed, $0.000781 a month",
        "STANDARD snapshot: 40 objects, 80000 bytes, 80000 + 0 billed, $5.96e-7 a month",
        "all: 1563 objects, 100768533600 bytes, $0.14 a month",
        "if STANDARD (online, 0 days): $0.75 a month, $0.00 up, $0.94 in 0 h back",
        "if STANDARD_IA (online, 30 days): ? a month, ? up, ? in 0 h back",
        "if GLACIER_IR (online, 0 days): ? a month, ? up, ? in 0 h back",
        "if GLACIER (online, 0 days): ? a month, ? up, ? in 0 h back",
        "if DEEP_ARCHIVE (cold, 180 days): $0.14 a month, $0.00 up, $1.93 in 48 h back",
        "standard: 0 to 48 h, retrieval $0.94 + requests $0.00 + copies $0.0493 + egress $0.94 = $1.93",
        "deleted today: $0.53",
      ]
    `);
  });

  it('of nothing is nothing', () => {
    const { storage, earlyDeleteUsd, fullRestore } = ask([], unpriced('generic'));
    expect([storage.monthlyUsd, earlyDeleteUsd, fullRestore.map((way) => way.money.total)]).toEqual([0, 0, [0]]);
  });

  it('does not depend on how objects are grouped', () => {
    const single = MIXED.flatMap((group) => Array.from({ length: group.count }, () => ({ ...group, count: 1 })));
    const [grouped, alone] = [storageCost(MIXED, VIRGINIA), storageCost(single, VIRGINIA)];
    expect(alone.monthlyUsd).toBeCloseTo(grouped.monthlyUsd as number, 10);
    expect(alone.rows.map(({ objects, billedBytes }) => [objects, billedBytes])).toEqual(
      grouped.rows.map(({ objects, billedBytes }) => [objects, billedBytes]),
    );
  });
});

describe('storage', () => {
  const one = (storageClass: string, size: number, ageDays: number): StoredObjects => {
    return { storageClass, kind: 'data', count: 1, size, ageDays };
  };

  it('of small objects is billed from the minimum size on', () => {
    const [row] = storageCost([one('STANDARD_IA', 1000, 0)], VIRGINIA).rows;
    expect([row!.bytes, row!.billedBytes, row!.standardBytes]).toEqual([1000, 131_072, 0]);
  });

  it('of archived objects has 32 KiB on top, and 8 KiB of STANDARD', () => {
    const [row] = storageCost([one('GLACIER', 1000, 0)], VIRGINIA).rows;
    expect([row!.bytes, row!.billedBytes, row!.standardBytes]).toEqual([1000, 33_768, 8192]);
  });

  it('in INTELLIGENT_TIERING gets cheaper with age, but not for small objects', () => {
    const monthly = (size: number, age: number) =>
      storageCost([one('INTELLIGENT_TIERING', size, age)], VIRGINIA).monthlyUsd;
    const watching = 0.0025 / 1000;
    expect([0, 29, 30, 89, 90, 1000].map((age) => (monthly(1024 * MIB, age) as number) - watching)).toEqual(
      [0.023, 0.023, 0.0125, 0.0125, 0.004, 0.004].map((price) => expect.closeTo(price, 10)),
    );
    expect(monthly(64 * 1024, 1000)).toBeCloseTo(0.023 / 16_384, 10);
  });

  it('that is deleted early is billed to the end of the minimum, and then no more', () => {
    const gib = 1024 * MIB;
    const cost = (storageClass: string, age: number) => earlyDeleteCost([one(storageClass, gib, age)], VIRGINIA);
    expect(cost('DEEP_ARCHIVE', 0)).toBeCloseTo(0.00099 * 6, 10);
    expect(cost('DEEP_ARCHIVE', 179)).toBeCloseTo(0.00099 / 30, 10);
    expect([cost('DEEP_ARCHIVE', 180), cost('DEEP_ARCHIVE', 999), cost('STANDARD', 0)]).toEqual([0, 0, 0]);
    expect(cost('STANDARD_IA', 15)).toBeCloseTo(0.0125 / 2, 10);
  });
});

describe('the requests of a run', () => {
  it('are billed by operation and class: parts of an archive at the price of STANDARD, deletes for nothing', () => {
    const storageClass = 'DEEP_ARCHIVE';
    const cost = (operation: string, of = storageClass) =>
      requestCost([{ operation, storageClass: of, count: 1000 }], VIRGINIA).usd;
    expect({
      PutObject: cost('PutObject'),
      CreateMultipartUpload: cost('CreateMultipartUpload'),
      UploadPart: cost('UploadPart'),
      UploadPartOnline: cost('UploadPart', 'GLACIER_IR'),
      CompleteMultipartUpload: cost('CompleteMultipartUpload'),
      ListObjectsV2: cost('ListObjectsV2'),
      GetObject: cost('GetObject'),
      HeadObject: cost('HeadObject', 'STANDARD'),
      GetBucketLocation: cost('GetBucketLocation', 'STANDARD'),
      DeleteObject: cost('DeleteObject'),
      AbortMultipartUpload: cost('AbortMultipartUpload'),
    }).toEqual({
      PutObject: 0.05,
      CreateMultipartUpload: 0.005,
      UploadPart: 0.005,
      UploadPartOnline: 0.02,
      CompleteMultipartUpload: 0.05,
      ListObjectsV2: 0.005,
      GetObject: 0.0004,
      HeadObject: 0.0004,
      GetBucketLocation: 0.0004,
      DeleteObject: 0,
      AbortMultipartUpload: 0,
    });
  });

  it('that thaw are left out and named, and those of an unknown place are unknown', () => {
    const thaw = { operation: 'RestoreObject', storageClass: 'GLACIER', count: 5 };
    expect(requestCost([thaw], VIRGINIA)).toEqual({ usd: 0, unpriced: [thaw] });
    const put = { operation: 'PutObject', storageClass: 'STANDARD', count: 1 };
    expect(requestCost([put], unpriced('hetzner', 'fsn1'))).toEqual({ usd: 'unknown', unpriced: [] });
  });
});
