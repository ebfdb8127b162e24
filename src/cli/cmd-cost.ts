/** `icecore cost`: what a repository costs, what it would cost elsewhere, and what reading it back does. */
import { findPrices } from '../plan/find-prices.ts';
import { findProvider } from '../plan/find-provider.ts';
import type { PriceList } from '../plan/prices.ts';
import type { Terms } from '../plan/terms.ts';
import type { Repository } from '../repo/repository.ts';
import { costText } from '../ui/cost.ts';
import { defineCommand } from './command.ts';
import type { Context } from './context.ts';
import { pricesOption, readPrices } from './price-options.ts';
import { usage } from './values.ts';

const DEFAULT_DAYS = 7;
const DEFAULT_RUNS = 5;

interface Options {
  readonly prices: readonly PriceList[];
  readonly provider: string | undefined;
  readonly region: string | undefined;
  readonly days: number;
  readonly runs: number;
  readonly egress: 'internet' | 'none';
}

export const cost = defineCommand<Options>({
  name: 'cost',
  summary: 'say what the repository costs, and what it would cost elsewhere',
  details: [
    'From one listing: a month of storage by class and kind, with overheads and minimum sizes; the same in every other class; reading all of it back, by tier; what deleting it today would still be billed; requests of the last runs of this host',
    'Old versions of objects and unfinished uploads are not in it (icecore doctor finds those), and ages are those of the objects: a class that they were moved to later has its own minimum',
  ],
  arguments: [],
  options: [
    pricesOption,
    { flags: '--provider <id>', help: 'ask what it would cost at this provider' },
    { flags: '--region <region>', help: 'ask what it would cost in this region' },
    { flags: '--days <n>', help: `keep thawed copies so long (${DEFAULT_DAYS})` },
    { flags: '--egress <where>', help: 'where restored data goes (internet)', choices: ['internet', 'none'] },
    { flags: '--runs <n>', help: `show the last N runs of this host (${DEFAULT_RUNS})` },
  ],
  examples: [
    ['icecore cost', 'see what this month costs'],
    ['icecore cost -r /mnt/backup --provider aws --region us-east-1', 'see what a local repository would cost at AWS'],
    ['icecore cost --prices prices.json --json', 'use prices of your own'],
  ],
  parse(values, context) {
    const provider = values.text('provider');
    if (provider !== undefined) findProvider({ provider });
    const region = values.text('region');
    if (region !== undefined && !/^[a-z0-9][a-z0-9-]{0,62}$/.test(region)) {
      throw usage('bad-value', `${values.label('region')}: '${region}' is not the name of a region`);
    }
    return {
      prices: readPrices(values, context),
      provider,
      region,
      days: values.integer('days', 1, 3650) ?? DEFAULT_DAYS,
      runs: values.integer('runs', 0, 500) ?? DEFAULT_RUNS,
      egress: values.text('egress') === 'none' ? 'none' : 'internet',
    };
  },
  async run(options, context) {
    const { runCost } = await context.io.verbs.cost();
    return await context.withRepository('write', async (repository) => {
      const terms = await termsFor(repository, options, context);
      const stats = await runCost(repository, { ...options, terms }, context.io.signal);
      if (!context.globals.isJson) for (const line of costText(stats, options.days)) context.out.line(line);
      const { report, ...rest } = stats;
      return { summary: { ...report, ...rest } };
    });
  },
});

/** The terms that are asked about: of the place the repository is in, unless another is named. */
async function termsFor(repository: Repository, options: Options, context: Context): Promise<Terms> {
  const { provider: id, region, prices } = options;
  if (id === undefined && region === undefined) {
    const { termsOfRepository } = await context.io.verbs.terms();
    const terms = await termsOfRepository(repository, prices, context.io.signal);
    if (terms) return terms;
    context.note(
      'this repository is in no bucket, where nobody bills: --provider and --region say what it would cost there',
    );
  }
  const provider =
    id === undefined
      ? (repository.store.bucket?.provider ?? findProvider({ provider: 'generic' }))
      : findProvider({ provider: id });
  return { provider, prices: findPrices(provider.id, region, prices) };
}
