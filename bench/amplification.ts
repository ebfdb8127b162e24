/**
 * How much has to be thawed to restore a part of an archive: backs a source tree up into a bucket of the test S3 server,
 * all packs in DEEP_ARCHIVE, and plans the restore of each of its top-level directories. Amplification is what is thawed
 * for each stored byte that is wanted. Nothing is restored; the plans are those of the built program.
 * `npm run bench:amplification -- --help`
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { parseSize } from '../src/base/units.ts';
import { type S3TestServer, startS3Server } from '../test/support/s3/server.ts';
import { TEST_CREDENTIALS } from '../test/support/s3/world.ts';
import { type CommandSettings, runCommand } from './command.ts';
import { makeTree } from './data-sets.ts';
import { positive, scratchParent, TARBALL } from './options.ts';
import { median } from './report.ts';
import { makeScratch } from './scratch.ts';
import { icecoreCommand } from './tools/icecore.ts';
import { listEntries } from './walk.ts';

const BUCKET = 'amplification';
const MIB = 2 ** 20;
const RESULTS = fileURLToPath(new URL('results/amplification.json', import.meta.url));

const HELP = `usage: npm run bench:amplification -- [options]

Say how much has to be thawed to restore each top-level directory of a tree

      --tree DIR         back up this folder; without it, what is in
                         ${TARBALL}
      --pack-size SIZE   size of packs (repeatable: 16MiB and 128MiB)
      --workers N        back up with this many threads (one a core)
      --scratch DIR      work in a new folder in DIR (/dev/shm)
      --json FILE        write all figures here
                         (bench/results/amplification.json)
      --help             print this`;

/** The packs that a restore reads, and of what size they are. */
interface Packs {
  readonly packs: number;
  readonly bytes: number;
}

/** What a plan says, as far as it is of use here. */
interface Plan {
  readonly fileBytes: number;
  readonly wantedBytes: number;
  readonly cold: Packs;
  readonly online: Packs;
}

/** The restore of one directory. */
interface Row {
  readonly directory: string;
  readonly fileBytes: number;
  /** Stored bytes of its files. */
  readonly wantedBytes: number;
  readonly packs: number;
  /** What the directory would take if each worker had put its share into packs of its own, one after the other. */
  readonly fewestPacks: number;
  readonly thawedBytes: number;
  readonly amplification: number;
}

/** All directories at one pack size. */
interface Section {
  readonly packBytes: number;
  readonly stored: Packs;
  readonly rows: readonly Row[];
  readonly median: number;
  readonly worst: number;
  /** All that is thawed of all that is wanted: each directory weighs as much as it has bytes. */
  readonly weightedMean: number;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      tree: { type: 'string' },
      'pack-size': { type: 'string', multiple: true, default: ['16MiB', '128MiB'] },
      workers: { type: 'string', default: String(availableParallelism()) },
      scratch: { type: 'string' },
      json: { type: 'string', default: RESULTS },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(`${HELP}\n`);
    return 0;
  }
  const workers = positive('--workers', values.workers);
  const sizes = values['pack-size'].map(parseSize);
  const { folder } = makeScratch(scratchParent(values.scratch));
  const tree = values.tree === undefined ? makeTree(`${folder}/tree`, { tarball: TARBALL }).path : resolve(values.tree);
  const sections: Section[] = [];
  for (const packBytes of sizes) {
    const section = await measure(tree, packBytes, workers, `${folder}/${packBytes}`);
    sections.push(section);
    process.stdout.write(`${textOf(section)}\n\n`);
  }
  mkdirSync(dirname(values.json), { recursive: true });
  writeFileSync(values.json, `${JSON.stringify({ date: new Date().toISOString(), workers, sections }, null, 2)}\n`);
  process.stdout.write(`all figures: ${values.json}\n`);
  return 0;
}

/** Backs the tree up and plans. */
async function measure(tree: string, packBytes: number, workers: number, folder: string): Promise<Section> {
  mkdirSync(folder);
  const server = await startS3Server({ buckets: [BUCKET] });
  try {
    const settings = { environment: environmentOf(server, folder), scratch: folder };
    await runCommand(
      icecoreCommand(['init', '--storage-class', 'DEEP_ARCHIVE', '--pack-size', String(packBytes)]),
      settings,
    );
    await runCommand(icecoreCommand(['backup', '--no-progress', '--workers', String(workers), tree]), settings);
    const whole = await plan(tree, settings);
    const rows: Row[] = [];
    const directories = readdirSync(tree, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    for (const { name } of directories.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      if (!listEntries(join(tree, name)).some(({ entry }) => entry.isFile())) continue;
      rows.push(rowOf(name, await plan(join(tree, name), settings), packBytes, workers));
    }
    const ratios = rows.map((row) => row.amplification);
    const sum = (pick: (row: Row) => number): number => rows.reduce((total, row) => total + pick(row), 0);
    return {
      packBytes,
      stored: { packs: whole.cold.packs + whole.online.packs, bytes: whole.cold.bytes + whole.online.bytes },
      rows,
      median: median(ratios),
      worst: Math.max(...ratios),
      weightedMean: sum((row) => row.thawedBytes) / sum((row) => row.wantedBytes),
    };
  } finally {
    await server.close();
  }
}

function environmentOf(server: S3TestServer, folder: string): Record<string, string> {
  const passwordFile = `${folder}/password`;
  writeFileSync(passwordFile, 'a passphrase for figures only\n', { mode: 0o600 });
  const query = `endpoint=${server.url}&provider=aws&path-style=true&region=us-east-1`;
  return {
    PATH: process.env.PATH ?? '',
    HOME: folder,
    ICECORE_REPOSITORY: `s3://${BUCKET}/tree?${query}`,
    ICECORE_PASSWORD_FILE: passwordFile,
    ICECORE_CACHE_DIR: `${folder}/cache`,
    AWS_ACCESS_KEY_ID: TEST_CREDENTIALS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: TEST_CREDENTIALS.secretAccessKey,
    AWS_EC2_METADATA_DISABLED: 'true',
  };
}

async function plan(path: string, settings: CommandSettings): Promise<Plan> {
  const target = `${settings.scratch}/target`;
  await runCommand(icecoreCommand(['restore', `latest:${path}`, '--target', target, '--plan', '--json']), settings);
  const lines = readFileSync(`${settings.scratch}/output`, 'utf8').trim().split('\n');
  const { cost } = JSON.parse(lines.at(-1)!) as { readonly cost?: Plan };
  if (!cost) throw new Error(`the plan of ${path} says nothing of packs`);
  return cost;
}

/** Packs that are too small for the archive are in no way better to restore from: they count as the others do. */
function rowOf(
  directory: string,
  { fileBytes, wantedBytes, cold, online }: Plan,
  packBytes: number,
  workers: number,
): Row {
  const thawedBytes = cold.bytes + online.bytes;
  return {
    directory,
    fileBytes,
    wantedBytes,
    packs: cold.packs + online.packs,
    fewestPacks: Math.ceil(wantedBytes / packBytes) + workers,
    thawedBytes,
    amplification: thawedBytes / wantedBytes,
  };
}

function textOf({ packBytes, stored, rows, ...figures }: Section): string {
  const table = rows.map((row) => [
    row.directory,
    mib(row.fileBytes),
    mib(row.wantedBytes),
    String(row.packs),
    String(row.fewestPacks),
    mib(row.thawedBytes),
    row.amplification.toFixed(2),
  ]);
  const head = ['directory', 'files, MiB', 'stored, MiB', 'packs', 'expected', 'to thaw, MiB', 'amplification'];
  const lines = [head, ...table];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  const padded = lines.map((line) =>
    line.map((text, i) => (i === 0 ? text.padEnd(widths[i]!) : text.padStart(widths[i]! + 2))).join(''),
  );
  return [
    `packs of ${mib(packBytes)} MiB: ${stored.packs} with ${mib(stored.bytes)} MiB`,
    ...padded,
    `median ${figures.median.toFixed(2)}, worst ${figures.worst.toFixed(2)}, weighted by bytes ${figures.weightedMean.toFixed(2)}`,
  ].join('\n');
}

function mib(bytes: number): string {
  return (bytes / MIB).toFixed(bytes < MIB ? 2 : 1);
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
