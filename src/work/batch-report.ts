/**
 * Reads the completion reports of S3 Batch Operations that computed checksums: which object had which SHA-256 where it
 * lies. The reports are somebody else's texts, so that whatever is not understood proves nothing.
 *
 * Source: S3 User Guide, "Examples: S3 Batch Operations completion reports" (CSV: bucket, key, version, status, error,
 * HTTP status, message), "Compute checksums" (the message is JSON that has the checksum).
 */
import { createReadStream, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { IcecoreError, messageOf } from '../base/errors.ts';
import type { Bucket } from '../store/bucket.ts';

/** What a report says of one object. */
export interface ReportedObject {
  /** Relative to the repository. */
  readonly name: string;
  /** `sha256:` and base64, of the whole object; absent when it could not be computed. */
  readonly checksum?: string;
}

const HEX = /"checksum_?hex"\s*:\s*"([0-9A-Fa-f]{64})"/i;
const BASE64 = /"checksum_?base64"\s*:\s*"([A-Za-z0-9+/]{43}=)"/i;
const ALGORITHM = /"checksum_?algorithm"\s*:\s*"([^"]*)"/i;
const TYPE = /"checksum_?type"\s*:\s*"([^"]*)"/i;

/**
 * Reads reports of a bucket's repository, file by file; other buckets and other keys in them are passed over.
 * @param paths files, or folders in which all files that end in .csv are read
 * @throws kind `user`, `audit-report` when a file cannot be read, or there is none
 */
export async function* readReports(
  paths: readonly string[],
  { name: bucket, keyPrefix }: Pick<Bucket, 'name' | 'keyPrefix'>,
): AsyncGenerator<ReportedObject> {
  const files = paths.flatMap(filesOf);
  if (files.length === 0) throw failure(`there is no report in ${paths.join(', ')}`);
  for (const file of files) {
    const lines = createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY });
    try {
      for await (const line of lines) {
        const fields = splitLine(line);
        const key = decodeKey(fields[1] ?? '');
        if (fields[0] !== bucket || !key.startsWith(keyPrefix)) continue;
        const checksum = fields[3]?.toLowerCase() === 'succeeded' ? checksumOf(fields.at(-1)!) : undefined;
        yield { name: key.slice(keyPrefix.length), ...(checksum === undefined ? {} : { checksum }) };
      }
    } catch (error) {
      throw failure(`cannot read the report ${file}: ${messageOf(error)}`, error);
    }
  }
}

/** The SHA-256 of the whole object that a message names. */
function checksumOf(message: string): string | undefined {
  if (!/^sha-?256$/i.test(ALGORITHM.exec(message)?.[1] ?? 'sha256')) return undefined;
  if (!/^full_object$/i.test(TYPE.exec(message)?.[1] ?? 'full_object')) return undefined;
  const hex = HEX.exec(message)?.[1];
  const base64 = hex === undefined ? BASE64.exec(message)?.[1] : Buffer.from(hex, 'hex').toString('base64');
  return base64 === undefined ? undefined : `sha256:${base64}`;
}

/** Splits a line of CSV; a field in quotes may hold commas, and quotes as two. */
function splitLine(line: string): string[] {
  const fields: string[] = [];
  for (const [, quoted, plain] of line.matchAll(/(?<=^|,)\s*(?:"((?:[^"]|"")*)"|([^,]*))/g)) {
    fields.push(quoted === undefined ? (plain ?? '').trim() : quoted.replaceAll('""', '"'));
  }
  return fields;
}

/** Keys are URL-encoded as in the manifest. One that is not is taken as it is. */
function decodeKey(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}

function filesOf(path: string): string[] {
  try {
    if (!statSync(path).isDirectory()) return [path];
    const entries = readdirSync(path, { recursive: true, encoding: 'utf8' });
    return entries.filter((name) => name.endsWith('.csv') && name !== 'manifest.csv').map((name) => join(path, name));
  } catch (error) {
    throw failure(`cannot read the report ${path}: ${messageOf(error)}`, error);
  }
}

function failure(message: string, cause?: unknown): IcecoreError {
  return new IcecoreError('user', 'audit-report', message, {
    hint: 'give the folder that the reports of the job were copied to: aws s3 cp --recursive s3://BUCKET/icecore-batch/… DIR',
    cause,
  });
}
