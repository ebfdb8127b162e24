/**
 * How fast a large file that does not compress gets into a bucket: by the AWS SDK's own multipart upload from memory,
 * with several settings, of which the one with the best median counts; by our store, with the same bytes in memory; and
 * by a whole backup of the file, with everything that this takes. On a Ceph gateway that is started for it, in turn,
 * several times. Prints medians, and ratios formed within a round.
 *
 *     npm run -s build && node bench/upload.ts [--bytes 1GiB] [--rounds 3] [--json FILE]
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { parseSize } from '../src/base/units.ts';
import { type Measure, runCommand } from './command.ts';
import { makeRandom } from './data-sets.ts';
import { positive, scratchParent } from './options.ts';
import { median } from './report.ts';
import { startBucket } from './repositories.ts';
import { makeScratch } from './scratch.ts';
import { icecore } from './tools/icecore.ts';
import type { Site } from './tools/tool.ts';

const ONCE = fileURLToPath(new URL('upload-once.ts', import.meta.url));
/** Parts in MiB, and how many at once. The SDK's defaults are 5 and 4. */
const SDK_SETTINGS = ['sdk:5:4', 'sdk:8:8', 'sdk:16:4', 'sdk:16:8', 'sdk:32:4'];
const PASSWORD = 'a passphrase for figures only';

interface Run extends Measure {
  readonly what: string;
  readonly round: number;
  /** The upload alone; a backup is measured as a whole. */
  readonly uploadSeconds: number;
}

const { values } = parseArgs({
  options: {
    bytes: { type: 'string', default: '1GiB' },
    rounds: { type: 'string', default: '3' },
    scratch: { type: 'string' },
    json: { type: 'string' },
  },
});
const bytes = parseSize(values.bytes);
const rounds = positive('--rounds', values.rounds);
const scratch = makeScratch(scratchParent(values.scratch));
const repositories = await startBucket();
const runs: Run[] = [];
try {
  const data = makeRandom(`${scratch.folder}/data`, bytes, 1, 'upload');
  for (let round = 0; round < rounds; round++) {
    for (const what of [...SDK_SETTINGS, 'store', 'backup']) {
      const run = { what, round, ...(await measure(what, data.path)) };
      runs.push(run);
      process.stderr.write(`round ${round + 1}  ${what.padEnd(9)} ${run.uploadSeconds.toFixed(2)} s\n`);
    }
  }
} finally {
  await repositories.stop();
  scratch.remove();
}
report();
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify({ bytes, rounds, runs }, null, 2)}\n`);

async function measure(what: string, source: string): Promise<Measure & { uploadSeconds: number }> {
  const repository = repositories.place(what.replaceAll(':', '-'), '');
  if (repository.type !== 'bucket') throw new Error('a bucket was asked for');
  const folder = `${scratch.folder}/${what}`;
  const local = `${folder}/local`;
  const passwordFile = `${folder}/password`;
  mkdirSync(local, { recursive: true });
  writeFileSync(passwordFile, PASSWORD, { mode: 0o600 });
  const target = `${folder}/target`;
  const site: Site = {
    source,
    repository,
    local,
    target,
    passwordFile,
    password: PASSWORD,
    programs: new Map(),
    done: [],
  };
  const environment = {
    PATH: process.env.PATH ?? '',
    HOME: local,
    ...repository.environment,
    ...icecore.environment(site),
  };
  const settings = { environment, scratch: folder };
  try {
    if (what === 'backup') {
      for (const command of icecore.prepare(site)) await runCommand(command, settings);
      const measured = await runCommand(icecore.command('first', site), settings);
      return { ...measured, uploadSeconds: measured.seconds };
    }
    const url = `s3://${repository.bucket}/${repository.prefix}?endpoint=${repository.endpoint}`;
    const argv = [process.execPath, ONCE, what, `${source}/random-0`, url];
    const measured = await runCommand({ argv }, settings);
    const { seconds } = JSON.parse(readFileSync(`${folder}/output`, 'utf8')) as { seconds: number };
    return { ...measured, uploadSeconds: seconds };
  } finally {
    await repositories.clear(repository);
  }
}

function report(): void {
  const names = [...new Set(runs.map(({ what }) => what))];
  const secondsOf = (what: string): number => median(runs.filter((run) => run.what === what).map((run) => run.seconds));
  const best = SDK_SETTINGS.toSorted((a, b) => secondsOf(a) - secondsOf(b))[0]!;
  const lines = names.map((name) => {
    const own = runs.filter(({ what }) => what === name);
    // A backup is a whole program, and so is compared with one.
    const figure = name === 'backup' ? 'seconds' : 'uploadSeconds';
    const seconds = median(own.map((run) => run[figure]));
    const ratio = median(
      own.map((run) => run[figure] / runs.find((it) => it.what === best && it.round === run.round)![figure]),
    );
    const cpu = median(own.map(({ cpuSeconds }) => cpuSeconds));
    const peak = median(own.map(({ peakRssBytes }) => peakRssBytes));
    const rate = bytes / 2 ** 20 / seconds;
    return [name, rate.toFixed(0), seconds.toFixed(2), ratio.toFixed(2), cpu.toFixed(2), (peak / 1e6).toFixed(0)];
  });
  const rows = [['', 'MiB/s', 'seconds', `of ${best}`, 'CPU s', 'peak MB'], ...lines];
  for (const row of rows) {
    process.stdout.write(`${row.map((cell, i) => (i === 0 ? cell.padEnd(9) : cell.padStart(12))).join('')}\n`);
  }
}
