import { expect, test } from 'vitest';
import { findPrices } from '../../src/plan/find-prices.ts';
import { findProvider } from '../../src/plan/find-provider.ts';
import { planRestore, type WantedPack } from '../../src/plan/restore-plan.ts';
import { restoreOffer, thawQuestion } from '../../src/ui/plan.ts';

const PACK = 128 * 2 ** 20;
const plan = {
  ...{ files: 120_000, dirs: 3400, others: 12, bytes: 900 * 2 ** 30, filesUnchanged: 20_000 },
  ...{ packs: 8192, packBytes: 512 * 2 ** 30 },
};

function cost(packs: Partial<WantedPack>[], region = 'us-east-1', tier?: 'expedited') {
  return planRestore({
    packs: packs.map((pack) => ({
      ...{
        name: 'p',
        size: PACK,
        storageClass: 'DEEP_ARCHIVE',
        wantedBytes: PACK / 2,
        state: { type: 'cold' } as const,
      },
      ...pack,
    })),
    ...{ files: 100_000, fileBytes: 900 * 2 ** 30 },
    options: { days: 5, egress: 'internet', lists: 9 },
    ...(tier === undefined ? {} : { tier }),
    terms: { provider: findProvider({}), prices: findPrices('aws', region) },
  });
}

const cold = { packs: 8000, size: 8000 * PACK, wantedBytes: 4000 * PACK, gets: 8000 };

test('a plan says what is thawed and every way to do it, the default marked', () => {
  const offer = cost([cold, { packs: 190, size: 190 * PACK, state: { type: 'warming' } }]);
  expect(`\n${restoreOffer(plan, '/mnt/back', offer).join('\n')}\n`).toMatchInlineSnapshot(`
    "
    files        120,000, 20,000 of them there already
    directories  3,400
    others       12
    size         900 GiB
    to fetch     512 GiB in 8,192 packs
    to thaw      1000 GiB in 8,000 packs, 2.0 bytes for each byte that is wanted
    warming      23.8 GiB in 190 packs, asked for already
    target       /mnt/back

       tier      retrieval  requests  copies, 5 days  sending it   total  ready
       standard     $20.00     $0.80           $4.54      $36.01  $61.35  within 12 h
    *  bulk          $2.50     $0.20           $4.54      $36.01  $43.25  within 48 h
    prices of 2026-06 for aws, region us-east-1
    "
  `);
  expect(thawQuestion(offer)).toMatchInlineSnapshot(
    `"thaw 8,000 packs in the tier bulk and restore for $43.25, within 48 h? [y/N] "`,
  );
});

test('a plan without prices shows the hours, and says what is missing', () => {
  const offer = cost([{ ...cold, storageClass: 'GLACIER' }], 'xx-nowhere-1');
  expect(`\n${restoreOffer(plan, '/mnt/back', offer).join('\n')}\n`).toMatchInlineSnapshot(`
    "
    files        120,000, 20,000 of them there already
    directories  3,400
    others       12
    size         900 GiB
    to fetch     512 GiB in 8,192 packs
    to thaw      1000 GiB in 8,000 packs, 2.0 bytes for each byte that is wanted
    target       /mnt/back

       tier       retrieval  requests  copies, 5 days  sending it    total  ready
       expedited    unknown   unknown         unknown     unknown  unknown  within 5 min
       standard     unknown   unknown         unknown     unknown  unknown  within 5 h
    *  bulk         unknown   unknown         unknown     unknown  unknown  within 12 h
    prices of aws, region xx-nowhere-1 are not known: --prices FILE can say them
    "
  `);
  expect(thawQuestion(offer)).toMatchInlineSnapshot(
    `"thaw 8,000 packs in the tier bulk and restore at a price that is not known, within 12 h? [y/N] "`,
  );
});

test('a tier that one of the classes does not have is shown as not offered', () => {
  const offer = cost([cold, { ...cold, storageClass: 'GLACIER' }]);
  expect(`\n${restoreOffer(plan, '/mnt/back', offer).join('\n')}\n`).toMatchInlineSnapshot(`
    "
    files        120,000, 20,000 of them there already
    directories  3,400
    others       12
    size         900 GiB
    to fetch     512 GiB in 8,192 packs
    to thaw      1.95 TiB in 16,000 packs, 2.0 bytes for each byte that is wanted
    target       /mnt/back

       tier       retrieval  requests  copies, 5 days  sending it    total  ready
       expedited                                                            not offered for DEEP_ARCHIVE
       standard      $30.00     $1.21           $9.08      $81.00  $121.29  within 12 h
    *  bulk           $2.50     $0.21           $9.08      $81.00   $92.79  within 48 h
    prices of 2026-06 for aws, region us-east-1
    "
  `);
});

test('a plan for packs that are all warm names no tier', () => {
  const until = Date.UTC(2026, 10, 4, 12);
  const offer = cost([{ ...cold, state: { type: 'warm', until } }]);
  expect(restoreOffer(plan, '/mnt/back', offer).filter((line) => /warm|at once/.test(line)).length).toBe(2);
});
