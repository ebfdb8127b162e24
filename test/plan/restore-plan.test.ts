import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ReadOptions } from '../../src/plan/restore-cost.ts';
import {
  exceedsBudget,
  type PackState,
  planRestore,
  type RestorePlan,
  type RestoreQuestion,
  type WantedPack,
} from '../../src/plan/restore-plan.ts';
import { dollars, MIB, optionLine, priced, unpriced, VIRGINIA } from './money.ts';

const READ: ReadOptions = { days: 7, egress: 'internet', lists: 10 };
const COLD: PackState = { type: 'cold' };
const UNTIL = Date.UTC(2026, 10, 30);

/** So many packs of 64 MiB, of each of which a quarter is wanted. */
function packs(count: number, storageClass: string, state: PackState, more: Partial<WantedPack> = {}): WantedPack[] {
  const size = 64 * MIB;
  const name = `${storageClass}-${state.type}`;
  const wantedBytes = size / 4;
  return Array.from({ length: count }, (_, i) => ({
    name: `${name}-${i}`,
    size,
    storageClass,
    wantedBytes,
    state,
    ...more,
  }));
}

function plan(wanted: readonly WantedPack[], more: Partial<RestoreQuestion> = {}): RestorePlan {
  return planRestore({ packs: wanted, files: 12, fileBytes: 10 ** 9, options: READ, terms: VIRGINIA, ...more });
}

/** A plan in lines that a person can check. */
function linesOf({ way, ...made }: RestorePlan): string[] {
  const states = (['online', 'warm', 'warming', 'cold'] as const).filter((state) => made[state].packs > 0);
  const { provider, region, asOf } = made.prices;
  return [
    `${made.files} files, ${made.fileBytes} bytes, ${made.wantedBytes} stored; prices of ${provider} ${region}: ${asOf ?? 'unknown'}`,
    ...states.map((state) => `${state}: ${made[state].packs} packs, ${made[state].bytes} bytes`),
    ...(made.warm.until ? [`warm until ${new Date(made.warm.until).toISOString()}`] : []),
    ...(made.amplification ? [`${made.amplification} bytes thawed for each`] : []),
    ...made.byClass.map(
      (row) =>
        `${[row.storageClass, row.archiveTier ?? []].flat().join(' ')}: ${row.packs} packs, ${row.cold.packs} cold`,
    ),
    ...made.ways.map((option) => `${option === way ? '* ' : '  '}${optionLine(option)}`),
    ...made.refusals.map((refusal) => `refused: ${Object.values(refusal).join(' ')}`),
  ];
}

describe('the plan of a restore', () => {
  it('from DEEP_ARCHIVE takes the cheapest tier', () => {
    expect(linesOf(plan(packs(1600, 'DEEP_ARCHIVE', COLD)))).toMatchInlineSnapshot(`
      [
        "12 files, 1000000000 bytes, 26843545600 stored; prices of aws us-east-1: 2026-06",
        "cold: 1600 packs, 107374182400 bytes",
        "4 bytes thawed for each",
        "DEEP_ARCHIVE: 1600 packs, 1600 cold",
        "  standard: 0 to 12 h, retrieval $2.00 + requests $0.16 + copies $0.61 + egress $0.00 = $2.77",
        "* bulk: 0 to 48 h, retrieval $0.25 + requests $0.0407 + copies $0.61 + egress $0.00 = $0.90",
      ]
    `);
  });

  it('takes the tier that is asked for', () => {
    expect(linesOf(plan(packs(1600, 'GLACIER', COLD), { tier: 'expedited' }))).toMatchInlineSnapshot(`
      [
        "12 files, 1000000000 bytes, 26843545600 stored; prices of aws us-east-1: 2026-06",
        "cold: 1600 packs, 107374182400 bytes",
        "4 bytes thawed for each",
        "GLACIER: 1600 packs, 1600 cold",
        "* expedited: 0.02 to 0.08 h, retrieval $3.00 + requests $16.00 + copies $0.61 + egress $0.00 = $19.61",
        "  standard: 3 to 5 h, retrieval $1.00 + requests $0.0807 + copies $0.61 + egress $0.00 = $1.69",
        "  bulk: 5 to 12 h, retrieval $0.00 + requests $0.000690 + copies $0.61 + egress $0.00 = $0.61",
      ]
    `);
  });

  it('refuses a tier that a class does not have, and shows the others', () => {
    expect(linesOf(plan(packs(16, 'DEEP_ARCHIVE', COLD), { tier: 'expedited' }))).toMatchInlineSnapshot(`
      [
        "12 files, 1000000000 bytes, 268435456 stored; prices of aws us-east-1: 2026-06",
        "cold: 16 packs, 1073741824 bytes",
        "4 bytes thawed for each",
        "DEEP_ARCHIVE: 16 packs, 16 cold",
        "  standard: 0 to 12 h, retrieval $0.0200 + requests $0.00166 + copies $0.00605 + egress $0.00 = $0.0277",
        "  bulk: 0 to 48 h, retrieval $0.00250 + requests $0.000456 + copies $0.00605 + egress $0.00 = $0.00901",
        "refused: tier-not-offered DEEP_ARCHIVE expedited",
      ]
    `);
  });

  it('of mixed classes asks only for what is cold, in a tier that all of them have', () => {
    const wanted = [
      ...packs(100, 'DEEP_ARCHIVE', COLD),
      ...packs(50, 'DEEP_ARCHIVE', { type: 'warming' }),
      ...packs(20, 'DEEP_ARCHIVE', { type: 'warm', until: UNTIL }),
      ...packs(20, 'DEEP_ARCHIVE', { type: 'warm', until: UNTIL + 1000 }),
      ...packs(30, 'GLACIER', COLD),
      ...packs(10, 'STANDARD_IA', { type: 'online' }),
      ...packs(1, 'STANDARD', { type: 'online' }),
    ];
    expect(linesOf(plan(wanted))).toMatchInlineSnapshot(`
      [
        "12 files, 1000000000 bytes, 3875536896 stored; prices of aws us-east-1: 2026-06",
        "online: 11 packs, 738197504 bytes",
        "warm: 40 packs, 2684354560 bytes",
        "warming: 50 packs, 3355443200 bytes",
        "cold: 130 packs, 8724152320 bytes",
        "warm until 2026-11-30T00:00:00.000Z",
        "4 bytes thawed for each",
        "DEEP_ARCHIVE: 190 packs, 100 cold",
        "GLACIER: 30 packs, 30 cold",
        "STANDARD: 1 packs, 0 cold",
        "STANDARD_IA: 10 packs, 0 cold",
        "  expedited: 0 to 0.08 h, retrieval ? + requests ? + copies $0.0492 + egress $0.00 = ?, tier-not-offered in DEEP_ARCHIVE",
        "  standard: 0 to 12 h, retrieval $0.15 + requests $0.0116 + copies $0.0492 + egress $0.00 = $0.21",
        "* bulk: 0 to 48 h, retrieval $0.0172 + requests $0.00265 + copies $0.0492 + egress $0.00 = $0.0690",
      ]
    `);
    expect(linesOf(plan(wanted, { tier: 'expedited' })).at(-1)).toBe(
      'refused: tier-not-offered DEEP_ARCHIVE expedited',
    );
  });

  it('has nothing to thaw where all is online or warm, whatever tier is asked for', () => {
    const wanted = [
      ...packs(4, 'GLACIER_IR', { type: 'online' }),
      ...packs(4, 'GLACIER', { type: 'warm', until: UNTIL }),
    ];
    expect(linesOf(plan(wanted, { tier: 'bulk' }))).toMatchInlineSnapshot(`
      [
        "12 files, 1000000000 bytes, 134217728 stored; prices of aws us-east-1: 2026-06",
        "online: 4 packs, 268435456 bytes",
        "warm: 4 packs, 268435456 bytes",
        "warm until 2026-11-30T00:00:00.000Z",
        "GLACIER: 4 packs, 0 cold",
        "GLACIER_IR: 4 packs, 0 cold",
        "* no thaw: 0 to 0 h, retrieval $0.00187 + requests $0.0000916 + copies $0.00 + egress $0.00 = $0.00197",
      ]
    `);
  });

  it('of what INTELLIGENT_TIERING archived has no copies to pay', () => {
    const archived = packs(10, 'INTELLIGENT_TIERING', COLD, { archiveTier: 'DEEP_ARCHIVE_ACCESS' });
    expect(
      linesOf(plan([...archived, ...packs(10, 'INTELLIGENT_TIERING', { type: 'online' })])),
    ).toMatchInlineSnapshot(`
      [
        "12 files, 1000000000 bytes, 335544320 stored; prices of aws us-east-1: 2026-06",
        "online: 10 packs, 671088640 bytes",
        "cold: 10 packs, 671088640 bytes",
        "4 bytes thawed for each",
        "INTELLIGENT_TIERING: 10 packs, 0 cold",
        "INTELLIGENT_TIERING DEEP_ARCHIVE_ACCESS: 10 packs, 10 cold",
        "* standard: 0 to 12 h, retrieval $0.00 + requests $0.0000580 + copies $0.00 + egress $0.00 = $0.0000580",
        "  bulk: 0 to 48 h, retrieval $0.00 + requests $0.0000580 + copies $0.00 + egress $0.00 = $0.0000580",
      ]
    `);
  });

  it('shows quantities and hours where prices are unknown, and takes the slowest tier', () => {
    expect(linesOf(plan(packs(16, 'GLACIER', COLD), { terms: unpriced('aws', 'eu-west-3') }))).toMatchInlineSnapshot(`
      [
        "12 files, 1000000000 bytes, 268435456 stored; prices of aws eu-west-3: unknown",
        "cold: 16 packs, 1073741824 bytes",
        "4 bytes thawed for each",
        "GLACIER: 16 packs, 16 cold",
        "  expedited: 0.02 to 0.08 h, retrieval ? + requests ? + copies ? + egress ? = ?",
        "  standard: 3 to 5 h, retrieval ? + requests ? + copies ? + egress ? = ?",
        "* bulk: 5 to 12 h, retrieval ? + requests ? + copies ? + egress ? = ?",
        "refused: prices-unknown",
      ]
    `);
  });

  it('uses the one tier of a provider that has days only', () => {
    const classes = {
      STANDARD: { storagePerGib: 0.014, getPer1000: 0 },
      GLACIER: { getPer1000: 0, tiers: { standard: { perGib: 0.009, per1000: 0 } } },
    };
    const terms = priced('scaleway', 'fr-par', {
      listPer1000: 0,
      classes,
      egress: [
        { fromGib: 0, perGib: 0 },
        { fromGib: 75, perGib: 0.01 },
      ],
    });
    expect(linesOf(plan(packs(16, 'GLACIER', COLD), { terms }))).toMatchInlineSnapshot(`
      [
        "12 files, 1000000000 bytes, 268435456 stored; prices of scaleway fr-par: 2026-11",
        "cold: 16 packs, 1073741824 bytes",
        "4 bytes thawed for each",
        "GLACIER: 16 packs, 16 cold",
        "* standard: 0 to 24 h, retrieval $0.00900 + requests $0.00 + copies $0.00368 + egress $0.00 = $0.0127",
      ]
    `);
  });

  it('is not possible where a store does not thaw', () => {
    expect(linesOf(plan(packs(16, 'ARCHIVE', COLD), { terms: unpriced('oracle') }))).toMatchInlineSnapshot(`
      [
        "12 files, 1000000000 bytes, 268435456 stored; prices of oracle unknown: unknown",
        "cold: 16 packs, 1073741824 bytes",
        "4 bytes thawed for each",
        "ARCHIVE: 16 packs, 16 cold",
        "refused: no-thaw ARCHIVE",
      ]
    `);
  });

  it('sends for nothing within the region', () => {
    const made = plan(packs(16_000, 'DEEP_ARCHIVE', COLD), { options: { ...READ, egress: 'none' } });
    expect(made.way!.money.egress).toBe(0);
  });

  it('counts as many requests as the packs take', () => {
    const requests = (gets: number) => plan(packs(1000, 'DEEP_ARCHIVE', COLD, { gets })).way!.money.requests as number;
    expect(requests(5) - requests(1)).toBeCloseTo(4 * 0.0004, 10);
  });

  it('of nothing is empty', () => {
    const made = plan([], { files: 0, fileBytes: 0, options: { ...READ, lists: 0 } });
    expect([made.way?.money.total, made.cold, made.amplification]).toEqual([0, { packs: 0, bytes: 0 }, undefined]);
  });

  it('counts copies until the midnight after their days, in whole days', () => {
    const size = 1024 ** 3;
    const copies = [1, 7].map((days) => {
      const made = plan([{ name: 'p', size, storageClass: 'DEEP_ARCHIVE', wantedBytes: size, state: COLD }], {
        options: { ...READ, days },
      });
      return made.way!.money.temporaryStorage;
    });
    expect(copies).toEqual([(0.023 * 2) / 30.4, (0.023 * 8) / 30.4].map((usd) => expect.closeTo(usd, 9)));
  });

  it('is plain data', () => {
    const made = plan(packs(3, 'DEEP_ARCHIVE', COLD));
    expect(JSON.parse(JSON.stringify(made))).toEqual(made);
  });

  it('always takes a way that no other open one undercuts', () => {
    const classes = fc.constantFrom('STANDARD', 'GLACIER_IR', 'GLACIER', 'DEEP_ARCHIVE');
    const wanted = fc.array(fc.tuple(classes, fc.integer({ min: 1, max: 500 })), { maxLength: 4 });
    fc.assert(
      fc.property(wanted, (groups) => {
        const all = groups.flatMap(([name, count]) => {
          const isOnline = VIRGINIA.provider.classes[name]!.isOnline;
          return packs(count, name, isOnline ? { type: 'online' } : COLD);
        });
        const made = plan(all);
        const totals = made.ways.filter((way) => !way.refusal).map((way) => way.money.total as number);
        expect(made.way!.money.total).toBe(Math.min(...totals));
      }),
    );
  });
});

describe('a budget', () => {
  const made = plan(packs(1600, 'DEEP_ARCHIVE', COLD));
  const total = made.way!.money.total as number;

  it('is exceeded by a cent, and not by the very sum', () => {
    expect(dollars(total)).toBe('$0.90');
    expect([exceedsBudget(made, total), exceedsBudget(made, total - 0.01), exceedsBudget(made, 0)]).toEqual([
      false,
      true,
      true,
    ]);
  });

  it('is exceeded by what nobody can price or do', () => {
    const unknown = plan(packs(1, 'GLACIER', COLD), { terms: unpriced('aws') });
    const refused = plan(packs(1, 'DEEP_ARCHIVE', COLD), { tier: 'expedited' });
    expect([exceedsBudget(unknown, 1e9), exceedsBudget(refused, 1e9)]).toEqual([true, true]);
  });
});
