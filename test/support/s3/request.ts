/**
 * A request to the test S3 server, taken apart: bucket and key out of path or host, query, headers. Reads no body and
 * checks no signature.
 */
import { S3Error } from './errors.ts';
import type { ServerQuirks } from './world.ts';

/** What comes over HTTP before any of it is understood. */
export interface RawRequest {
  readonly method: string;
  /** Path and query as sent. */
  readonly target: string;
  /** Names in lower case, in the order sent; a name may come several times. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** A request, taken apart. */
export class S3Request {
  readonly method: string;
  /** The path as sent. */
  readonly path: string;
  /** The query as sent, without the question mark. */
  readonly rawQuery: string;
  readonly query: ReadonlyMap<string, string>;
  readonly headers: RawRequest['headers'];
  readonly bucket: string | undefined;
  readonly key: string | undefined;
  /** The body, once it was read and its framing taken off. */
  body: readonly Buffer[] = [];

  /** @throws InvalidURI when path or query do not decode. */
  constructor(raw: RawRequest, domains: readonly string[], addressing: ServerQuirks['addressing']) {
    this.method = raw.method;
    this.headers = raw.headers;
    const mark = raw.target.indexOf('?');
    this.path = mark < 0 ? raw.target : raw.target.slice(0, mark);
    this.rawQuery = mark < 0 ? '' : raw.target.slice(mark + 1);
    this.query = new Map(queryItems(this.rawQuery));
    const hostBucket = bucketOfHost(this.header('host') ?? '', domains);
    if (hostBucket !== undefined && addressing !== 'path') {
      this.bucket = hostBucket;
      this.key = decode(this.path.slice(1)) || undefined;
      return;
    }
    const [, bucket = '', slash, key = ''] = /^\/([^/]*)(\/?)([\s\S]*)$/.exec(this.path) ?? [];
    this.bucket = decode(bucket) || undefined;
    this.key = slash && key !== '' ? decode(key) : undefined;
    if (addressing === 'virtual' && this.bucket !== undefined) {
      throw new S3Error('PermanentRedirect', { message: 'this store has no path-style addresses' });
    }
  }

  /** A header's value; several of one name are joined as HTTP joins them. */
  header(name: string): string | undefined {
    const values = this.headers.filter(([other]) => other === name).map(([, value]) => value);
    return values.length === 0 ? undefined : values.join(',');
  }

  /** Header names that start so, with values. */
  headersWith(prefix: string): ReadonlyMap<string, string> {
    const names = new Set(this.headers.map(([name]) => name).filter((name) => name.startsWith(prefix)));
    return new Map([...names].map((name) => [name, this.header(name)!]));
  }

  /**
   * A whole number from the query, or undefined where it is not given.
   * @throws InvalidArgument when it is none, or not within the bounds.
   */
  number(name: string, min: number, max: number): number | undefined {
    const text = this.query.get(name);
    if (text === undefined || text === '') return undefined;
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max) {
      throw new S3Error('InvalidArgument', {
        message: `${name} must be a whole number from ${min} to ${max}`,
        fields: { ArgumentName: name, ArgumentValue: text },
      });
    }
    return value;
  }
}

/** The items of a query string, decoded. */
export function queryItems(query: string): [name: string, value: string][] {
  if (query === '') return [];
  return query
    .split('&')
    .filter((item) => item !== '')
    .map((item) => {
      const equals = item.indexOf('=');
      const [name, value] = equals < 0 ? [item, ''] : [item.slice(0, equals), item.slice(equals + 1)];
      return [decode(name.replaceAll('+', ' ')), decode(value.replaceAll('+', ' '))];
    });
}

/** Undoes percent encoding. @throws InvalidURI when the bytes are no UTF-8. */
export function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new S3Error('InvalidURI', { message: 'the address does not decode' });
  }
}

/** Percent-encodes as SigV4 wants it: everything but letters, digits, `-`, `.`, `_`, `~` (and `/`, where asked). */
export function encode(text: string, keepsSlash = false): string {
  const strict = encodeURIComponent(text).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return keepsSlash ? strict.replaceAll('%2F', '/') : strict;
}

function bucketOfHost(host: string, domains: readonly string[]): string | undefined {
  const name = host.replace(/:\d+$/, '').toLowerCase();
  const domain = domains.find((candidate) => name.endsWith(`.${candidate}`));
  return domain === undefined ? undefined : name.slice(0, -domain.length - 1);
}
