/**
 * Raw text: how names and paths, which are bytes, stand in JSON, which is text. Where the bytes are UTF-8 the text is
 * all there is. Where they are not, a second field holds them as base64, and the text beside it (with U+FFFD for what
 * is not UTF-8) is for people only: readers ignore it. Each value has one encoding: base64 of valid UTF-8 is refused.
 * The second field of a line's own name (`name`, `dir`, `first`) is `raw`; others are `rawTarget`, `rawHardlink`.
 */
import { fieldFailure, type JsonObject } from '../base/json.ts';
import { type Raw, rawFromBytes, rawFromText, rawToDisplay, rawToText } from '../base/raw.ts';

const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

/** Writes a text as a JSON string; most texts need no escape, and are not looked at twice. */
export function quoteText(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text);
}

/** Writes the field (or the two fields) of a raw string: `"name":"…"` or `"name":"…","raw":"…"`. */
export function encodeRawField(field: string, rawField: string, raw: Raw): string {
  if (PLAIN.test(raw)) return `"${field}":"${raw}"`;
  const text = rawToText(raw);
  if (text !== undefined) return `"${field}":${JSON.stringify(text)}`;
  const base64 = Buffer.from(raw, 'latin1').toString('base64');
  return `"${field}":${JSON.stringify(rawToDisplay(raw))},"${rawField}":"${base64}"`;
}

/**
 * Reads what {@link encodeRawField} wrote. The text is known to be well-formed Unicode (base/json.ts checks it).
 * @throws damage `json-field`
 */
export function decodeRawField(from: JsonObject, field: string, rawField: string, object: string): Raw {
  const text = from[field];
  if (typeof text !== 'string') throw fieldFailure(field, 'is not a string', object);
  const base64 = from[rawField];
  if (base64 === undefined) return rawFromText(text);
  return decodeRaw(base64, rawField, object);
}

/** A raw string as one JSON value: a string, or `{"raw": base64}` where it is not UTF-8. For lists of paths. */
export function encodeRawValue(raw: Raw): unknown {
  return rawToText(raw) ?? { raw: Buffer.from(raw, 'latin1').toString('base64') };
}

/**
 * Reads what {@link encodeRawValue} made; `field` names the list in errors.
 * @throws damage `json-field`
 */
export function decodeRawValue(value: unknown, field: string, object: string): Raw {
  if (typeof value === 'string') return rawFromText(value);
  if (typeof value !== 'object' || value === null || Object.keys(value).join() !== 'raw') {
    throw fieldFailure(field, 'holds something that is not a path', object);
  }
  return decodeRaw((value as { raw: unknown }).raw, field, object);
}

function decodeRaw(base64: unknown, field: string, object: string): Raw {
  if (typeof base64 !== 'string') throw fieldFailure(field, 'is not a string', object);
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.toString('base64') !== base64) throw fieldFailure(field, 'is not base64', object);
  const raw = rawFromBytes(bytes);
  if (rawToText(raw) !== undefined) throw fieldFailure(field, 'is UTF-8, and needs no base64', object);
  return raw;
}
