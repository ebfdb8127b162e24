import { describe, expect, it } from 'vitest';
import { IcecoreError } from '../../src/base/errors.ts';
import { type Raw, rawFromText } from '../../src/base/raw.ts';
import { differenceLine, longLines, modeText } from '../../src/ui/entries.ts';
import { localTimeOf } from '../../src/ui/figures.ts';
import { encodeLine, entryFields, pathFields, snapshotFields } from '../../src/ui/json-lines.ts';
import { recoveryKitLines } from '../../src/ui/recovery-kit.ts';
import { shortIdLength, snapshotTable } from '../../src/ui/snapshots.ts';
import { failureLines, problemLine, reportOf } from '../../src/ui/text.ts';
import { each, file, rawPath, snapshot } from '../support/fake-verbs.ts';

describe('an entry in a long list', () => {
  it.each([
    ['file', 0o644, '-rw-r--r--'],
    ['dir', 0o1777, 'drwxrwxrwt'],
    ['dir', 0o2750, 'drwxr-s---'],
    ['file', 0o4711, '-rws--x--x'],
    ['file', 0o4600, '-rwS------'],
    ['symlink', 0o777, 'lrwxrwxrwx'],
    ['fifo', 0o600, 'prw-------'],
  ] as const)('%s %o is %s', (type, mode, text) => {
    expect(modeText({ type, mode })).toBe(text);
  });

  it('lines up with the others, shows targets, and escapes both names', async () => {
    const lines: string[] = [];
    const entries = each(
      file('/a', { size: 7, user: 'anna' }),
      file('/link', { type: 'symlink', mode: 0o777, target: rawFromText('a\u001bb') }),
      file('/dev/sda', { type: 'block', rdev: { major: 8, minor: 0 } }),
    );
    for await (const line of longLines(entries)) lines.push(line);
    expect(lines[0]).toMatch(/^-rw-r--r-- {2}anna {2}root {5}7 {2}20\d\d-\d\d-\d\d \d\d:\d\d:\d\d {2}\/a$/);
    expect(lines[1]).toMatch(/\/link -> a\\x1bb$/);
    expect(lines[2]).toContain('8, 0');
    expect(new Set(lines.map((line) => line.indexOf('  /'))).size).toBe(1);
  });

  it('has a time even where no calendar reaches', () => {
    expect(localTimeOf(-1n)).toMatch(/^(1969-12-31|1970-01-01)/);
    expect(localTimeOf(9_000_000_000_000n * 1_000_000_000n)).toBe('@9000000000000');
  });
});

describe('a difference', () => {
  it('is marked, and a directory ends in a slash', () => {
    const { path, entry } = file('/d', { type: 'dir' });
    expect(differenceLine({ change: 'added', path, after: entry })).toBe('+ /d/');
    expect(differenceLine({ change: 'removed', path: rawFromText('/f') })).toBe('- /f');
    expect(differenceLine({ change: 'modified', path: rawFromText('/f') })).toBe('M /f');
  });
});

describe('the table of snapshots', () => {
  it('shows ids short, but never two alike', () => {
    const ids = ['01KA8Y2Q7XAAAAAAAAAAAAAAAA', '01KA8Y2Q7XAAABAAAAAAAAAAAA', '01KB000000AAAAAAAAAAAAAAAA'];
    expect(shortIdLength(ids)).toBe(14);
    expect(shortIdLength(ids.slice(1))).toBe(10);
    expect(shortIdLength([])).toBe(10);
  });

  it('notes partial and incomplete ones, and leaves out columns that nobody uses', () => {
    const plain = snapshot('01KA8Y2Q7XAAAAAAAAAAAAAAAA');
    expect(snapshotTable([plain], { heading: true })[0]).toMatch(/^id +time +host +size +paths$/);
    const lines = snapshotTable([{ ...plain, partial: true, complete: false, errors: 2, tags: ['a', 'b\u001b'] }], {
      heading: true,
    });
    expect(lines[0]).toMatch(/tags .* note$/);
    expect(lines[1]).toMatch(/nas {3}a, b\\x1b {2}1\.20 GiB {2}\/home {2}partial, incomplete$/);
    const interrupted = snapshotTable([{ ...plain, partial: true, complete: false }], { heading: false });
    expect(interrupted[0]).toMatch(/\/home {2}partial$/);
  });
});

describe('a JSON line', () => {
  it('has its type first, and exact bytes beside a name that is not UTF-8', () => {
    const line = encodeLine('entry', entryFields(rawPath('/caf\xe9'), file('/x', { size: 5 }).entry));
    expect(line.startsWith('{"type":"entry","path":"/caf\ufffd","raw":"L2NhZuk="')).toBe(true);
    expect(JSON.parse(line)).toMatchObject({ kind: 'file', mode: '0644', size: 5, mtime: '1700000000.123456789' });
    expect(pathFields(rawFromText('/é'))).toEqual({ path: '/é' });
  });

  it('is one line, whatever the name', () => {
    expect(encodeLine('entry', pathFields(rawFromText('/a\n\u2028b')))).not.toContain('\n');
  });

  it('carries the exact paths of a snapshot only where text would not do', () => {
    expect(encodeLine('snapshot', snapshotFields(snapshot('01KA8Y2Q7XAAAAAAAAAAAAAAAA')))).not.toContain('rawPaths');
    const fields = snapshotFields(snapshot('01KA8Y2Q7XAAAAAAAAAAAAAAAA', { paths: ['/\xff' as Raw] }));
    expect(fields.rawPaths).toEqual(['L/8=']);
  });
});

describe('a message', () => {
  it('is lower case, with its hint on a line of its own', () => {
    const error = new IcecoreError('user', 'x', 'Something went wrong', { hint: 'try again' });
    expect(failureLines(reportOf(error))).toEqual(['icecore: error: something went wrong', 'icecore: hint: try again']);
  });

  it('names the path of a problem, escaped', () => {
    const path = rawFromText('/a\nb');
    expect(problemLine({ severity: 'warning', code: 'vanished', message: 'vanished', path })).toBe(
      'icecore: warning: /a\\nb: vanished',
    );
  });

  it('asks for a report when the error is not one of ours', () => {
    expect(failureLines(reportOf(new TypeError('x is not a function')))[1]).toMatch(/report/);
  });
});

describe('the recovery kit', () => {
  const kit = { id: '0123', ageType: 'pq', hostKeyFile: '/home/eve/key' } as const;

  it('has a command that a shell takes as it is', () => {
    const command = (location: string) =>
      recoveryKitLines({ ...kit, location }).find((line) => line.startsWith('to restore'));
    expect(command('/mnt/backup')).toMatch(/ {2}icecore -r \/mnt\/backup restore latest --target DIR$/);
    expect(command('s3://b/p?endpoint=https://x&region=y')).toContain(
      "-r 's3://b/p?endpoint=https://x&region=y' restore",
    );
    expect(command("/mnt/eve's disk")).toContain("-r '/mnt/eve'\\''s disk' restore");
  });
});
