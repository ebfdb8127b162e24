import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const LAUNCHER = fileURLToPath(new URL('../../bin/icecore.js', import.meta.url));

let folder: string;
/** The launcher in a package of its own, whose program only says that it was started. */
let launcher: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'icecore-launcher-'));
  launcher = join(folder, 'bin', 'icecore.js');
  cpSync(LAUNCHER, launcher, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
});
afterAll(() => rmSync(folder, { recursive: true }));

function launch(...nodeOptions: string[]) {
  return spawnSync(process.execPath, [...nodeOptions, launcher], { encoding: 'utf8' });
}

describe('the launcher', () => {
  it('says in one line what is missing on an old Node', () => {
    const pretend = `data:text/javascript,Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '18.19.1' } })`;
    const { stderr, status } = launch('--import', pretend);
    expect(stderr).toBe('icecore: error: this needs Node.js 24 or later, and this is 18.19.1\n');
    expect(status).toBe(1);
  });

  it('says in one line when the installation is not complete', () => {
    const { stderr, status } = launch();
    expect(stderr).toMatch(/^icecore: error: this installation is not complete: [^\n]*main\.js[^\n]*\n$/);
    expect(status).toBe(1);
  });

  it('starts the program', () => {
    mkdirSync(join(folder, 'dist'));
    writeFileSync(join(folder, 'dist', 'main.js'), "export function start() { process.stdout.write('started'); }");
    expect(launch().stdout).toBe('started');
  });
});
