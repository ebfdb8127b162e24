/**
 * Peak memory of a first backup with a catalog of 10 million chunks, against the same with an empty one: what a run
 * needs must not grow with the repository. The catalog is filled directly; beside it, the repository gets an object for
 * each of the index objects that the catalog claims to have read. Their content would be looked at by nobody, as a
 * catalog never reads an index object twice. `node bench/catalog.ts --help`
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type ChunkId, makeSessionId } from '../src/base/ids.ts';
import type { PackRecord } from '../src/format/index-object.ts';
import { indexName, packName } from '../src/format/layout.ts';
import { Catalog } from '../src/repo/catalog.ts';
import { type CommandSettings, type Measure, runCommand } from './command.ts';
import { type DataSet, makeTree } from './data-sets.ts';
import { positive, scratchParent } from './options.ts';
import { median } from './report.ts';
import { makeScratch } from './scratch.ts';
import { icecoreCommand } from './tools/icecore.ts';

const TARGET_BYTES = 50e6;
const CHUNKS_PER_FRAME = 64;
const FRAMES_PER_PACK = 64;
const PACKS_PER_OBJECT = 16;
const CHUNK_BYTES = 17_000;
const SMALL_FILES = 20_000;

const HELP = `usage: node bench/catalog.ts [options]

Compare the peak memory of a first backup with a huge catalog and with an empty one

      --chunks N      chunks in the huge catalog (10000000)
      --tree DIR      back up a copy of this folder (made: 20,000 small files)
      --rounds N      measure so many times in turn, and print medians (3)
      --scratch DIR   work in a new folder in DIR (/dev/shm)
      --help          print this`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      chunks: { type: 'string', default: '10000000' },
      tree: { type: 'string' },
      rounds: { type: 'string', default: '3' },
      scratch: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(`${HELP}\n`);
    return 0;
  }
  const chunks = positive('--chunks', values.chunks);
  const rounds = positive('--rounds', values.rounds);
  const { folder } = makeScratch(scratchParent(values.scratch));
  const source = values.tree === undefined ? writeSmallFiles(`${folder}/source`) : resolve(values.tree);
  const data = makeTree(`${folder}/data`, { folder: source });
  process.stdout.write(`${data.files} files, ${(data.bytes / 1e6).toFixed(0)} MB\n`);

  const empty: Measure[] = [];
  const huge: Measure[] = [];
  for (let round = 0; round < rounds; round++) {
    empty.push(await backUp(`${folder}/empty`, data, 0));
    huge.push(await backUp(`${folder}/huge`, data, chunks));
  }
  const peak = (runs: readonly Measure[]): number => median(runs.map((run) => run.peakRssBytes));
  report('empty catalog', empty);
  report(`${chunks} chunks`, huge);
  const growth = peak(huge) - peak(empty);
  const isMet = growth < TARGET_BYTES;
  process.stdout.write(`difference ${mega(growth)}, target below ${mega(TARGET_BYTES)}: ${isMet ? 'met' : 'missed'}\n`);
  return isMet ? 0 : 1;
}

/** Makes files whose look-ups touch more of the catalog than its cache holds: each lands on a page of its own. */
function writeSmallFiles(folder: string): string {
  for (let i = 0; i < SMALL_FILES; i++) {
    const parent = `${folder}/${i >> 8}`;
    if (i % 256 === 0) mkdirSync(parent, { recursive: true });
    writeFileSync(`${parent}/${i}`, `file ${i}\n`.repeat(100));
  }
  return folder;
}

/** Makes a repository with a catalog of so many chunks in the new folder, backs up once, and clears up. */
async function backUp(folder: string, data: DataSet, chunks: number): Promise<Measure> {
  mkdirSync(folder);
  const repository = `${folder}/repository`;
  const passwordFile = `${folder}/password`;
  writeFileSync(passwordFile, 'a passphrase for figures only\n', { mode: 0o600 });
  const environment = {
    PATH: process.env.PATH ?? '',
    HOME: folder,
    ICECORE_REPOSITORY: repository,
    ICECORE_PASSWORD_FILE: passwordFile,
    ICECORE_CACHE_DIR: `${folder}/cache`,
  };
  const settings: CommandSettings = { environment, scratch: folder };
  await runCommand(icecoreCommand(['init']), settings);
  const objects = chunks > 0 ? fillCatalog(`${folder}/cache`, repository, chunks) : 0;
  const measure = await runCommand(icecoreCommand(['backup', '--no-progress', data.path]), settings);
  // Proves that the run took the catalog for what it is: objects that it does not believe in are dropped.
  const catalog = Catalog.open(findCatalog(`${folder}/cache`));
  const kept = catalog.importedObjects().size;
  catalog.close();
  if (kept < objects) throw new Error(`the backup dropped the catalog: ${kept} of ${objects} objects are left`);
  rmSync(folder, { recursive: true });
  return measure;
}

function findCatalog(cache: string): string {
  const found = readdirSync(cache, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.sqlite'));
  if (found.length !== 1) throw new Error(`there are ${found.length} catalogs in ${cache}`);
  return join(cache, found[0]!);
}

/** Imports synthetic index objects into the catalog in `cache`. Returns how many. */
function fillCatalog(cache: string, repository: string, chunks: number): number {
  const path = findCatalog(cache);
  const catalog = Catalog.open(path);
  const start = performance.now();
  const perObject = PACKS_PER_OBJECT * FRAMES_PER_PACK * CHUNKS_PER_FRAME;
  let number = 0;
  for (let first = 0; first < chunks; first += perObject, number++) {
    const sid = makeSessionId(number, createHash('sha256').update(String(number)).digest().subarray(0, 10));
    const name = indexName(sid, 0);
    catalog.importIndex(name, syntheticPacks(sid, first, Math.min(perObject, chunks - first), chunks));
    mkdirSync(dirname(join(repository, name)), { recursive: true });
    writeFileSync(join(repository, name), 'never read');
  }
  catalog.close();
  const size = statSync(path).size;
  const seconds = (performance.now() - start) / 1000;
  process.stderr.write(`filled a catalog of ${mega(size)} in ${seconds.toFixed(0)} s\n`);
  return number;
}

function syntheticPacks(sid: ReturnType<typeof makeSessionId>, first: number, count: number, of: number): PackRecord[] {
  const perPack = FRAMES_PER_PACK * CHUNKS_PER_FRAME;
  const rawLength = CHUNKS_PER_FRAME * CHUNK_BYTES;
  return Array.from({ length: Math.ceil(count / perPack) }, (_, number) => {
    const inPack = Math.min(perPack, count - number * perPack);
    const frames = Array.from({ length: Math.ceil(inPack / CHUNKS_PER_FRAME) }, (_, frame) => {
      const start = first + number * perPack + frame * CHUNKS_PER_FRAME;
      const inFrame = Math.min(CHUNKS_PER_FRAME, inPack - frame * CHUNKS_PER_FRAME);
      const chunks = Array.from({ length: inFrame }, (_, i) => {
        return [chunkId(start + i, of), i * CHUNK_BYTES, CHUNK_BYTES] as const;
      });
      return { offset: frame * 400_000, length: 400_000, rawLength, chunks };
    });
    return {
      name: packName(sid, number),
      size: frames.length * 400_000,
      sha256: createHash('sha256').update(`${sid} ${number}`).digest('hex'),
      class: 'STANDARD',
      header: new Uint8Array(2000),
      kind: 'data' as const,
      created: '2026-01-01T00:00:00Z',
      frames,
    };
  });
}

/** Ids spread evenly over all that there are, in ascending order, in which a B-tree takes them fastest. */
function chunkId(number: number, of: number): ChunkId {
  const high = Math.floor((number / of) * 2 ** 52);
  const rest = createHash('sha256').update(String(number)).digest('hex').slice(13);
  return (high.toString(16).padStart(13, '0') + rest) as ChunkId;
}

function report(what: string, runs: readonly Measure[]): void {
  const peaks = runs.map((run) => mega(run.peakRssBytes)).join(', ');
  const seconds = median(runs.map((run) => run.seconds)).toFixed(2);
  process.stdout.write(
    `${what.padEnd(20)} ${mega(median(runs.map((run) => run.peakRssBytes)))} (${peaks}), ${seconds} s\n`,
  );
}

function mega(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
