/** `icecore key`: lists keys, tests them, and makes one for another host. */
import { rmSync, writeFileSync } from 'node:fs';
import { IcecoreError, messageOf } from '../base/errors.ts';
import type { Access } from '../repo/access.ts';
import { escapeText } from '../ui/escape.ts';
import { localTime } from '../ui/figures.ts';
import { renderTable } from '../ui/table.ts';
import { type CommandGroup, defineCommand } from './command.ts';
import { usage } from './values.ts';

const list = defineCommand<Record<string, never>>(
  {
    name: 'list',
    summary: 'list the keys of the repository',
    arguments: [],
    options: [],
    examples: [['icecore key list', 'see which hosts can back up']],
    parse: () => ({}),
    async run(_options, context) {
      const { listKeys } = await context.io.verbs.keys();
      return await context.withRepository('write', async (repository) => {
        const keys = await listKeys(repository);
        if (context.globals.isJson) {
          for (const key of keys) context.print('key', { ...key }, []);
        } else {
          const rows = keys.map((key) => [
            key.current ? '*' : '',
            key.id,
            key.role,
            escapeText(key.host ?? ''),
            key.added === undefined ? '' : localTime(Date.parse(key.added)),
          ]);
          const columns = [
            { title: '', optional: true },
            { title: 'id' },
            { title: 'role' },
            { title: 'host', optional: true },
            { title: 'added', optional: true },
          ];
          const heading = !context.globals.isQuiet;
          for (const line of renderTable(columns, rows, { heading, columns: context.out.columns }))
            context.out.line(line);
        }
        return { summary: { keys: keys.length } };
      });
    },
  },
  'key',
);

const test = defineCommand<{ readonly access: Access }>(
  {
    name: 'test',
    summary: 'prove that a key or passphrase opens what it should',
    details: [
      'Tests the passphrase, or the key of --key-file; with --access write, the key that this host backs up with',
    ],
    arguments: [],
    options: [
      {
        flags: '--access <access>',
        help: 'what the key must be able to do (read)',
        choices: ['write', 'read', 'admin'],
      },
    ],
    examples: [
      ['icecore key test', 'try the passphrase before it is needed'],
      ['icecore key test --key-file reader.age', 'try a key'],
    ],
    parse: (values) => ({ access: (values.text('access') as Access | undefined) ?? 'read' }),
    async run({ access }, context) {
      const { testKey } = await context.io.verbs.keys();
      return await context.withRepository(access, async (repository) => {
        const checks = await testKey(repository);
        const rows = checks.map(({ check, ok, detail }) => [
          ok ? 'ok' : 'failed',
          escapeText(check),
          escapeText(detail),
        ]);
        const lines = renderTable([{ title: '' }, { title: '' }, { title: '' }], rows, { heading: false });
        for (const [i, check] of checks.entries()) context.print('check', { ...check }, [lines[i]!]);
        const failed = checks.filter((check) => !check.ok);
        if (failed.length > 0) {
          throw new IcecoreError(
            'key',
            'key-test-failed',
            `the key does not open: ${failed.map((each) => each.check).join(', ')}`,
          );
        }
        return { summary: { role: repository.role, checks: checks.length } };
      });
    },
  },
  'key',
);

const exportWriter = defineCommand<{ readonly host: string; readonly output: string | undefined }>(
  {
    name: 'export-writer',
    summary: 'make a key with which another host can back up, and read nothing',
    details: [
      'Asks for the passphrase. Whoever has the key can write to the repository: bring it over a safe way, and delete this copy',
    ],
    arguments: [{ name: 'host' }],
    options: [
      {
        flags: '-o, --output <file>',
        help: 'write the key into this file, which must not be there yet',
        complete: 'file',
      },
    ],
    examples: [
      ['icecore key export-writer web1 -o web1.key', 'make a key for a host'],
      ['icecore key export-writer web1 | ssh web1 "umask 077; cat > web1.key"', 'send it there at once'],
    ],
    parse(values, context) {
      const host = values.args[0]!;
      if (!/^[\p{L}\p{N}._-]{1,255}$/u.test(host)) throw usage('bad-host', `'${host}' is no host name`);
      const output = values.text('output');
      if (output === undefined && (context.out.isTerminal || context.globals.isJson)) {
        throw usage(
          'no-output',
          'a key is not printed on a terminal, nor among JSON lines',
          'give --output FILE, or a pipe',
        );
      }
      return { host, output: output === undefined ? undefined : context.absolute(output) };
    },
    async run({ host, output }, context) {
      const { exportWriter: makeWriter } = await context.io.verbs.keys();
      // The file is claimed before a key exists that could not be written anywhere.
      if (output !== undefined) writeNew(output, new Uint8Array(0), 'wx');
      try {
        await context.withRepository('admin', async (repository) => {
          const bytes = await makeWriter(repository, host);
          if (output === undefined) await context.out.writeBytes(bytes);
          else writeNew(output, bytes, 'r+');
        });
      } catch (error) {
        if (output !== undefined) rmSync(output, { force: true });
        throw error;
      }
      if (output !== undefined) context.note(`the key of ${host} is in ${output}: use it there as --key-file`);
      return { summary: { host, file: output } };
    },
  },
  'key',
);

export const key: CommandGroup = {
  name: 'key',
  summary: 'list, test and export keys',
  commands: [list, test, exportWriter],
};

function writeNew(path: string, bytes: Uint8Array, flag: 'wx' | 'r+'): void {
  try {
    writeFileSync(path, bytes, { flag, mode: 0o600, flush: true });
  } catch (error) {
    throw new IcecoreError('user', 'output-failed', `cannot write ${path}: ${messageOf(error)}`, { cause: error });
  }
}
