/**
 * Compares icecore with the other backup tools of this machine, side by side in one run. Prints medians and ratios, and
 * writes all figures as JSON. `npm run bench -- --help`
 *
 * Figures of different runs, and of different machines, say nothing about each other: only the ratios do.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { arch, cpus, release, totalmem, type } from 'node:os';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type DataSet, makeRandom, makeTree } from './data-sets.ts';
import { HELP, type Options, readOptions } from './options.ts';
import { type Figure, renderTables, summarise } from './report.ts';
import { folders, type Repositories, startBucket } from './repositories.ts';
import { type Result, runRounds } from './rounds.ts';
import { makeScratch, roomIn } from './scratch.ts';
import { type FoundTool, findTools } from './tools/all.ts';
import type { Tool } from './tools/tool.ts';

const RESULTS = fileURLToPath(new URL('results', import.meta.url));
/** How many times the data a repository and what a tool keeps beside it may take, with some room for others. */
const ROOM_FACTOR = 1.3;

interface Failure {
  readonly data: string;
  readonly tool: string;
  readonly leg: string;
  readonly message: string;
}

/** Runs the comparison. Returns the exit status: 1 when a tool failed. */
async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2), RESULTS);
  if (!options) {
    process.stdout.write(`${HELP}\n`);
    return 0;
  }
  const { found, missing } = findTools(options.tools, options.peers);
  const repositories = options.isS3 ? await startBucket() : folders;
  try {
    return await compare(options, found, missing, repositories);
  } finally {
    await repositories.stop();
  }
}

async function compare(
  options: Options,
  found: readonly FoundTool[],
  missing: readonly Tool[],
  repositories: Repositories,
): Promise<number> {
  const text: string[] = [];
  const say = (line: string): void => {
    process.stdout.write(`${line}\n`);
    text.push(line);
  };
  const machine = describeMachine();
  say(`${machine.cpu}, ${machine.cores} cores, ${(machine.memoryBytes / 1e9).toFixed(0)} GB; ${machine.system}`);
  const commit = describeCommit();
  if (commit !== undefined) say(`commit ${commit}`);
  for (const { tool, version } of found) say(`${tool.name.padEnd(9)} ${version}`);
  if (missing.length > 0) say(`not here: ${missing.map((tool) => tool.name).join(', ')}`);

  const results: Result[] = [];
  const failures: Failure[] = [];
  const figures: Figure[] = [];
  const sets: Omit<DataSet, 'change' | 'path'>[] = [];
  for (const name of options.data) {
    // A scratch folder for each set: the data of one make room for those of the next.
    const scratch = makeScratch(options.scratch);
    const data = makeData(name, scratch.folder, options);
    sets.push({ name, files: data.files, bytes: data.bytes, changes: data.changes });
    const turns = options.turns ?? chooseTurns(data, found, scratch.folder);
    const where =
      repositories.type === 'bucket' ? 'repositories in a bucket of a local Ceph RGW' : 'repositories in folders';
    say(`\n${name}: ${data.files} files, ${(data.bytes / 1e6).toFixed(0)} MB; changed: ${data.changes}; ${where}`);
    await runRounds({
      ...options,
      data,
      tools: found,
      repositories,
      turns,
      scratch: scratch.folder,
      onResult(result) {
        results.push(result);
        note(result);
      },
      onFailure(tool, leg, message) {
        failures.push({ data: name, tool, leg, message });
        process.stderr.write(`${tool}: ${leg} failed: ${message}\n`);
      },
    });
    scratch.remove();
    const own = summarise(
      results.filter((it) => it.data === name),
      options.baseline,
    );
    figures.push(...own);
    const rounds = options.rounds === 1 ? 'one round' : `medians of ${options.rounds} rounds`;
    say(`${rounds}, turns by ${turns}; in brackets: divided by ${options.baseline}'s of the same round\n`);
    const names = found.map((it) => it.tool.name);
    say(`${renderTables(own, names, options.baseline)}\n`);
  }
  for (const { data, tool, leg } of failures) say(`${tool} failed at ${data}, ${leg}`);
  const versions = Object.fromEntries(found.map((it) => [it.tool.name, it.version]));
  const { rounds, seed, baseline } = options;
  writeJson(options.json, {
    date: new Date().toISOString(),
    ...(commit === undefined ? {} : { commit }),
    machine,
    versions,
    repositories: repositories.type,
    rounds,
    seed,
    baseline,
    data: sets,
    figures,
    results,
    failures,
  });
  process.stdout.write(`all figures: ${options.json}\n`);
  if (options.out !== undefined) writeFileSync(options.out, `${text.join('\n')}\n`);
  return failures.length > 0 ? 1 : 0;
}

function makeData(name: 'tree' | 'random', scratch: string, options: Options): DataSet {
  const path = `${scratch}/data/${name}`;
  if (name === 'tree') return makeTree(path, options.tree);
  return makeRandom(path, options.randomBytes, options.randomFiles, options.seed);
}

/** By legs, if all repositories and one restored copy find room at once. */
function chooseTurns(data: DataSet, tools: readonly FoundTool[], scratch: string): 'legs' | 'tools' {
  return data.bytes * ROOM_FACTOR * (tools.length + 1) < roomIn(scratch) ? 'legs' : 'tools';
}

/** A line a run, for who waits. */
function note({ round, tool, leg, seconds, cpuSeconds, peakRssBytes }: Result): void {
  const figures = `${seconds.toFixed(2)} s, ${cpuSeconds.toFixed(2)} s of CPU, ${(peakRssBytes / 1e6).toFixed(0)} MB`;
  process.stderr.write(`round ${round + 1}  ${tool.padEnd(9)} ${leg.padEnd(9)} ${figures}\n`);
}

function describeMachine(): { cpu: string; cores: number; memoryBytes: number; system: string } {
  const cores = cpus();
  const cpu = cores[0]?.model.trim() || 'unknown processor';
  return { cpu, cores: cores.length, memoryBytes: totalmem(), system: `${type()} ${release()} ${arch()}` };
}

/** The commit of the checkout, when it is one. */
function describeCommit(): string | undefined {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty'], {
      cwd: dirname(RESULTS),
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return undefined;
  }
}

function writeJson(path: string, value: unknown): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`);
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
