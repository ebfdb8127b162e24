/**
 * Makes names and messages safe to print. File names are somebody else's bytes: an escape sequence in one could repaint
 * a terminal, and a bidirectional override could show another name than the one that is meant. Owns the set of
 * characters that never reach a terminal; does not own the exact forms (`--print0`, the `raw` field of JSON).
 */
import { isUtf8 } from 'node:buffer';
import { type Raw, rawToBytes, rawToText } from '../base/raw.ts';

/**
 * Controls (C0, DEL, C1), invisible and direction-changing characters, line and paragraph separators, tags, and lone
 * surrogates. The joiners U+200C and U+200D stay: scripts and emoji need them.
 */
const UNSAFE =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}\p{Cs}]/gu;
const UNSAFE_OR_BACKSLASH = new RegExp(`\\\\|${UNSAFE.source}`, 'gu');
const PLAIN = /^[\x20-\x5b\x5d-\x7e]*$/;

/**
 * Shows a name or path so that different bytes never look the same: unsafe characters, backslashes and bytes that are
 * not UTF-8 become `\n`, `\x1b`, `\u202e`, `\\`. Everything else is shown as it is.
 */
export function escapeName(raw: Raw): string {
  if (PLAIN.test(raw)) return raw;
  const text = rawToText(raw);
  if (text !== undefined) return text.replace(UNSAFE_OR_BACKSLASH, escapeCharacter);
  const bytes = rawToBytes(raw);
  let shown = '';
  for (let i = 0; i < bytes.length; ) {
    const length = sequenceLength(bytes[i]!);
    const sequence = bytes.subarray(i, i + length);
    if (sequence.length === length && isUtf8(sequence)) {
      shown += sequence.toString('utf8').replace(UNSAFE_OR_BACKSLASH, escapeCharacter);
      i += length;
    } else {
      shown += `\\x${hex(bytes[i]!, 2)}`;
      i++;
    }
  }
  return shown;
}

/** Makes a text (a message, a host name, a tag) safe to print on one line. Backslashes stay as they are. */
export function escapeText(text: string): string {
  return PLAIN.test(text) ? text : text.replace(UNSAFE, escapeCharacter);
}

function escapeCharacter(character: string): string {
  switch (character) {
    case '\\':
      return '\\\\';
    case '\n':
      return '\\n';
    case '\r':
      return '\\r';
    case '\t':
      return '\\t';
  }
  const code = character.codePointAt(0)!;
  if (code <= 0xff) return `\\x${hex(code, 2)}`;
  return code <= 0xffff ? `\\u${hex(code, 4)}` : `\\u{${hex(code, 1)}}`;
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}

function sequenceLength(lead: number): number {
  if (lead < 0xc0) return 1;
  if (lead < 0xe0) return 2;
  return lead < 0xf0 ? 3 : 4;
}
