/** `icecore backup`: makes a snapshot of paths, of standard input, or of what a command prints. */
import { accessSync } from 'node:fs';
import { errnoOf } from '../base/errors.ts';
import type { Raw } from '../base/raw.ts';
import { parseSize } from '../base/units.ts';
import { backupSummary } from '../ui/summaries.ts';
import type { BackupOptions, ExcludeOptions } from '../work/backup.ts';
import type { Producer } from './backup-sources.ts';
import { objectTagOption, readBucketChoices, storageClassOption } from './bucket-options.ts';
import { defineCommand } from './command.ts';
import type { Context } from './context.ts';
import type { OptionSpec } from './option.ts';
import { resolveRaw } from './paths.ts';
import { packBytesOf } from './repository-options.ts';
import { usage, type Values } from './values.ts';

interface Options {
  readonly settings: Omit<BackupOptions, 'paths' | 'stream'>;
  readonly paths: readonly Raw[];
  readonly lists: readonly { readonly file: string; readonly separator: '\n' | '\0' }[];
  readonly stream?: { readonly name: Raw; readonly command: readonly string[] };
  readonly mayCreate: boolean;
}

const options: readonly OptionSpec[] = [
  { flags: '-n, --dry-run', help: 'write nothing; with -v, say of every path why it is in or out' },
  { flags: '--tag <tag>', help: 'tag the snapshot (repeatable)', isList: true },
  { flags: '--host <host>', help: 'record this host name' },
  { flags: '-e, --exclude <pattern>', help: 'leave out what matches, as in .gitignore (repeatable)', isList: true },
  { flags: '--exclude-file <file>', help: 'read patterns from a file (repeatable)', isList: true, complete: 'file' },
  {
    flags: '--ignore-file <name>',
    help: 'obey files of this name in every directory, as .gitignore (repeatable)',
    isList: true,
  },
  {
    flags: '--exclude-if-present <name>',
    help: 'leave out directories that hold such a file (repeatable)',
    isList: true,
  },
  { flags: '--exclude-caches', help: 'leave out directories tagged by a CACHEDIR.TAG' },
  { flags: '--exclude-larger-than <size>', help: 'leave out files larger than this' },
  { flags: '-x, --one-file-system', help: 'stay on the file systems of the given paths' },
  {
    flags: '--files-from <file>',
    help: 'read paths from a file, one a line; - is standard input (repeatable)',
    isList: true,
    complete: 'file',
  },
  {
    flags: '--files-from0 <file>',
    help: 'the same, each path ended by a NUL byte (repeatable)',
    isList: true,
    complete: 'file',
  },
  { flags: '-0, --null', help: 'take the paths in --files-from as ended by NUL bytes' },
  { flags: '--stdin-name <name>', help: 'store standard input, or the output of --stdin-command, as this file' },
  { flags: '--stdin-command', help: 'take the arguments as a command and store its output; no snapshot when it fails' },
  { flags: '-f, --force', help: 'read every file again' },
  { flags: '--ignore-ctime', help: 'do not take a new change time for a change' },
  { flags: '--ignore-inode', help: 'do not take a new inode number for a change' },
  { flags: '--with-atime', help: 'store access times' },
  { flags: '--allow-empty', help: 'go on when nothing is there although the last snapshot had files' },
  { flags: '--compression <level>', help: 'compress with this zstd level: 1 to 19' },
  storageClassOption,
  objectTagOption,
  { flags: '--workers <n>', help: 'use this many threads (one a core)' },
  { flags: '--init', help: 'create the default repository when none is configured' },
];

export const backup = defineCommand<Options>({
  name: 'backup',
  summary: 'make a snapshot of paths',
  arguments: [{ name: 'path', isOptional: true, isVariadic: true, complete: 'file' }],
  options,
  examples: [
    ['icecore backup ~/documents', 'back up a directory'],
    ["icecore backup / -x --exclude '*.tmp' --tag system", 'back up one file system'],
    ['icecore backup -nv ~ --ignore-file .gitignore', 'see what would be in and why'],
    ['find . -newer ref -print0 | icecore backup --files-from0 -', 'back up what another tool found'],
    ['icecore backup --stdin-name db.sql --stdin-command -- pg_dump -Fc db', 'back up a database dump'],
  ],
  parse(values, context) {
    const stream = readStream(values, context);
    const lists = [
      ...values.list('files-from').map((file) => ({ file, separator: values.flag('null') ? '\0' : '\n' }) as const),
      ...values.list('files-from0').map((file) => ({ file, separator: '\0' }) as const),
    ].map((list) => (list.file === '-' ? list : { ...list, file: context.absolute(list.file) }));
    if (values.flag('null') && values.list('files-from').length === 0) {
      throw usage('nothing-to-split', '-0 needs --files-from');
    }
    const paths = values.flag('stdin-command') ? [] : values.args.map((path) => readPath(path, context));
    if (stream !== undefined && paths.length + lists.length > 0) {
      throw usage(
        'stream-and-paths',
        'standard input and paths cannot go into one snapshot',
        'back them up one after the other',
      );
    }
    if (stream === undefined && paths.length + lists.length === 0) {
      throw usage('nothing-to-back-up', 'there is nothing to back up', 'name a path: icecore backup ~/documents');
    }
    return {
      settings: readSettings(values, context),
      paths,
      lists,
      ...(stream === undefined ? {} : { stream }),
      mayCreate: values.flag('init'),
    };
  },
  async run({ settings, paths, lists, stream, mayCreate }, context) {
    const { checkSources, readPathList } = await import('./backup-sources.ts');
    checkSources(paths);
    const listed = [...paths];
    for (const { file, separator } of lists) {
      const found = await readPathList(file, separator, context.io);
      if (found.length === 0)
        throw usage('empty-list', `there are no paths in ${file === '-' ? 'standard input' : file}`);
      checkSources(found);
      listed.push(...found);
    }
    if (!settings.dryRun) {
      const { ensureRepository } = await import('./default-repository.ts');
      await ensureRepository(context, mayCreate);
    }
    const { runBackup } = await context.io.verbs.backup();
    return await context.withRepository('write', async (repository) => {
      await context.showProgress();
      const source =
        stream === undefined ? {} : { stream: { name: stream.name, ...(await produce(stream.command, context)) } };
      const stats = await runBackup(
        repository,
        { ...settings, paths: listed, ...source },
        context.monitor,
        context.io.signal,
      );
      context.monitor.stop();
      if (!context.globals.isJson && !context.globals.isQuiet) {
        for (const line of backupSummary(stats, settings.dryRun, context.globals.isVerbose)) context.out.line(line);
      }
      const ending = stats.partial ? 'interrupted' : stats.errors > 0 ? 'incomplete' : 'done';
      return { summary: { ...stats, dryRun: settings.dryRun ? true : undefined }, ending };
    });
  },
});

async function produce(command: readonly string[], context: Context): Promise<Producer> {
  const { standardInput, startCommand } = await import('./backup-sources.ts');
  return command.length > 0 ? startCommand(command, context.io) : standardInput(context.io);
}

function readPath(path: string, context: Context): Raw {
  if (path === '-')
    throw usage('standard-input', "'-' is no path", 'use --stdin-name NAME for standard input, ./- for a file');
  if (path === '') throw usage('empty-path', 'a path is empty');
  return resolveRaw(context.io.cwd(), context.io.rawArgument(path));
}

function readStream(values: Values, context: Context): Options['stream'] {
  const name = values.text('stdin-name');
  const isCommand = values.flag('stdin-command');
  if (name === undefined) {
    if (!isCommand) return undefined;
    throw usage('stdin-name', '--stdin-command needs --stdin-name NAME, the name of the file in the snapshot');
  }
  const raw = context.io.rawArgument(name);
  if (raw.includes('/') || raw === '.' || raw === '..')
    throw usage('stdin-name', `${values.label('stdin-name')}: a name has no slash`);
  if (Buffer.byteLength(raw, 'latin1') > 255)
    throw usage('stdin-name', `${values.label('stdin-name')}: the name is too long`);
  if (isCommand && values.args.length === 0) {
    throw usage(
      'stdin-command',
      '--stdin-command needs a command',
      'icecore backup --stdin-name db.sql --stdin-command -- pg_dump db',
    );
  }
  return { name: raw, command: isCommand ? values.args : [] };
}

function readSettings(values: Values, context: Context): Options['settings'] {
  const compression = values.integer('compression', 1, 19);
  const workers = values.integer('workers', 1, 256);
  const { storageClass, objectTags } = readBucketChoices(values, context.configuredRepository());
  return {
    host: values.text('host') ?? context.io.host(),
    user: context.io.user(),
    tags: values.words('tag'),
    exclude: readExcludes(values, context),
    oneFileSystem: values.flag('one-file-system'),
    force: values.flag('force'),
    ignoreCtime: values.flag('ignore-ctime'),
    ignoreInode: values.flag('ignore-inode'),
    withAtime: values.flag('with-atime'),
    dryRun: values.flag('dry-run'),
    allowEmpty: values.flag('allow-empty'),
    ...(compression === undefined ? {} : { compression }),
    ...(storageClass === undefined ? {} : { storageClass, packBytes: packBytesOf(storageClass) }),
    ...(objectTags === undefined ? {} : { objectTags }),
    ...(workers === undefined ? {} : { workers }),
  };
}

function readExcludes(values: Values, context: Context): ExcludeOptions {
  const largerThan = values.parsed('exclude-larger-than', parseSize);
  const files = values.list('exclude-file').map((file) => context.absolute(file));
  for (const file of files) {
    try {
      accessSync(file);
    } catch (error) {
      const why = errnoOf(error) === 'ENOENT' ? 'there is no such file' : 'permission denied';
      throw usage('exclude-file', `${values.label('exclude-file')}: cannot read ${file}: ${why}`);
    }
  }
  const ignoreFileNames = values.list('ignore-file');
  const ifPresent = values.list('exclude-if-present');
  for (const name of [...ignoreFileNames, ...ifPresent]) {
    if (name.includes('/'))
      throw usage('bad-name', `'${name}' is a path; --ignore-file and --exclude-if-present take a name`);
  }
  return {
    patterns: values.list('exclude'),
    files,
    ignoreFileNames,
    ifPresent,
    caches: values.flag('exclude-caches'),
    ...(largerThan === undefined ? {} : { largerThan }),
  };
}
