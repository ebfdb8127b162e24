/** The list of parts that completes an upload: read, and held against the parts that are there. */
import { CHECKSUM_ALGORITHMS, type Checksum, checksumHeader, checksumOf, compositeOf } from './checksums.ts';
import type { Context } from './context.ts';
import { S3Error } from './errors.ts';
import type { Part, Upload } from './multipart.ts';
import { malformed, readXml, type XmlNode } from './xml.ts';

/** Every part but the last is at least so large. */
const MIN_PART_BYTES = 5 * 2 ** 20;

/**
 * The parts that a completion names, in order, and the checksum of the whole.
 * @throws MalformedXML, InvalidPartOrder, InvalidPart, EntityTooSmall, InvalidRequest, BadDigest
 */
export function completedParts(
  context: Context,
  upload: Upload,
  body: Buffer,
): { parts: readonly Part[]; checksum: Checksum | undefined } {
  const named = readXml(body, 'CompleteMultipartUpload').all('Part');
  if (named.length === 0 || named.length > context.world.quirks.maxParts) throw malformed();
  const numbers = named.map((part) => Number(part.get('PartNumber')));
  if (numbers.some((number) => !Number.isInteger(number) || number < 1)) throw malformed();
  if (numbers.some((number, i) => i > 0 && number <= numbers[i - 1]!)) {
    throw new S3Error('InvalidPartOrder', { message: 'The list of parts was not in ascending order.' });
  }
  const parts = named.map((node, i) => findPart(upload, node, numbers[i]!));
  checkSizes(parts);
  checkTotal(context, parts);
  return { parts, checksum: checksumOfParts(context, upload, named, parts) };
}

function findPart(upload: Upload, node: XmlNode, number: number): Part {
  const part = upload.parts.get(number);
  const etag = node.get('ETag')?.replace(/^"(.*)"$/, '$1');
  const algorithm = CHECKSUM_ALGORITHMS.find((candidate) => node.get(`Checksum${candidate}`) !== undefined);
  const checksum = algorithm && node.get(`Checksum${algorithm}`);
  const isChecksumRight =
    checksum === undefined || (algorithm === upload.checksumAlgorithm && checksum === part?.checksum);
  if (part !== undefined && part.etag === etag && isChecksumRight) return part;
  throw new S3Error('InvalidPart', {
    message: 'One or more of the specified parts could not be found, or is not as it was uploaded.',
    fields: { UploadId: upload.id, PartNumber: number, ETag: etag ?? '' },
  });
}

function checkSizes(parts: readonly Part[]): void {
  const small = parts.slice(0, -1).find(({ content }) => content.size < MIN_PART_BYTES);
  if (small === undefined) return;
  throw new S3Error('EntityTooSmall', {
    message: 'Your proposed upload is smaller than the minimum allowed size',
    fields: {
      ETag: small.etag,
      MinSizeAllowed: MIN_PART_BYTES,
      ProposedSize: small.content.size,
      PartNumber: small.number,
    },
  });
}

function checkTotal({ request }: Context, parts: readonly Part[]): void {
  const claimed = request.header('x-amz-mp-object-size');
  const size = parts.reduce((sum, { content }) => sum + content.size, 0);
  if (claimed === undefined || Number(claimed) === size) return;
  throw new S3Error('InvalidRequest', { message: 'The provided x-amz-mp-object-size does not match the parts' });
}

function checksumOfParts(
  { request }: Context,
  upload: Upload,
  named: readonly XmlNode[],
  parts: readonly Part[],
): Checksum | undefined {
  const { checksumAlgorithm: algorithm, checksumType: type } = upload;
  if (algorithm === undefined) return undefined;
  const isComposite = type === 'COMPOSITE';
  const missing = named.find((node) => node.get(`Checksum${algorithm}`) === undefined);
  if (isComposite && missing !== undefined) {
    throw new S3Error('InvalidRequest', {
      message:
        `The upload was created using a ${algorithm.toLowerCase()} checksum. The complete request must include the ` +
        `checksum for each part. It was missing for part ${missing.get('PartNumber')} in the request.`,
    });
  }
  // As documented: with checksums, parts are numbered from 1 without a gap, or the server has an internal error.
  if (isComposite && parts.some(({ number }, i) => number !== i + 1)) throw new S3Error('InternalError');
  const value = isComposite
    ? compositeOf(
        algorithm,
        parts.map(({ checksum }) => checksum!),
      )
    : checksumOf(
        algorithm,
        parts.flatMap(({ content }) => content.chunks),
      );
  const claimed = request.header(checksumHeader(algorithm));
  if (claimed !== undefined && claimed !== value && `${claimed}-${parts.length}` !== value) {
    throw new S3Error('BadDigest', {
      message: `The ${algorithm} you specified did not match the calculated checksum.`,
    });
  }
  return { algorithm, type, value };
}
