/**
 * Records the terminal session of the README's second section: a backup into Deep Archive, the plan of a restore with
 * its price, the wait, and the files. The store is the test S3 server, whose clock is moved on; the program is the one
 * that was built, on a terminal of its own (`script` of util-linux). Prints the session; `--readme` puts it in place.
 *
 *     npm run build && node test/sessions/cold-restore.ts [--readme]
 */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { seededBytes } from '../support/random.ts';
import { startS3Server } from '../support/s3/server.ts';
import { TEST_CREDENTIALS } from '../support/s3/world.ts';

const HOUR = 3_600_000;
/** What stands for the folder of the recording. */
const NAS = '/volume1';
const MIB = 1_048_576;
const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..');
const BEGIN = '<!-- begin of the session, made by test/sessions/cold-restore.ts -->';
const END = '<!-- end of the session -->';
/** Directories of the archive, and how many megabytes lie in each. */
const PHOTOS: Readonly<Record<string, number>> = { '2018-iceland': 90, '2019-oslo': 150, '2020-home': 140 };

const folder = mkdtempSync(join(tmpdir(), 'icecore-session-'));
const server = await startS3Server({ buckets: ['anna-archive'] });
const lines: string[] = [];
/** Milliseconds that have passed in the session and not in the world. */
let passed = 0;

try {
  makePhotos();
  writeFileSync(join(folder, 'passphrase'), 'recorded', { mode: 0o600 });
  await run(['init', '--storage-class', 'DEEP_ARCHIVE', '--region', 'us-east-1'], { isShown: false });
  await run(['backup', 'photos']);
  lines.push('', '# months later, on another machine that knows the passphrase:', '');
  await run(['restore', `latest:${folder}/photos/2019-oslo`, '--target', 'back'], { answer: 'y\n' });
  const job = /thaw resume (\w+)/.exec(lines.join('\n'))?.[1] ?? '';
  pass(48 * HOUR);
  lines.push('', '# two days later, by hand or from cron:', '');
  await run(['thaw', 'resume', job]);
} finally {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
}

const session = lines.join('\n').trim();
if (process.argv.includes('--readme')) intoReadme(session);
else process.stdout.write(`${session}\n`);

function pass(ms: number): void {
  server.clock.advance(ms);
  passed += ms;
}

/** Node's options for a process that lives in the session's time. */
function inTime(): string {
  const code = `const D=Date,n=D.now;globalThis.Date=class extends D{constructor(...a){a.length?super(...a):super(n()+${passed})}static now(){return n()+${passed}}}`;
  return `--import=data:text/javascript,${encodeURIComponent(code)}`;
}

function makePhotos(): void {
  let seed = 0;
  for (const [name, size] of Object.entries(PHOTOS)) {
    mkdirSync(join(folder, 'photos', name), { recursive: true });
    for (let left = size, n = 1; left > 0; left -= 10, n++) {
      writeFileSync(
        join(folder, 'photos', name, `dsc_${String(n).padStart(4, '0')}.nef`),
        seededBytes(10 * MIB, ++seed),
      );
    }
  }
}

/** Runs a command on a terminal, and keeps what a person would see in the end. */
async function run(
  args: readonly string[],
  { answer = '', isShown = true }: { readonly answer?: string; readonly isShown?: boolean } = {},
): Promise<void> {
  const command = [process.execPath, join(ROOT, 'bin/icecore.js'), ...args].map((word) => `'${word}'`).join(' ');
  const child = spawn('script', ['-qec', `stty cols 120; ${command}`, '/dev/null'], {
    cwd: folder,
    env: {
      PATH: process.env.PATH,
      HOME: folder,
      NODE_OPTIONS: inTime(),
      TERM: 'xterm',
      TZ: 'UTC',
      LANG: 'C.UTF-8',
      AWS_ACCESS_KEY_ID: TEST_CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: TEST_CREDENTIALS.secretAccessKey,
      ICECORE_REPOSITORY: `s3://anna-archive/home?endpoint=${server.url}&provider=aws&path-style=true`,
      ICECORE_PASSWORD_FILE: join(folder, 'passphrase'),
    },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    // Typed when the question is there, as a person does.
    if (answer !== '' && /\[y\/N\]/i.test(text)) child.stdin.end(answer);
  });
  const status = await new Promise<number | null>((resolve) => child.on('close', resolve));
  if (!isShown) {
    if (status !== 0) throw new Error(`icecore ${args.join(' ')} ended with ${status}: ${output}`);
    return;
  }
  lines.push(`$ icecore ${args.join(' ').replaceAll(folder, NAS)}`, ...shown(output));
  if (status !== 0) lines.push(`$ echo $?`, String(status));
}

/** What stays on the screen: progress lines that were written over are gone. */
function shown(output: string): string[] {
  return stripVTControlCharacters(output.replaceAll(folder, NAS).replace(/\u001b\[\d*G/g, '\r'))
    .split('\n')
    .map((line) => line.replace(/\r+$/, '').split('\r').at(-1)!.trimEnd())
    .join('\n')
    .trim()
    .split('\n');
}

function intoReadme(text: string): void {
  const path = join(ROOT, 'README.md');
  const readme = readFileSync(path, 'utf8');
  const from = readme.indexOf(BEGIN);
  const to = readme.indexOf(END);
  if (from < 0 || to < from) throw new Error('README.md has no place for the session');
  writeFileSync(
    path,
    `${readme.slice(0, from + BEGIN.length)}\n\n\`\`\`console\n${text}\n\`\`\`\n\n${readme.slice(to)}`,
  );
}
