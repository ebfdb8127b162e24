/** Signals to the real program: what is there is kept, the exit code says so, and the next run goes on from it. */
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Program, type ProgramEnd } from '../support/program.ts';
import { seededBytes } from '../support/random.ts';
import { makeTestFolder } from '../support/test-folder.ts';

const FILES = 160;
const FILE_BYTES = 256 * 1024;

let folder: string;
let program: Program;
beforeAll(async () => {
  folder = makeTestFolder('interrupts');
  program = new Program();
  mkdirSync(join(folder, 'source'));
  const bytes = Buffer.from(
    seededBytes(FILE_BYTES * 2, 1)
      .toString('hex')
      .slice(0, FILE_BYTES),
  );
  for (let i = 0; i < FILES; i++) {
    bytes.write(String(i).padStart(8, '0'), 0);
    for (let at = 0; at < FILE_BYTES; at += 4096) bytes.writeUInt32LE((i * 7919 + at) >>> 0, at + 16);
    writeFileSync(join(folder, 'source', `file-${String(i).padStart(4, '0')}`), bytes);
  }
  // What changed in the second in which a backup begins counts as changed the next time.
  await new Promise((resolve) => setTimeout(resolve, 1010 - (Date.now() % 1000)));
});
afterAll(() => {
  program.remove();
  rmSync(folder, { recursive: true });
});

/** Is called with what the program prints as it comes. */
type OnOutput = (text: string, child: ChildProcess) => void;
type Icecore = (args: readonly string[], onOutput?: OnOutput) => Promise<ProgramEnd>;

/** A host of its own, with a repository. */
async function makeHost(name: string): Promise<Icecore> {
  const places = {
    config: join(folder, name, 'config'),
    cache: join(folder, name, 'cache'),
    state: join(folder, name, 'state'),
  };
  const passphrase = join(folder, 'passphrase');
  writeFileSync(passphrase, 'passphrase\n', { mode: 0o600 });
  const repository = join(folder, name, 'repository');
  mkdirSync(join(folder, name));
  const icecore: Icecore = (args, onOutput) => {
    const { child, ended } = program.start(places, ['-r', repository, '--password-file', passphrase, ...args]);
    child.stdout!.on('data', (data: Buffer) => onOutput?.(data.toString(), child));
    return ended;
  };
  expect((await icecore(['init', '--age-type', 'x25519', '--pack-size', '4MiB'])).exit).toBe(0);
  return icecore;
}

const linesOf = ({ out }: ProgramEnd) =>
  out
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
const BACKUP = ['--json', 'backup', '--compression', '12', '--workers', '1'];

/** Sends signals as soon as some files have been read. */
function interruptWith(signals: readonly NodeJS.Signals[]): OnOutput {
  let isSent = false;
  return (text, child) => {
    const done = /"filesDone":([1-9]\d*)/.exec(text);
    if (isSent || !done || Number(done[1]) < 16) return;
    isSent = true;
    for (const signal of signals) child.kill(signal);
  };
}

describe('a backup', () => {
  it.each([['SIGINT', 130] as const, ['SIGTERM', 143] as const].slice(0, process.env.SLOW === '1' ? 2 : 1))(
    'that gets %s keeps what it has, ends with %i, and the next one goes on',
    async (signal, exit) => {
      const icecore = await makeHost(signal);
      const began = performance.now();
      const stopped = await icecore([...BACKUP, join(folder, 'source')], interruptWith([signal]));
      expect(performance.now() - began).toBeLessThan(20_000);
      expect(stopped).toMatchObject({ exit, signal: null });
      const summary = linesOf(stopped).at(-1)!;
      expect(summary).toMatchObject({ type: 'summary', exitCode: exit, partial: true, snapshot: expect.any(String) });
      const { filesNew, bytesRead } = summary as { filesNew: number; bytesRead: number };
      expect(bytesRead).toBeLessThan(FILES * FILE_BYTES);

      const listed = linesOf(await icecore(['--json', 'snapshots']));
      expect(listed[0]).toMatchObject({ type: 'snapshot', partial: true, complete: false });
      const restored = await icecore([
        '--json',
        'restore',
        `latest:${join(folder, 'source')}`,
        '-t',
        join(folder, signal, 'back'),
      ]);
      expect(restored.exit).toBe(0);
      expect(linesOf(restored).at(-1)).toMatchObject({ filesRestored: bytesRead / FILE_BYTES });

      const next = await icecore(['--json', 'backup', join(folder, 'source')]);
      expect(next.exit).toBe(0);
      const after = linesOf(next).at(-1)! as {
        filesUnchanged: number;
        bytesRead: number;
        bytesNew: number;
        partial: boolean;
      };
      expect(after.partial).toBe(false);
      // What was read before the signal is not read again, apart from the last batch.
      expect(after.filesUnchanged).toBeGreaterThan(0);
      expect(after.bytesRead).toBe((FILES - after.filesUnchanged) * FILE_BYTES);
      expect(filesNew).toBeLessThanOrEqual(FILES);
      const whole = linesOf(await icecore(['--json', 'snapshots', '--latest', '1']))[0];
      expect(whole).toMatchObject({ partial: false, complete: true, files: FILES });
    },
  );

  it('that gets two signals ends at once, without a snapshot, and the next one works', async () => {
    const icecore = await makeHost('twice');
    const stopped = await icecore([...BACKUP, join(folder, 'source')], interruptWith(['SIGINT', 'SIGTERM']));
    expect([130, 143]).toContain(stopped.exit);
    expect(linesOf(await icecore(['--json', 'snapshots'])).filter(({ type }) => type === 'snapshot')).toEqual([]);
    expect((await icecore(['--json', 'backup', join(folder, 'source')])).exit).toBe(0);
    expect((await icecore(['verify', '--level', 'data'])).exit).toBe(0);
  });

  it('whose reader goes away goes on, and succeeds', async () => {
    const icecore = await makeHost('pipe');
    const args = ['backup', '-v', join(folder, 'source')];
    const { exit, err } = await icecore(args, (_text, child) => child.stdout!.destroy());
    expect({ exit, err }).toEqual({ exit: 0, err: '' });
    expect(linesOf(await icecore(['--json', 'snapshots']))[0]).toMatchObject({ files: FILES, complete: true });
  });
});
