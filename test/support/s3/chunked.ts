/**
 * The `aws-chunked` framing of bodies (`STREAMING-…` in x-amz-content-sha256): takes it off, and verifies the signature
 * of every chunk and of the trailer. What the trailer says is left to payload.ts.
 */
import { createHmac } from 'node:crypto';
import { S3Error } from './errors.ts';
import { isSame, type Signed, sha256Hex } from './signature.ts';

/** A body without its framing. Trailer names in lower case. */
export interface Unframed {
  readonly chunks: readonly Buffer[];
  readonly trailer: ReadonlyMap<string, string>;
}

const EMPTY_HASH = sha256Hex('');
const MIN_CHUNK = 8192;

/** True for a body that comes in chunks of its own. */
export function isChunked(payloadHash: string): boolean {
  return payloadHash.startsWith('STREAMING-');
}

/**
 * Takes off the framing.
 * @throws IncompleteBody for a framing that is broken, SignatureDoesNotMatch for a chunk or trailer that is not as signed.
 */
export function unframe(body: Buffer, signed: Signed): Unframed {
  const { isSigned, hasTrailer } = modeOf(signed.payloadHash);
  const chunks: Buffer[] = [];
  let position = 0;
  let previous = signed.signature;
  const line = (): string => {
    const end = body.indexOf('\r\n', position);
    if (end < 0) throw incomplete('a line does not end');
    const text = body.toString('latin1', position, end);
    position = end + 2;
    return text;
  };
  for (;;) {
    const [, hexSize, signature] = /^([0-9a-fA-F]+)(?:;chunk-signature=([0-9a-f]{64}))?$/.exec(line()) ?? [];
    if (hexSize === undefined || (signature === undefined) === isSigned) throw incomplete('a chunk has no valid head');
    const size = Number.parseInt(hexSize, 16);
    const data = body.subarray(position, position + size);
    if (data.length !== size) throw incomplete('a chunk is cut short');
    if (isSigned) {
      const hashes = `${EMPTY_HASH}\n${sha256Hex(data)}`;
      previous = checkLink(signed, 'PAYLOAD', previous, hashes, signature!);
    }
    position += size;
    if (size === 0) break;
    if ((chunks.at(-1)?.length ?? MIN_CHUNK) < MIN_CHUNK) {
      throw new S3Error('InvalidChunkSizeError', { message: 'Only the last chunk may be smaller than 8 KiB' });
    }
    chunks.push(data);
    if (line() !== '') throw incomplete('a chunk does not end where it should');
  }
  const trailer = new Map<string, string>();
  let trailerSignature: string | undefined;
  for (let text = line(); text !== ''; text = line()) {
    const [, name, value] = /^([\w-]+):\s*(\S+)\s*$/.exec(text) ?? [];
    if (name === undefined || value === undefined || !hasTrailer) throw incomplete('the trailer is not valid');
    if (name.toLowerCase() === 'x-amz-trailer-signature') trailerSignature = value;
    else trailer.set(name.toLowerCase(), value);
    if (position === body.length) break;
  }
  if (isSigned && hasTrailer) {
    const text = [...trailer].map(([name, value]) => `${name}:${value}\n`).join('');
    checkLink(signed, 'TRAILER', previous, sha256Hex(text), trailerSignature ?? '');
  }
  return { chunks, trailer };
}

function modeOf(payloadHash: string): { isSigned: boolean; hasTrailer: boolean } {
  switch (payloadHash) {
    case 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD':
      return { isSigned: true, hasTrailer: false };
    case 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER':
      return { isSigned: true, hasTrailer: true };
    case 'STREAMING-UNSIGNED-PAYLOAD-TRAILER':
      return { isSigned: false, hasTrailer: true };
    default:
      throw new S3Error('InvalidArgument', { message: `x-amz-content-sha256 cannot be ${payloadHash}` });
  }
}

/** Verifies a link of the chain of signatures and returns it. */
function checkLink(signed: Signed, kind: string, previous: string, hashes: string, signature: string): string {
  const text = [`AWS4-HMAC-SHA256-${kind}`, signed.date, signed.scope, previous, hashes].join('\n');
  const expected = createHmac('sha256', signed.signingKey).update(text).digest('hex');
  if (!isSame(expected, signature)) {
    throw new S3Error('SignatureDoesNotMatch', { message: `The signature of a ${kind.toLowerCase()} is wrong` });
  }
  return expected;
}

function incomplete(what: string): S3Error {
  return new S3Error('IncompleteBody', { message: `The aws-chunked body is not whole: ${what}` });
}
