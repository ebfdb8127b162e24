/**
 * As much XML as S3 speaks: a writer for answers, and a strict reader for the small documents that requests carry. The
 * reader knows elements, text and the declaration; attributes are read over, and everything else (document types,
 * processing instructions, CDATA, comments within text) is refused as MalformedXML.
 */
import { S3Error } from './errors.ts';

/**
 * An element to be written: its name (with attributes behind it, as written) and what it holds. Undefined contents leave
 * the element out.
 */
export type XmlContent = string | number | boolean | undefined | readonly XmlElement[];
export type XmlElement = readonly [name: string, content: XmlContent];

const NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/';

/** Writes a document. Errors have no namespace; everything else has S3's. */
export function writeXml(root: string, content: string | readonly XmlElement[], hasNamespace = true): Buffer {
  const open = hasNamespace ? `${root} xmlns="${NAMESPACE}"` : root;
  return Buffer.from(
    `<?xml version="1.0" encoding="UTF-8"?>\n<${open}>${typeof content === 'string' ? escapeText(content) : render(content)}</${root}>`,
  );
}

function render(content: readonly XmlElement[]): string {
  let text = '';
  for (const [name, value] of content) {
    if (value === undefined) continue;
    const inner = typeof value === 'object' ? render(value) : escapeText(String(value));
    text += `<${name}>${inner}</${name.replace(/ [\s\S]*/, '')}>`;
  }
  return text;
}

/** Characters that text cannot hold, control characters included: as references, as S3 writes them. */
function escapeText(text: string): string {
  return text.replace(/[<>&"\u0000-\u001f\u007f]/g, (char) => {
    const named: Readonly<Record<string, string>> = { '<': '&lt;', '>': '&gt;', '&': '&amp;', '"': '&quot;' };
    return named[char] ?? `&#x${char.charCodeAt(0).toString(16)};`;
  });
}

/** An element that was read: either it has children or text. */
export class XmlNode {
  readonly name: string;
  readonly children: XmlNode[] = [];
  text = '';

  constructor(name: string) {
    this.name = name;
  }

  /** All children of a name. */
  all(name: string): readonly XmlNode[] {
    return this.children.filter((child) => child.name === name);
  }

  /** The text of the only child of a name, or undefined. @throws MalformedXML when there are several. */
  get(name: string): string | undefined {
    return this.child(name)?.text;
  }

  /** The only child of a name, or undefined. @throws MalformedXML when there are several. */
  child(name: string): XmlNode | undefined {
    const found = this.all(name);
    if (found.length > 1) throw malformed();
    return found[0];
  }
}

/** Makes the error for a body that is not what the operation takes. */
export function malformed(message?: string): S3Error {
  return new S3Error('MalformedXML', {
    message: message ?? 'The XML is not well-formed or not what this operation takes',
  });
}

/**
 * Reads a document.
 * @throws MalformedXML when it is not well-formed, or its root is not `root`.
 */
export function readXml(bytes: Uint8Array, root: string): XmlNode {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw malformed();
  }
  text = text.replace(/^\s*<\?xml[^>]*\?>/, '');
  const token = /<(\/?)([A-Za-z_][\w.:-]*)((?:\s+[\w.:-]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>|([^<]+)/y;
  const document = new XmlNode('');
  const open: XmlNode[] = [document];
  while (token.lastIndex < text.length) {
    const match = token.exec(text);
    if (match === null) throw malformed();
    const [, closing, name = '', attributes = '', selfClosing, characters] = match;
    const node = open.at(-1)!;
    if (characters !== undefined) {
      node.text += unescapeText(characters);
    } else if (closing) {
      if (attributes !== '' || selfClosing || open.length < 2 || node.name !== name) throw malformed();
      if (node.children.length > 0) node.text = strayText(node);
      open.pop();
    } else {
      const child = new XmlNode(name);
      node.children.push(child);
      if (!selfClosing) open.push(child);
    }
  }
  const [found] = document.children;
  if (open.length !== 1 || document.children.length !== 1 || found?.name !== root || document.text.trim() !== '') {
    throw malformed();
  }
  return found;
}

/** Between elements there is white space and nothing else. */
function strayText(node: XmlNode): string {
  if (node.text.trim() !== '') throw malformed();
  return '';
}

function unescapeText(text: string): string {
  const named: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };
  return text.replace(/&([^;&]*;?)/g, (_, reference: string) => {
    const body = /^(?:#x([0-9a-fA-F]{1,6})|#(\d{1,7})|(\w+));$/.exec(reference);
    const code =
      body?.[1] !== undefined ? Number.parseInt(body[1], 16) : body?.[2] !== undefined ? Number(body[2]) : -1;
    const char = code >= 0 && code <= 0x10ffff ? String.fromCodePoint(code) : named[body?.[3] ?? ''];
    if (char === undefined) throw malformed();
    return char;
  });
}
