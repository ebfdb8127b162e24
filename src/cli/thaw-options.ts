/** The options of all commands that may thaw packs: tier, time, money, and who is asked before anything is. */
import { spawn } from 'node:child_process';
import { IcecoreError, messageOf } from '../base/errors.ts';
import type { PriceList } from '../plan/prices.ts';
import type { BatchOptions } from '../work/thaw-batch.ts';
import type { ThawCommand } from '../work/thaw-command.ts';
import type { ThawOptions } from '../work/thaw-options.ts';
import type { Context } from './context.ts';
import type { OptionSpec } from './option.ts';
import { maxCostOption, pricesOption, readMaxCost, readPrices } from './price-options.ts';
import { usage, type Values } from './values.ts';

const TIERS = ['expedited', 'standard', 'bulk'] as const;
const FAILED_OUTPUT = 500;

/** What the command line says of a thaw. */
export interface ThawSettings {
  readonly tier?: (typeof TIERS)[number];
  readonly days?: number;
  readonly maxCost?: number;
  readonly waits: boolean;
  /** Nobody needs to be asked. */
  readonly isAgreed: boolean;
  readonly egress: 'internet' | 'none';
  readonly prices: readonly PriceList[];
  readonly command?: string;
  readonly batch?: BatchOptions;
}

/** Going on with a job: its money is decided. */
export const resumeOptions: readonly OptionSpec[] = [
  { flags: '--tier <tier>', help: 'how fast archived packs are thawed (the cheapest)', choices: TIERS },
  { flags: '--wait', help: 'wait until archived packs are thawed, instead of ending with exit 75' },
  { flags: '--thaw-command <command>', help: 'thaw with this command, which reads the keys of objects, one a line' },
  { flags: '-y, --yes', help: 'do not ask before anything that costs money' },
  pricesOption,
];

/** Asking for packs for the first time. */
export const thawOptions: readonly OptionSpec[] = [
  ...resumeOptions,
  { flags: '--days <n>', help: 'keep thawed packs readable so long (by how long fetching takes)' },
  maxCostOption,
  {
    flags: '--egress <where>',
    help: 'where restored data goes, which sets its price (internet)',
    choices: ['internet', 'none'],
  },
];

/** Reads {@link thawOptions}; those that a command does not have are absent. */
export function readThaw(values: Values, context: Context): ThawSettings {
  const tier = values.text('tier') as ThawSettings['tier'];
  const days = values.integer('days', 1, 3650);
  const maxCost = readMaxCost(values);
  const command = values.text('thaw-command');
  return {
    ...(tier === undefined ? {} : { tier }),
    ...(days === undefined ? {} : { days }),
    ...(maxCost === undefined ? {} : { maxCost }),
    waits: values.flag('wait'),
    isAgreed: values.flag('yes') || maxCost !== undefined,
    egress: values.text('egress') === 'none' ? 'none' : 'internet',
    prices: readPrices(values, context),
    ...(command === undefined ? {} : { command }),
  };
}

/** The settings as the verbs take them. */
export function toThawOptions({ isAgreed: _, command, ...settings }: ThawSettings, context: Context): ThawOptions {
  const { io } = context;
  const thaws = command === undefined ? {} : { command: commandOf(command, context) };
  return { ...settings, host: io.host(), user: io.user(), ...thaws };
}

/** Asks a person whether packs may be thawed. @throws kind `usage`, `approval-needed`, when there is nobody to ask */
export async function askApproval(question: string, context: Context): Promise<boolean> {
  const { terminal } = context.io;
  if (terminal === undefined || context.globals.isJson) {
    throw usage(
      'approval-needed',
      'archived packs have to be thawed, which costs money, and there is nobody to ask',
      'give --yes, or --max-cost USD for a limit; --plan shows the price',
    );
  }
  const answer = await context.monitor.aside(() => terminal.ask(question, false));
  return /^y(es)?$/i.test(answer?.trim() ?? '');
}

/** Runs a shell command with the keys on its standard input; what it prints goes to our standard error when it fails. */
function commandOf(command: string, { io }: Context): ThawCommand {
  return async ({ keys, bucket, days }, signal) => {
    const env = { ...io.env, ICECORE_THAW_BUCKET: bucket, ICECORE_THAW_DAYS: String(days) };
    const child = spawn('/bin/sh', ['-c', command], { env, stdio: ['pipe', 'pipe', 'pipe'], signal });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (text: Buffer) => {
        said = (said + text.toString('utf8')).slice(-FAILED_OUTPUT);
      });
    }
    // A command that does not read its input is free not to.
    child.stdin.on('error', () => {});
    child.stdin.end(keys.map((key) => `${key}\n`).join(''));
    const status = await new Promise<number | string>((resolve) => {
      child.on('error', (error) => resolve(messageOf(error)));
      child.on('close', (code, killed) => resolve(code ?? killed ?? 1));
    });
    if (status === 0) return;
    const how = typeof status === 'number' ? `it ended with ${status}` : status;
    throw new IcecoreError('user', 'thaw-command-failed', `the thaw command failed: ${how}`, {
      hint: said.trim() === '' ? 'run it by hand to see why' : said.trim().split('\n').at(-1)!,
    });
  };
}
