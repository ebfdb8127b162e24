/**
 * File names and paths as raw bytes. POSIX names are bytes, not text; a JavaScript string made by the UTF-8 decoder
 * loses those that are not UTF-8. A raw string holds one byte per code unit (what Node calls `latin1`): it is as small
 * as the bytes, compares with `<` in byte order, and is identical to the text for ASCII.
 */

/** A path or name, one byte per code unit (0 to 255). */
export type Raw = string & { readonly __raw: true };

const ASCII = /^[\x00-\x7f]*$/;

/** Takes the bytes of a name. */
export function rawFromBytes(bytes: Uint8Array): Raw {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1') as Raw;
}

/** Takes a text, as UTF-8. */
export function rawFromText(text: string): Raw {
  return (ASCII.test(text) ? text : Buffer.from(text, 'utf8').toString('latin1')) as Raw;
}

/** Gives the bytes back. */
export function rawToBytes(raw: Raw): Buffer {
  return Buffer.from(raw, 'latin1');
}

/** The text of a raw string, or undefined where it is not valid UTF-8. */
export function rawToText(raw: Raw): string | undefined {
  if (ASCII.test(raw)) return raw;
  const bytes = Buffer.from(raw, 'latin1');
  const text = bytes.toString('utf8');
  return Buffer.from(text, 'utf8').equals(bytes) ? text : undefined;
}

/** A text for people: invalid bytes become U+FFFD. Control characters are not escaped here (ui/ does). */
export function rawToDisplay(raw: Raw): string {
  return ASCII.test(raw) ? raw : Buffer.from(raw, 'latin1').toString('utf8');
}

/** What Node's fs takes for this path: the string itself where it is ASCII (faster), else its bytes. */
export function rawToFsPath(raw: Raw): string | Buffer {
  return ASCII.test(raw) ? raw : Buffer.from(raw, 'latin1');
}

/** Joins a directory and a name with one slash. */
export function joinRaw(directory: Raw, name: Raw): Raw {
  return (directory.endsWith('/') ? directory + name : `${directory}/${name}`) as Raw;
}

/** The directory part of an absolute path: `/a/b` → `/a`, `/a` → `/`. */
export function dirnameRaw(path: Raw): Raw {
  const slash = path.lastIndexOf('/');
  return (slash <= 0 ? '/' : path.slice(0, slash)) as Raw;
}

/** The last component of a path: `/a/b` → `b`, `/` → ``. */
export function basenameRaw(path: Raw): Raw {
  return path.slice(path.lastIndexOf('/') + 1) as Raw;
}

/**
 * Compares two directory paths component by component, bytes within a component: the order of a manifest and of a
 * depth-first walk. (`/a/b` < `/a-b`, although `-` < `/`: the separator sorts before every byte.)
 */
export function comparePaths(a: Raw, b: Raw): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    if (x === 0x2f) return -1;
    if (y === 0x2f) return 1;
    return x - y;
  }
  return a.length - b.length;
}
