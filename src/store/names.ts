/**
 * Object names and byte ranges: what every store accepts and what it refuses before it touches anything.
 * Which names a repository really uses is settled by format/layout.ts, not here.
 */
import { bug, IcecoreError } from '../base/errors.ts';
import type { ByteRange } from './store.ts';

/** The folder that a directory store keeps for unfinished files; no object lives below it, on any store. */
export const RESERVED_FOLDER = 'tmp';

const COMPONENT = /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/;
/** A file name has at most 255 bytes on the usual file systems, a key 1,024 on S3. */
const COMPONENT_BYTES = 255;
const NAME_BYTES = 1024;

/** True for one component of an object name: `[A-Za-z0-9._-]`, not starting with a dot, at most 255 bytes. */
export function isNameComponent(component: string): boolean {
  return component.length <= COMPONENT_BYTES && COMPONENT.test(component);
}

/** True for a name that every store accepts: components joined by `/`, at most 1,024 bytes, not below `tmp/`. */
export function isObjectName(name: string): boolean {
  if (name.length > NAME_BYTES) return false;
  const components = name.split('/');
  return components[0] !== RESERVED_FOLDER && components.every(isNameComponent);
}

/**
 * Refuses a name outside the grammar.
 * @throws kind `store`, code `name-refused`.
 */
export function checkName(name: string): void {
  if (!isObjectName(name)) throw refused('object name', name);
}

/**
 * Refuses a listing prefix that is not the beginning of some name. The empty prefix lists everything.
 * @throws kind `store`, code `name-refused`.
 */
export function checkPrefix(prefix: string): void {
  const components = prefix.split('/');
  const last = components.pop()!;
  const isWhole = components.every(isNameComponent) && components[0] !== RESERVED_FOLDER;
  if (!isWhole || prefix.length > NAME_BYTES || (last !== '' && !isNameComponent(last))) {
    throw refused('prefix', prefix);
  }
}

/**
 * Turns a range into positions within an object of `size` bytes: 0 ≤ start ≤ end ≤ size. What lies outside the object
 * is cut off, so a range past the end is empty, and `offset: -100` of a 40-byte object is all of it.
 * @throws kind `bug` when the range is not made of integers, or has a length with a negative offset.
 */
export function resolveRange(size: number, range: ByteRange | undefined): { start: number; end: number } {
  if (range === undefined) return { start: 0, end: size };
  const { offset, length } = range;
  const isValid =
    Number.isSafeInteger(offset) &&
    (length === undefined || (Number.isSafeInteger(length) && length >= 0 && offset >= 0));
  if (!isValid) throw bug(`a byte range of offset ${offset} and length ${length} makes no sense`);
  const start = offset < 0 ? Math.max(0, size + offset) : Math.min(offset, size);
  return { start, end: length === undefined ? size : Math.min(start + length, size) };
}

function refused(what: string, text: string): IcecoreError {
  const shown = JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
  return new IcecoreError('store', 'name-refused', `${shown} is no ${what} that a store accepts`);
}
