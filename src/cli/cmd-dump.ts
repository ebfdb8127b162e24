/** `icecore dump`: writes a file's content, or a directory as a tar archive, to standard output or into a file. */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { IcecoreError, messageOf } from '../base/errors.ts';
import type { Raw } from '../base/raw.ts';
import { formatBytes } from '../base/units.ts';
import type { SnapshotFilter } from '../work/browse.ts';
import type { ByteSink } from '../work/dump-types.ts';
import { defineCommand } from './command.ts';
import type { Context } from './context.ts';
import { filterOptions, readFilter } from './filters.ts';
import { parseSnapshotPath } from './paths.ts';
import { usage } from './values.ts';

interface Options {
  readonly snapshot: string;
  readonly path: Raw;
  readonly archive: boolean;
  /** Absolute; standard output when there is none. */
  readonly output: string | undefined;
  readonly filter: SnapshotFilter;
}

/** A sink that may be kept or thrown away in the end. */
interface OutputFile extends ByteSink {
  keep(): void;
  discard(): void;
}

export const dump = defineCommand<Options>({
  name: 'dump',
  summary: 'write a file, or a directory as a tar archive, to standard output',
  arguments: [{ name: 'snapshot:path' }],
  options: [
    { flags: '-o, --output <file>', help: 'write into this file, which must not be there yet', complete: 'file' },
    { flags: '-a, --archive', help: 'write a tar archive even for a single file' },
    ...filterOptions,
  ],
  examples: [
    ['icecore dump latest:/etc/hosts', 'print a file'],
    ['icecore dump latest:/home/anna | tar -tv', 'look into a directory'],
    ['icecore dump latest:/db.sql -o db.sql', 'get one file back'],
  ],
  parse(values, context) {
    const { snapshot, path } = parseSnapshotPath(context.io.rawArgument(values.args[0]!));
    if (path === undefined) {
      throw usage('no-path', 'which path of the snapshot is to be written', `icecore dump ${snapshot}:/etc/hosts`);
    }
    const output = values.text('output');
    if (output === undefined && context.globals.isJson) {
      throw usage(
        'json-and-content',
        'JSON lines and the content cannot both go to standard output',
        'give --output FILE',
      );
    }
    return {
      snapshot,
      path,
      archive: values.flag('archive'),
      output: output === undefined ? undefined : context.absolute(output),
      filter: readFilter(values, context),
    };
  },
  async run({ snapshot: spec, path, archive, output, filter }, context) {
    const { io } = context;
    const { resolveSnapshot } = await io.verbs.browse();
    const { runDump } = await io.verbs.dump();
    const file = output === undefined ? undefined : openOutput(output);
    try {
      const result = await context.withRepository('read', async (repository) => {
        const snapshot = await resolveSnapshot(repository, spec, filter);
        if (file !== undefined) await context.showProgress();
        const sink = file ?? standardOutput(context);
        const stats = await runDump(repository, { snapshot, path, archive }, sink, context.monitor, io.signal);
        const ending = stats.errors > 0 ? ('incomplete' as const) : ('done' as const);
        return { summary: { snapshot: snapshot.id, ...stats }, ending, bytes: stats.bytes };
      });
      file?.keep();
      if (output !== undefined) context.note(`${formatBytes(result.bytes)} written to ${output}`);
      return result;
    } catch (error) {
      file?.discard();
      // Whoever read our output has seen enough.
      if (context.out.isBroken && file === undefined) return { summary: {} };
      throw error;
    }
  },
});

function standardOutput(context: Context): ByteSink {
  let isFirst = true;
  return {
    async write(bytes) {
      if (isFirst && context.out.isTerminal && bytes.includes(0)) {
        throw usage(
          'binary-output',
          'this is no text, and would confuse the terminal',
          'send it into a pipe, or use --output FILE',
        );
      }
      isFirst = false;
      await context.out.writeBytes(bytes);
      if (context.out.isBroken) throw new IcecoreError('cancelled', 'broken-pipe', 'the reader of the output has gone');
    },
  };
}

/** Writes under another name first, so that the file never holds a part. */
function openOutput(path: string): OutputFile {
  const failed = (error: unknown) =>
    new IcecoreError('user', 'output-failed', `cannot write ${path}: ${messageOf(error)}`, { cause: error });
  let reserved: number;
  try {
    reserved = openSync(path, 'wx', 0o600);
  } catch (error) {
    throw failed(error);
  }
  closeSync(reserved);
  const temp = join(dirname(path), `.ic-${process.pid}-${Date.now().toString(36)}`);
  const file = openSync(temp, 'wx', 0o600);
  return {
    async write(bytes) {
      try {
        for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done, bytes.length - done);
      } catch (error) {
        throw failed(error);
      }
    },
    keep() {
      fsyncSync(file);
      closeSync(file);
      renameSync(temp, path);
    },
    discard() {
      closeSync(file);
      rmSync(temp, { force: true });
      rmSync(path, { force: true });
    },
  };
}
