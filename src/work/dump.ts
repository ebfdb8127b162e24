/**
 * Writes a file's content, or a directory as a tar archive, to a stream. Memory is bounded whatever is written: what is
 * read ahead (a few frames) and the frames that were used last.
 */
import { IcecoreError, isIcecoreError, messageOf, throwIfAborted } from '../base/errors.ts';
import type { Monitor } from '../base/monitor.ts';
import { dirnameRaw, type Raw, rawToDisplay } from '../base/raw.ts';
import type { Entry } from '../format/entry.ts';
import { ChunkReader } from '../repo/chunk-reader.ts';
import type { ManifestReader } from '../repo/manifest-reader.ts';
import type { Repository } from '../repo/repository.ts';
import { openManifest } from '../repo/snapshot-manifest.ts';
import type { ListedEntry } from './browse.ts';
import { damageReporter } from './damage-report.ts';
import { ArchiveWriter } from './dump-archive.ts';
import { readWhole } from './dump-content.ts';
import { archiveOrder } from './dump-order.ts';
import { DumpOutput } from './dump-output.ts';
import type { ByteSink, DumpOptions, DumpStats } from './dump-types.ts';
import { noSuchPath, withoutSlash } from './listing.ts';
import { isColdError } from './restore-gate.ts';

/** Frames kept: everything is read once and in order, so few are needed again. */
const CACHE_BYTES = 24 * 1_048_576;

/**
 * Writes what lies at a path. In an archive, files that cannot be read are reported to the monitor and counted, and the
 * archive stays valid (see dump-archive.ts); the content of a single file ends where it cannot be read, by an error.
 * @throws kind `user`: `no-such-path`, `no-content` (a link or a device, without `archive`); damage; what the sink throws
 */
export async function runDump(
  repo: Repository,
  options: DumpOptions,
  sink: ByteSink,
  monitor: Monitor,
  signal: AbortSignal,
): Promise<DumpStats> {
  throwIfAborted(signal);
  const { snapshot } = options;
  const chunks = new ChunkReader(repo, { cacheBytes: CACHE_BYTES });
  const manifest = await openManifest(repo, chunks, snapshot.id);
  const path = withoutSlash(options.path);
  const entry = path === '/' ? undefined : await manifest.find(path, signal);
  if (path !== '/' && !entry) throw noSuchPath(path, snapshot);
  const output = new DumpOutput(sink, monitor);
  if (entry && entry.type !== 'dir' && !options.archive) {
    await writeFile(await linkedEntry(manifest, entry, signal), path, chunks, output, signal);
  } else {
    const isTree = !entry || entry.type === 'dir';
    const root = isTree ? path : dirnameRaw(path);
    const archive = new ArchiveWriter({ manifest, chunks, root, isTree }, output, monitor, signal);
    const report = damageReporter(monitor);
    const onDamage = (error: IcecoreError): void => {
      output.countError();
      report(error);
    };
    await archive.addAll(first(entry && { path, entry }));
    if (isTree) {
      const part = { directory: path, recursive: true };
      await archive.addAll(archiveOrder(manifest.segments(part, { onDamage, signal }), path));
    }
    await archive.finish();
  }
  await output.flush();
  return output.stats;
}

async function writeFile(
  entry: Entry,
  path: Raw,
  chunks: ChunkReader,
  output: DumpOutput,
  signal: AbortSignal,
): Promise<void> {
  if (entry.type !== 'file') {
    const target = entry.target === undefined ? '' : ` to ${rawToDisplay(entry.target)}`;
    throw new IcecoreError('user', 'no-content', `${rawToDisplay(path)} is no file but a ${entry.type}${target}`, {
      hint: '--archive writes it as a tar archive',
    });
  }
  output.beginFile(path);
  try {
    for await (const bytes of readWhole(chunks, entry, signal)) {
      throwIfAborted(signal);
      await output.write(bytes);
    }
  } catch (error) {
    if (isColdError(error)) throw coldFile(path, error as IcecoreError);
    if (!isIcecoreError(error, 'damage')) throw error;
    await output.flush();
    const message = `${rawToDisplay(path)} cannot be read from byte ${output.stats.bytes} on: ${messageOf(error)}`;
    throw new IcecoreError('damage', error.code, message, {
      data: { ...error.data, offset: output.stats.bytes },
      cause: error,
    });
  }
}

/** Nothing is thawed without being asked for: what does that is the restore. */
function coldFile(path: Raw, { message, data, code }: IcecoreError): IcecoreError {
  return new IcecoreError('user', code, `${rawToDisplay(path)} cannot be read now: ${message}`, {
    hint: 'icecore restore thaws what it needs, and shows the price first',
    data,
  });
}

/** The entry that has the content: the first of a hard link group. */
async function linkedEntry(manifest: ManifestReader, entry: Entry, signal: AbortSignal): Promise<Entry> {
  if (entry.hardlink === undefined) return entry;
  return (await manifest.find(entry.hardlink, signal)) ?? entry;
}

async function* first(listed: ListedEntry | undefined): AsyncGenerator<ListedEntry> {
  if (listed) yield listed;
}
