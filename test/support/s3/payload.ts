/**
 * The body of a request against all that its headers say of it: x-amz-content-sha256, length, Content-MD5 and
 * x-amz-checksum-*. Refuses it as S3 does; what it is for is not known here.
 */
import { createHash } from 'node:crypto';
import { CHECKSUM_ALGORITHMS, type Checksum, checksumHeader, checksumLength, checksumOf } from './checksums.ts';
import { isChunked, unframe } from './chunked.ts';
import { Content } from './content.ts';
import { S3Error } from './errors.ts';
import type { S3Request } from './request.ts';
import type { Signed } from './signature.ts';
import type { ServerQuirks } from './world.ts';

/** A body that is what its headers say. */
export interface Payload {
  readonly content: Content;
  /** The checksum that came with it, verified. */
  readonly checksum: Checksum | undefined;
  readonly hasContentMd5: boolean;
}

/** How checksum headers are taken. */
export interface PayloadRules {
  readonly checksums: ServerQuirks['checksums'];
  /** x-amz-checksum-* is that of the body. Not so on a completion, where it is the object's. */
  readonly isChecksumOfBody: boolean;
}

const HEX_HASH = /^[0-9a-f]{64}$/;

/** Verifies a body. @throws S3Error as S3 would answer. */
export function checkPayload(request: S3Request, body: Content, signed: Signed, rules: PayloadRules): Payload {
  if (rules.checksums === 'refused') refuseChecksums(request);
  const { content, trailer } = contentOf(body, request, signed);
  const hash = new LazyHash(content);
  const { payloadHash } = signed;
  if (HEX_HASH.test(payloadHash) && hash.hex() !== payloadHash) {
    throw new S3Error('XAmzContentSHA256Mismatch', {
      message: "The provided 'x-amz-content-sha256' header does not match what was computed",
      fields: { ClientComputedContentSHA256: payloadHash, S3ComputedContentSHA256: hash.hex() },
    });
  }
  const md5 = request.header('content-md5');
  if (md5 !== undefined) checkMd5(md5, content);
  const isChecked = rules.isChecksumOfBody && rules.checksums === 'kept';
  const checksum = isChecked ? claimedChecksum(request, trailer) : undefined;
  if (checksum !== undefined) {
    const { algorithm, value } = checksum;
    const actual = algorithm === 'SHA256' ? hash.base64() : checksumOf(algorithm, content.chunks);
    if (actual !== value) {
      throw new S3Error('BadDigest', { message: `The ${algorithm} you specified did not match what was calculated` });
    }
  }
  return { content, checksum, hasContentMd5: md5 !== undefined };
}

/** A SHA-256 that is computed when it is first asked for, and once. */
class LazyHash {
  readonly #content: Content;
  #digest: Buffer | undefined;

  constructor(content: Content) {
    this.#content = content;
  }

  hex(): string {
    return this.#get().toString('hex');
  }

  base64(): string {
    return this.#get().toString('base64');
  }

  #get(): Buffer {
    this.#digest ??= hashOf('sha256', this.#content);
    return this.#digest;
  }
}

function hashOf(algorithm: string, content: Content): Buffer {
  const hash = createHash(algorithm);
  for (const chunk of content.chunks) hash.update(chunk);
  return hash.digest();
}

function contentOf(
  body: Content,
  request: S3Request,
  signed: Signed,
): { content: Content; trailer: ReadonlyMap<string, string> } {
  const { payloadHash } = signed;
  if (!isChunked(payloadHash)) {
    if (payloadHash !== 'UNSIGNED-PAYLOAD' && !HEX_HASH.test(payloadHash)) {
      throw new S3Error('InvalidArgument', {
        message: 'x-amz-content-sha256 must be UNSIGNED-PAYLOAD, one of the STREAMING- values, or a SHA-256 in hex',
      });
    }
    return { content: body, trailer: new Map() };
  }
  const length = request.header('x-amz-decoded-content-length');
  if (length === undefined) throw new S3Error('MissingContentLength', { message: 'x-amz-decoded-content-length' });
  const { chunks, trailer } = unframe(body.bytes(), signed);
  const content = new Content(chunks);
  if (content.size !== Number(length)) {
    throw new S3Error('IncompleteBody', { message: 'The body is not as long as x-amz-decoded-content-length says' });
  }
  const promised = request.header('x-amz-trailer')?.toLowerCase();
  if (promised !== undefined && !trailer.has(promised)) {
    throw new S3Error('IncompleteBody', { message: `The trailer ${promised} is missing` });
  }
  return { content, trailer };
}

function refuseChecksums(request: S3Request): void {
  const name = [...request.headersWith('x-amz-').keys()].find(
    (header) =>
      (header.startsWith('x-amz-checksum-') && header !== 'x-amz-checksum-mode') ||
      /checksum-algorithm$|^x-amz-trailer$/.test(header),
  );
  if (name === undefined) return;
  throw new S3Error('InvalidArgument', { message: `Unsupported header '${name}' received for this API call` });
}

function checkMd5(header: string, content: Content): void {
  if (Buffer.from(header, 'base64').length !== 16) {
    throw new S3Error('InvalidDigest', { message: 'The Content-MD5 you specified is not valid' });
  }
  const actual = hashOf('md5', content).toString('base64');
  if (actual === header) return;
  throw new S3Error('BadDigest', {
    message: 'The Content-MD5 you specified did not match what was received',
    fields: { ExpectedDigest: header, CalculatedDigest: actual },
  });
}

/** The checksum that headers or trailer claim for the body. At most one may come. */
function claimedChecksum(request: S3Request, trailer: ReadonlyMap<string, string>): Checksum | undefined {
  const found = CHECKSUM_ALGORITHMS.flatMap((algorithm) => {
    const name = checksumHeader(algorithm);
    const value = request.header(name) ?? trailer.get(name);
    return value === undefined ? [] : [{ algorithm, value, type: 'FULL_OBJECT' } as const];
  });
  const [first] = found;
  if (found.length > 1) {
    throw new S3Error('InvalidRequest', { message: 'Expecting a single x-amz-checksum- header' });
  }
  const announced = request.header('x-amz-sdk-checksum-algorithm');
  if (announced !== undefined && first?.algorithm !== announced.toUpperCase()) {
    throw new S3Error('InvalidRequest', {
      message: 'x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer header',
    });
  }
  if (first !== undefined && Buffer.from(first.value, 'base64').length !== checksumLength(first.algorithm)) {
    throw new S3Error('InvalidRequest', {
      message: `Value for ${checksumHeader(first.algorithm)} header is invalid.`,
    });
  }
  return first;
}
