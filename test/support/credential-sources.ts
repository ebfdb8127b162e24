/**
 * A server on loopback that plays every service from which the AWS SDK takes credentials (STS, SSO, the metadata of
 * containers and instances), each with a key of its own, and an empty bucket that remembers by which keys it was asked.
 */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

const EXPIRES = '2099-01-01T00:00:00Z';

/** A running server. */
export interface CredentialSources {
  readonly url: string;
  /** The access keys that signed requests for objects. */
  readonly keys: Set<string>;
  close(): Promise<void>;
}

/** Starts the server. */
export async function startCredentialSources(): Promise<CredentialSources> {
  const keys = new Set<string>();
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (data: Buffer) => (body += data.toString('utf8')));
    request.on('end', () => {
      const answer = answerTo(request, body, keys);
      response.writeHead(answer.status ?? 200, { 'content-type': answer.type ?? 'application/json' });
      response.end(request.method === 'HEAD' ? undefined : answer.text);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { url, keys, close };
}

interface Answered {
  readonly status?: number;
  readonly type?: string;
  readonly text: string;
}

function answerTo({ url = '/', method, headers }: IncomingMessage, body: string, keys: Set<string>): Answered {
  const action = new URLSearchParams(body).get('Action');
  if (action !== null) return { type: 'text/xml', text: rolesOf(action) };
  if (url.startsWith('/federation/credentials')) {
    if (headers['x-amz-sso_bearer_token'] !== 'sso-token') return { status: 401, text: '{}' };
    const roleCredentials = {
      accessKeyId: 'AKSSO',
      secretAccessKey: 's',
      sessionToken: 't',
      expiration: 4070908800000,
    };
    return { text: JSON.stringify({ roleCredentials }) };
  }
  if (url === '/container') {
    return headers.authorization === 'container-token' ? { text: keyText('AKCONTAINER') } : { status: 403, text: '{}' };
  }
  if (url === '/latest/api/token' && method === 'PUT') return { type: 'text/plain', text: 'imds-token' };
  if (url === '/latest/meta-data/iam/security-credentials/') return { type: 'text/plain', text: 'role' };
  if (url === '/latest/meta-data/iam/security-credentials/role') {
    return headers['x-aws-ec2-metadata-token'] === 'imds-token'
      ? { text: keyText('AKINSTANCE') }
      : { status: 401, text: '' };
  }
  const key = /Credential=([^/]+)\//.exec(headers.authorization ?? '')?.[1];
  if (key !== undefined) keys.add(key);
  return {
    status: key === undefined ? 403 : 404,
    type: 'application/xml',
    text: `<Error><Code>${key === undefined ? 'AccessDenied' : 'NoSuchKey'}</Code><Message>no</Message></Error>`,
  };
}

/** What STS says; the key tells which of its calls it was. */
function rolesOf(action: string): string {
  const key = action === 'AssumeRoleWithWebIdentity' ? 'AKWEB' : 'AKROLE';
  return `<${action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><${action}Result><Credentials>
    <AccessKeyId>${key}</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>
    <Expiration>${EXPIRES}</Expiration></Credentials></${action}Result></${action}Response>`;
}

/** What the metadata of containers and instances say. */
function keyText(key: string): string {
  return JSON.stringify({
    Code: 'Success',
    AccessKeyId: key,
    SecretAccessKey: 's',
    Token: 't',
    Expiration: EXPIRES,
  });
}
