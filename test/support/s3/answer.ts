/** What a handler answers, before the transport sends it; and how XML answers and errors become one. */
import { Content } from './content.ts';
import type { S3Error } from './errors.ts';
import { writeXml, type XmlElement } from './xml.ts';

/** An answer. Header names in lower case; Content-Length is the transport's. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Content;
  /** The code, where it is an error. */
  readonly code?: string;
  /** The class that sets the request's price, where it is not STANDARD. */
  readonly storageClass?: string;
  /** The body is object data, which is billed when it leaves. */
  readonly isObject?: boolean;
  /** The answer to a HEAD: how long the body would be that is not sent. */
  readonly contentLength?: number;
}

/** Headers of which some may not be there. */
export type LooseHeaders = Readonly<Record<string, string | number | undefined>>;

/** Leaves out the headers that are not there. */
export function headersOf(loose: LooseHeaders): Record<string, string> {
  const entries = Object.entries(loose).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries.map(([name, value]) => [name, String(value)]));
}

/** An answer without a body. */
export function emptyAnswer(status: number, headers: LooseHeaders = {}): Answer {
  return { status, headers: headersOf(headers), body: new Content([]) };
}

/** An answer that is a document. */
export function xmlAnswer(root: string, content: string | readonly XmlElement[], headers: LooseHeaders = {}): Answer {
  return {
    status: 200,
    headers: { 'content-type': 'application/xml', ...headersOf(headers) },
    body: new Content([writeXml(root, content)]),
  };
}

/** The answer that an error is. A HEAD gets no body, as HTTP wants it. */
export function errorAnswer(error: S3Error, method: string, resource: string, requestId: string): Answer {
  const fields: XmlElement[] = Object.entries(error.fields);
  const elements: XmlElement[] = [
    ['Code', error.code],
    ['Message', error.message],
    ...fields,
    ['Resource', resource],
    ['RequestId', requestId],
    ['HostId', 'test'],
  ];
  const hasBody = method !== 'HEAD' && error.status !== 304;
  return {
    status: error.status,
    headers: { ...(hasBody ? { 'content-type': 'application/xml' } : {}), ...error.headers },
    body: new Content(hasBody ? [writeXml('Error', elements, false)] : []),
    code: error.code,
  };
}
