/**
 * The strict part under json.ts: bytes → text → one plain value, with everything refused that `JSON.parse` lets pass.
 * Owns the checks of encoding, nesting and keys. Does not know lines or fields; use json.ts.
 */
import { isUtf8 } from 'node:buffer';
import { damage, type IcecoreError } from './errors.ts';

/** Makes a damage error about a JSON text; `line` counts from 1. */
export function jsonFailure(code: string, problem: string, object: string, line?: number): IcecoreError {
  const place = line === undefined ? object : `${object}, line ${line}`;
  return damage(code, `${place}: ${problem}`, { object, ...(line === undefined ? {} : { data: { line } }) });
}

/**
 * Takes the source as text: bounded, valid UTF-8, well-formed.
 * @throws damage `json-too-long`, `json-encoding`
 */
export function decodeText(source: string | Uint8Array, maxLength: number, object: string): string {
  if (source.length > maxLength) throw jsonFailure('json-too-long', `is longer than ${maxLength} bytes`, object);
  if (typeof source === 'string') {
    if (!source.isWellFormed()) throw jsonFailure('json-encoding', 'is not well-formed Unicode', object);
    return source;
  }
  if (!isUtf8(source)) throw jsonFailure('json-encoding', 'is not UTF-8', object);
  return Buffer.from(source.buffer, source.byteOffset, source.byteLength).toString('utf8');
}

/**
 * Parses one value out of a text from {@link decodeText}.
 * @throws damage `json-too-deep`, `json-syntax`, `json-key`, `json-encoding`
 */
export function parseText(text: string, maxDepth: number, object: string, line?: number): unknown {
  // Before anything is built: 64 MiB of `[` would become gigabytes of arrays.
  const hasEscapes = checkDepth(text, maxDepth, object, line);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The cause is left out on purpose: its message quotes the text.
    throw jsonFailure('json-syntax', 'is not valid JSON', object, line);
  }
  // Only an escape can hide a key's spelling or a lone surrogate, so most texts need no second look.
  if (hasEscapes || text.includes('__proto__')) checkStrings(value, object, line);
  return value;
}

/** Bounds the nesting, and says whether the text has `\u` escapes. */
function checkDepth(text: string, maxDepth: number, object: string, line: number | undefined): boolean {
  let depth = 0;
  let inString = false;
  let hasEscapes = false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (inString) {
      if (c === 0x22) inString = false;
      else if (c === 0x5c) {
        i++;
        if (text.charCodeAt(i) === 0x75) hasEscapes = true;
      }
    } else if (c === 0x22) inString = true;
    else if (c === 0x5b || c === 0x7b) {
      if (++depth > maxDepth) throw jsonFailure('json-too-deep', `nests deeper than ${maxDepth}`, object, line);
    } else if (c === 0x5d || c === 0x7d) depth--;
  }
  return hasEscapes;
}

/** Refuses keys named `__proto__` and strings with lone surrogates. Recursion is bounded by the depth limit. */
function checkStrings(value: unknown, object: string, line: number | undefined): void {
  if (typeof value === 'string') {
    if (!value.isWellFormed()) throw jsonFailure('json-encoding', 'holds a lone surrogate', object, line);
  } else if (Array.isArray(value)) {
    for (const item of value) checkStrings(item, object, line);
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, item] of Object.entries(value)) {
      if (key === '__proto__') throw jsonFailure('json-key', 'has a key that is not allowed', object, line);
      checkStrings(key, object, line);
      checkStrings(item, object, line);
    }
  }
}
