/**
 * zstd by node:zlib, for frames of packs and for small objects. Owns: choosing between compressing and storing, and
 * refusing hostile frames before memory is given to them. Does not own the layout of frames; that is
 * format/zstd-frame.ts. Everything is synchronous, because it runs inside worker threads.
 */
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { damage } from '../base/errors.ts';
import { releaseMemory } from '../base/release.ts';
import {
  type FrameSpan,
  findFrames,
  frameAt,
  MAX_WINDOW_LENGTH,
  rawFrame,
  rawFrameLength,
} from '../format/zstd-frame.ts';

const WINDOW_LOG = 23;
/** From here on zstd would choose windows that readers refuse. */
const FIRST_LEVEL_OF_LARGE_WINDOWS = 20;
/** Content up to this length is compressed without a probe, which would cost as much. */
const PROBE_FROM = 65_536;
const PROBE_SAMPLES = 32;
const PROBE_SAMPLE_LENGTH = 1024;
/**
 * Samples must shrink by this share for the codec to be worth its time. zstd itself gives up on a block that gains less
 * than a 64th, so a run of text shorter than about a 16th of the content can go unseen, and repeats further apart than a
 * sample do: then the content is stored larger than it might be, and never wrong.
 */
const PROBE_GAIN = 0.005;
/** Large objects are lists of ids, which no level makes smaller: 3.24 MB of 6.5 MB at level 2, 3.37 MB at level 6. */
const OBJECT_LEVEL = 2;
/** What zstd's worst case has for short inputs on top of their length and a 256th of it. */
const WORST_CASE_EXTRA = 1024;

/**
 * Compresses content into one zstd frame that states the content size and has no checksum (what it is sealed in has
 * one). Content that does not compress, as samples across it show, is stored in raw blocks at the speed of a copy.
 * @param level 1 to 22, or negative for faster ones
 */
export function compressFrame(raw: Uint8Array, level: number): Uint8Array {
  if (raw.length >= PROBE_FROM && !seemsCompressible(raw)) return rawFrame(raw);
  const frame = compress(raw, level);
  return frame.length < rawFrameLength(raw.length) ? frame : rawFrame(raw);
}

/**
 * Decompresses exactly one zstd frame. Looks through headers of frame and blocks first: nothing is allocated for a
 * frame that is not alone, needs a window over 2^23, does not state its content size, states one over the limit, or one
 * that its blocks cannot hold.
 * @param limit.maxRawLength content bytes that are acceptable
 * @throws damage `zstd-truncated`, `zstd-malformed`, `zstd-window`, `zstd-too-long`, `zstd-damaged`
 */
export function decompressFrame(frame: Uint8Array, limit: { readonly maxRawLength: number }, object: string): Buffer {
  const span = frameAt(frame, 0, object);
  if (span.type !== 'zstd') throw damage('zstd-malformed', `${object}: is not a zstd frame`, { object });
  if (span.length !== frame.length) {
    throw damage('zstd-malformed', `${object}: has more than one zstd frame`, { object });
  }
  return decompress(frame, checkedContentSize(span, limit.maxRawLength, object), object);
}

/** Compresses a small object. */
export function compressAll(bytes: Uint8Array): Uint8Array {
  const frame = compress(bytes, OBJECT_LEVEL);
  return frame.length < rawFrameLength(bytes.length) ? frame : rawFrame(bytes);
}

/**
 * Decompresses all frames of a small object and passes over skippable ones. Checks all frames, as
 * {@link decompressFrame} does, before it decompresses the first.
 * @param maxRawLength content bytes of all frames together that are acceptable
 * @throws as {@link decompressFrame}
 */
export function decompressAll(bytes: Uint8Array, maxRawLength: number, object: string): Buffer {
  const pieces: { readonly frame: Uint8Array; readonly size: number }[] = [];
  let total = 0;
  for (const span of findFrames(bytes, object)) {
    if (span.type === 'skippable') continue;
    const size = checkedContentSize(span, maxRawLength - total, object);
    total += size;
    // A frame without content has none to add, but millions of them must not cost a call each.
    if (size > 0) pieces.push({ frame: bytes.subarray(span.offset, span.offset + span.length), size });
  }
  const contents = pieces.map(({ frame, size }) => decompress(frame, size, object));
  return contents.length === 1 ? contents[0]! : Buffer.concat(contents, total);
}

/** Compresses a few evenly spaced samples at the fastest level. */
function seemsCompressible(raw: Uint8Array): boolean {
  const samples = Buffer.allocUnsafe(PROBE_SAMPLES * PROBE_SAMPLE_LENGTH);
  const stride = Math.floor((raw.length - PROBE_SAMPLE_LENGTH) / (PROBE_SAMPLES - 1));
  for (let i = 0; i < PROBE_SAMPLES; i++) {
    samples.set(raw.subarray(i * stride, i * stride + PROBE_SAMPLE_LENGTH), i * PROBE_SAMPLE_LENGTH);
  }
  return compress(samples, 1).length < samples.length * (1 - PROBE_GAIN);
}

function compress(raw: Uint8Array, level: number): Buffer {
  const params: Record<number, number> = { [constants.ZSTD_c_compressionLevel]: level };
  if (level >= FIRST_LEVEL_OF_LARGE_WINDOWS) params[constants.ZSTD_c_windowLog] = WINDOW_LOG;
  // With room for the worst case zstd works from buffer to buffer, without a copy of the input in between: 5 to 9 %
  // faster, as long as the memory is given back at once and comes from the allocator warm.
  const chunkSize = raw.length + (raw.length >> 8) + WORST_CASE_EXTRA;
  const frame = zstdCompressSync(raw, { chunkSize, params });
  // What is returned is a view of that buffer: keep what is used of it, give back the rest.
  const kept = Buffer.allocUnsafeSlow(frame.length);
  frame.copy(kept);
  releaseMemory(frame);
  return kept;
}

function decompress(frame: Uint8Array, contentSize: number, object: string): Buffer {
  let content: Buffer;
  try {
    content = zstdDecompressSync(frame, {
      // One byte more than needed, else Node makes a second buffer to see that nothing follows.
      chunkSize: Math.max(64, contentSize + 1),
      maxOutputLength: Math.max(1, contentSize),
      params: { [constants.ZSTD_d_windowLogMax]: WINDOW_LOG },
    });
  } catch (cause) {
    throw damage('zstd-damaged', `${object}: cannot be decompressed`, { object, cause });
  }
  if (content.length !== contentSize) {
    throw damage('zstd-damaged', `${object}: decompresses to another length than it states`, { object });
  }
  return content;
}

function checkedContentSize(span: FrameSpan & { type: 'zstd' }, maxRawLength: number, object: string): number {
  const { contentSize, windowSize } = span.header;
  if (contentSize === undefined) {
    throw damage('zstd-malformed', `${object}: has a zstd frame that does not state its content size`, { object });
  }
  if (contentSize > maxRawLength) {
    throw damage('zstd-too-long', `${object}: has more content than is acceptable`, { object });
  }
  if (windowSize > MAX_WINDOW_LENGTH) {
    throw damage('zstd-window', `${object}: needs a zstd window over ${MAX_WINDOW_LENGTH} bytes`, { object });
  }
  if (contentSize > span.maxContentSize) {
    throw damage('zstd-malformed', `${object}: states more content than its blocks can hold`, { object });
  }
  return contentSize;
}
