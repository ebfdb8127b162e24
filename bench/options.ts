/** The options of the comparison: reading and checking them, and the help text. */

import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { parseSize } from '../src/base/units.ts';
import { TOOLS } from './tools/all.ts';
import { LEGS, type Leg, type Tool } from './tools/tool.ts';

export const TARBALL = '/usr/src/linux-source-6.1.tar.xz';

export const HELP = `usage: npm run bench -- [options]

Compare icecore with the other backup tools on this machine: first backup,
unchanged backup, backup of 1 % changes, restore, verification of all data

      --data SET         tree, random or all (tree)
      --tree DIR         take a copy of this folder as the tree; without it,
                         what is in ${TARBALL}
      --random-bytes N   length of the random data (2GiB)
      --random-files N   in so many files (2)
      --s3               repositories in a bucket of a Ceph RGW that is started
                         for it, data in memory, instead of folders
      --only TOOL,...    only these tools: ${TOOLS.map((tool) => tool.name).join(', ')}
      --legs LEG,...     only these legs: ${LEGS.join(', ')}
      --rounds N         so many times, in turn (3)
      --turns HOW        take turns at every leg (legs) or after all legs of a
                         tool (tools); by default what there is room for
      --baseline TOOL    what ratios compare with (restic)
      --peers DIR        look for the tools in DIR and DIR/bin, then in PATH
      --scratch DIR      work in a new folder in DIR (/dev/shm)
      --seed TEXT        of random data and choices (icecore)
      --json FILE        write all figures here (bench/results/compare-TIME.json)
      --out FILE         write the tables here too
      --help             print this`;

/** What to compare, checked. */
export interface Options {
  readonly data: readonly ('tree' | 'random')[];
  readonly tree: { readonly folder: string } | { readonly tarball: string };
  readonly randomBytes: number;
  readonly randomFiles: number;
  readonly isS3: boolean;
  readonly tools: readonly Tool[];
  readonly legs: readonly Leg[];
  readonly rounds: number;
  readonly turns: 'legs' | 'tools' | undefined;
  readonly baseline: string;
  readonly peers: readonly string[];
  readonly scratch: string;
  readonly seed: string;
  readonly json: string;
  readonly out: string | undefined;
}

/**
 * Reads the arguments; undefined asks for the help text.
 * @throws Error for what makes no sense
 */
export function readOptions(args: readonly string[], resultFolder: string): Options | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      data: { type: 'string', default: 'tree' },
      tree: { type: 'string' },
      'random-bytes': { type: 'string', default: '2GiB' },
      'random-files': { type: 'string', default: '2' },
      s3: { type: 'boolean', default: false },
      only: { type: 'string' },
      legs: { type: 'string' },
      rounds: { type: 'string', default: '3' },
      turns: { type: 'string' },
      baseline: { type: 'string', default: 'restic' },
      peers: { type: 'string' },
      scratch: { type: 'string' },
      seed: { type: 'string', default: 'icecore' },
      json: { type: 'string' },
      out: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const names = pick(
    '--only',
    values.only,
    TOOLS.map((tool) => tool.name),
  );
  const stamp = new Date().toISOString().slice(0, 19).replaceAll(':', '-');
  const data = pick('--data', values.data === 'all' ? undefined : values.data, ['tree', 'random'] as const);
  if (data.includes('tree') && values.tree === undefined && !existsSync(TARBALL)) {
    throw new Error(`${TARBALL} is not there: name a folder with --tree, or install linux-source-6.1`);
  }
  return {
    data,
    tree: values.tree === undefined ? { tarball: TARBALL } : { folder: resolve(values.tree) },
    randomBytes: parseSize(values['random-bytes']),
    randomFiles: positive('--random-files', values['random-files']),
    isS3: values.s3,
    tools: TOOLS.filter((tool) => names.includes(tool.name) && tool.places.includes(values.s3 ? 'bucket' : 'folder')),
    legs: pick('--legs', values.legs, LEGS),
    rounds: positive('--rounds', values.rounds),
    turns: values.turns === undefined ? undefined : pick('--turns', values.turns, ['legs', 'tools'] as const)[0],
    baseline: pick(
      '--baseline',
      values.baseline,
      TOOLS.map((tool) => tool.name),
    )[0]!,
    peers: values.peers === undefined ? [] : [resolve(values.peers), resolve(values.peers, 'bin')],
    scratch: scratchParent(values.scratch),
    seed: values.seed,
    json: resolve(values.json ?? join(resultFolder, `compare-${values.s3 ? 's3-' : ''}${stamp}.json`)),
    out: values.out === undefined ? undefined : resolve(values.out),
  };
}

/** Where scratch folders go: memory if the machine has such a place, so that no disk is measured. */
export function scratchParent(given: string | undefined): string {
  if (given !== undefined) return resolve(given);
  return existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
}

/** A whole number from 1. */
export function positive(option: string, text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new Error(`${option} takes a number from 1, not '${text}'`);
  return Number(text);
}

function pick<T extends string>(option: string, text: string | undefined, choices: readonly T[]): readonly T[] {
  if (text === undefined) return choices;
  const chosen = text.split(',');
  const wrong = chosen.find((one) => !(choices as readonly string[]).includes(one));
  if (wrong !== undefined) throw new Error(`${option} knows ${choices.join(', ')}, not '${wrong}'`);
  return choices.filter((choice) => chosen.includes(choice));
}
