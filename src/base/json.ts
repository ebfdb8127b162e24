/**
 * Strict JSON with limits, for everything that is read from a repository or a file that somebody else could have
 * written. Owns: text → plain values, and readers of fields that name the object and the field when one is wrong.
 * Does not own any schema; those are the format files. Limits are enforced before anything is built from the text.
 *
 * Stricter than `JSON.parse`: the bytes are valid UTF-8 without a byte order mark, nesting and length are bounded,
 * strings are well-formed Unicode, and no key is `__proto__`. Of duplicate keys the last one counts, as in `jq`.
 * No error carries any of the text: a bundle of secrets is read with this.
 */
import { damage, type IcecoreError } from './errors.ts';
import { decodeText, jsonFailure, parseText } from './json-text.ts';

/** An object out of {@link parseJson}. Look fields up with the readers below: inherited ones (`constructor`) are not fields. */
export type JsonObject = { readonly [field: string]: unknown };

/** What a text may be. Lengths are bytes for bytes and UTF-16 code units for strings. */
export interface JsonLimits {
  readonly maxLength: number;
  /** How deep arrays and objects may nest (default 16); a bare value has depth 0. */
  readonly maxDepth?: number;
}

/** What JSON lines may be: `maxLength` bounds all of them together. */
export interface JsonLinesLimits extends JsonLimits {
  readonly maxLineLength?: number;
  readonly maxLines?: number;
}

const DEFAULT_DEPTH = 16;

/**
 * Parses one JSON value; white space around and inside it is allowed.
 * @param object the name of the object the text is from, for errors
 * @throws damage `json-too-long`, `json-encoding`, `json-too-deep`, `json-syntax`, `json-key`
 */
export function parseJson(source: string | Uint8Array, limits: JsonLimits, object: string): unknown {
  return parseText(decodeText(source, limits.maxLength, object), limits.maxDepth ?? DEFAULT_DEPTH, object);
}

/**
 * Parses one JSON object.
 * @throws as {@link parseJson}, and damage `json-type` when the value is not an object
 */
export function parseJsonObject(source: string | Uint8Array, limits: JsonLimits, object: string): JsonObject {
  return expectObject(parseJson(source, limits, object), object);
}

/**
 * Parses JSON lines, lazily, in order: one value a line, every line ended by `\n`, no empty line. No bytes, no lines.
 * @throws as {@link parseJson}, when the line is reached; `data.line` counts from 1
 */
export function* parseJsonLines(
  source: string | Uint8Array,
  limits: JsonLinesLimits,
  object: string,
): Generator<unknown, void, undefined> {
  const text = decodeText(source, limits.maxLength, object);
  const maxDepth = limits.maxDepth ?? DEFAULT_DEPTH;
  const maxLineLength = limits.maxLineLength ?? limits.maxLength;
  const maxLines = limits.maxLines ?? Number.POSITIVE_INFINITY;
  let line = 0;
  for (let start = 0; start < text.length; ) {
    const end = text.indexOf('\n', start);
    line++;
    if (line > maxLines) throw jsonFailure('json-too-long', `has more than ${maxLines} lines`, object, line);
    if (end < 0) throw jsonFailure('json-syntax', 'ends in the middle of a line', object, line);
    if (end - start > maxLineLength) throw jsonFailure('json-too-long', 'has too long a line', object, line);
    yield parseText(text.slice(start, end), maxDepth, object, line);
    start = end + 1;
  }
}

/** Writes values as JSON lines, UTF-8, each ended by `\n`. */
export function encodeJsonLines(values: Iterable<unknown>): Buffer {
  let text = '';
  for (const value of values) text += `${JSON.stringify(value)}\n`;
  return Buffer.from(text, 'utf8');
}

/**
 * Takes a parsed value as an object (not null, not an array).
 * @throws damage `json-type`
 */
export function expectObject(value: unknown, object: string, what = 'value'): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw jsonFailure('json-type', `the ${what} is not a JSON object`, object);
  }
  return value as JsonObject;
}

/** True when the object itself has the field, whatever its value (null counts). */
export function hasField(from: JsonObject, field: string): boolean {
  return Object.hasOwn(from, field);
}

/**
 * Refuses fields that are not in the list.
 * @throws damage `json-field`
 */
export function refuseOtherFields(from: JsonObject, known: ReadonlySet<string>, object: string): void {
  for (const field of Object.keys(from)) {
    if (!known.has(field)) throw fieldFailure(field.slice(0, 40), 'is not known here', object);
  }
}

/**
 * Reads a string field of at most `maxLength` UTF-16 code units (default 65,536), optionally matching a pattern.
 * @throws damage `json-field`, as every reader below does for a field that is missing or not as described
 */
export function readString(
  from: JsonObject,
  field: string,
  object: string,
  options: { readonly maxLength?: number; readonly pattern?: RegExp } = {},
): string {
  const value = own(from, field, object);
  if (typeof value !== 'string') throw fieldFailure(field, 'is not a string', object);
  if (value.length > (options.maxLength ?? 65_536)) throw fieldFailure(field, 'is too long', object);
  if (options.pattern && !options.pattern.test(value)) throw fieldFailure(field, 'is not of the right form', object);
  return value;
}

/** Reads a string that is one of the given ones. */
export function readOneOf<T extends string>(from: JsonObject, field: string, choices: readonly T[], object: string): T {
  const value = own(from, field, object);
  const found = choices.find((choice) => choice === value);
  if (found === undefined) throw fieldFailure(field, `is none of ${choices.join(', ')}`, object);
  return found;
}

/** Reads a whole number from `min` to `max` (default 0 to 2^53 - 1). */
export function readInteger(
  from: JsonObject,
  field: string,
  object: string,
  min = 0,
  max: number = Number.MAX_SAFE_INTEGER,
): number {
  const value = own(from, field, object);
  if (!isIntegerIn(value, min, max)) throw fieldFailure(field, `is not a whole number from ${min} to ${max}`, object);
  return value + 0; // turns -0 into 0
}

/** Reads true or false. */
export function readBoolean(from: JsonObject, field: string, object: string): boolean {
  const value = own(from, field, object);
  if (typeof value !== 'boolean') throw fieldFailure(field, 'is not true or false', object);
  return value;
}

/** Reads an array of at most `maxItems` (default 1,000,000) items of any kind. */
export function readArray(from: JsonObject, field: string, object: string, maxItems = 1_000_000): readonly unknown[] {
  const value = own(from, field, object);
  if (!Array.isArray(value)) throw fieldFailure(field, 'is not an array', object);
  if (value.length > maxItems) throw fieldFailure(field, `has more than ${maxItems} items`, object);
  return value;
}

/** Reads an array of strings, each bounded and matched as {@link readString} does. */
export function readStrings(
  from: JsonObject,
  field: string,
  object: string,
  options: { readonly maxItems?: number; readonly maxLength?: number; readonly pattern?: RegExp } = {},
): readonly string[] {
  const items = readArray(from, field, object, options.maxItems);
  const maxLength = options.maxLength ?? 65_536;
  for (const item of items) {
    if (typeof item !== 'string') throw fieldFailure(field, 'holds something else than strings', object);
    if (item.length > maxLength) throw fieldFailure(field, 'holds too long a string', object);
    if (options.pattern && !options.pattern.test(item)) {
      throw fieldFailure(field, 'holds a string that is not of the right form', object);
    }
  }
  return items as readonly string[];
}

/** Reads an object. */
export function readObject(from: JsonObject, field: string, object: string): JsonObject {
  const value = own(from, field, object);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw fieldFailure(field, 'is not an object', object);
  }
  return value as JsonObject;
}

/** Reads canonical base64 (RFC 4648, padded, no white space) of at most `maxBytes` bytes (default 1 MiB). */
export function readBase64(from: JsonObject, field: string, object: string, maxBytes = 1_048_576): Buffer {
  const text = readString(from, field, object, { maxLength: Math.ceil(maxBytes / 3) * 4 });
  const bytes = Buffer.from(text, 'base64');
  // Node skips what it does not know; only a text that comes out again the same was base64.
  if (bytes.toString('base64') !== text) throw fieldFailure(field, 'is not base64', object);
  if (bytes.length > maxBytes) throw fieldFailure(field, 'is too long', object);
  return bytes;
}

/** Reads exactly `bytes` bytes written as lower-case hex digits, and returns the digits. */
export function readHex(from: JsonObject, field: string, bytes: number, object: string): string {
  const text = readString(from, field, object, { maxLength: bytes * 2 });
  if (text.length !== bytes * 2 || !/^[0-9a-f]*$/.test(text)) {
    throw fieldFailure(field, `is not ${bytes} bytes in hex`, object);
  }
  return text;
}

/**
 * Reads a field that may be absent: `readOptional(o, 'note', (f) => readString(o, f, object))`. A field that is there
 * and null is not absent.
 */
export function readOptional<T>(from: JsonObject, field: string, read: (field: string) => T): T | undefined {
  return Object.hasOwn(from, field) ? read(field) : undefined;
}

/** Reads a field that must be there and may be null. */
export function readNullable<T>(from: JsonObject, field: string, object: string, read: (field: string) => T): T | null {
  return own(from, field, object) === null ? null : read(field);
}

/** True for a whole number from `min` to `max`, both of them safe. */
export function isIntegerIn(value: unknown, min: number, max: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max;
}

/** Makes the damage error `json-field` that the readers make, for a rule of the caller's own. */
export function fieldFailure(field: string, problem: string, object: string): IcecoreError {
  return damage('json-field', `${object}: the field ${JSON.stringify(field)} ${problem}`, { object, data: { field } });
}

function own(from: JsonObject, field: string, object: string): unknown {
  if (!Object.hasOwn(from, field)) throw fieldFailure(field, 'is missing', object);
  return from[field];
}
