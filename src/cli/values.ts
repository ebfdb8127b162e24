/**
 * The values of a command's options, wherever they come from: option > environment > the command's default. Owns the
 * names of the environment twins and the wording of complaints about values; does not know any option.
 *
 * Twins: `--repository` is `ICECORE_REPOSITORY`; an option of a command carries the command's name, `backup --tag` is
 * `ICECORE_BACKUP_TAG`, so that two commands never share one by accident. Lists take one value a line. An empty
 * variable counts as unset.
 */
import { IcecoreError, messageOf } from '../base/errors.ts';
import type { Environment } from './io.ts';
import { type OptionSpec, optionName, optionValueName } from './option.ts';

/** Where a value was found. */
export type Source = 'option' | 'environment';

interface Found {
  readonly texts: readonly string[];
  readonly source: Source;
  /** How a complaint names it: `--tag`, or the variable. */
  readonly label: string;
}

/** Makes the error for a command line that cannot be meant. */
export function usage(code: string, message: string, hint?: string): IcecoreError {
  return new IcecoreError('usage', code, message, hint === undefined ? {} : { hint });
}

/** The environment variable of an option; `path` is the command's (`['key', 'list']`), empty for a global option. */
export function twinOf(spec: OptionSpec, path: readonly string[]): string {
  return ['icecore', ...path, optionName(spec)].join('_').replaceAll('-', '_').toUpperCase();
}

/** Typed access to the values of options and arguments. Every reader throws kind `usage` for a value that is wrong. */
export class Values {
  /** The positional arguments, as typed. */
  readonly args: readonly string[];
  readonly #found = new Map<string, Found>();

  constructor(args: readonly string[]) {
    this.args = args;
  }

  /** Adds what the command line or the environment says of these options. */
  add(
    specs: readonly OptionSpec[],
    path: readonly string[],
    typed: ReadonlyMap<string, readonly string[]>,
    env: Environment,
  ): void {
    for (const spec of specs) {
      const name = optionName(spec);
      const given = typed.get(name);
      const twin = twinOf(spec, path);
      const variable = env[twin];
      if (given !== undefined) {
        this.#set(spec, name, { texts: given, source: 'option', label: `--${name}` });
      } else if (variable !== undefined && variable !== '') {
        const texts = spec.isList ? variable.split('\n').filter((line) => line !== '') : [variable];
        this.#set(spec, name, { texts, source: 'environment', label: twin });
      }
    }
  }

  /** Where the option's value is from, or undefined when it has none. */
  source(name: string): Source | undefined {
    return this.#found.get(name)?.source;
  }

  /** How a complaint names the option: `--tag`, or the variable that set it. */
  label(name: string): string {
    return this.#found.get(name)?.label ?? `--${name}`;
  }

  /** True for a flag that was given. */
  flag(name: string): boolean {
    const found = this.#found.get(name);
    return found !== undefined && found.texts.at(-1) !== 'false';
  }

  /** The value of an option that takes one; the last one counts. An empty one is refused. */
  text(name: string): string | undefined {
    const found = this.#found.get(name);
    if (found === undefined) return undefined;
    const text = found.texts.at(-1)!;
    if (text === '') throw usage('empty-value', `${found.label}: the value is empty`);
    return text;
  }

  /** All values of a list. */
  list(name: string): readonly string[] {
    const found = this.#found.get(name);
    if (found?.texts.includes('')) throw usage('empty-value', `${found.label}: the value is empty`);
    return found?.texts ?? [];
  }

  /** All values of a list whose members may also be joined by commas. */
  words(name: string): readonly string[] {
    const words = this.list(name).flatMap((text) => text.split(',').map((word) => word.trim()));
    if (words.includes('')) throw usage('empty-value', `${this.label(name)}: a value between commas is empty`);
    return [...new Set(words)];
  }

  /** Reads a value with a function whose errors say what is wrong with the text. */
  parsed<T>(name: string, read: (text: string) => T): T | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    try {
      return read(text);
    } catch (error) {
      const hint = error instanceof IcecoreError ? error.hint : undefined;
      throw usage('bad-value', `${this.label(name)}: ${messageOf(error)}`, hint);
    }
  }

  /** Reads a whole number from `min` to `max`. */
  integer(name: string, min: number, max: number): number | undefined {
    return this.parsed(name, (text) => {
      const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
      if (value >= min && value <= max) return value;
      throw usage('bad-value', `'${text}' is not a whole number from ${min} to ${max}`);
    });
  }

  #set(spec: OptionSpec, name: string, found: Found): void {
    if (optionValueName(spec) === undefined && found.source === 'environment') {
      this.#found.set(name, { ...found, texts: [String(readBoolean(found))] });
      return;
    }
    if (spec.choices !== undefined) {
      const wrong = found.texts.find((text) => !spec.choices!.includes(text));
      if (wrong !== undefined) {
        throw usage('bad-value', `${found.label}: '${wrong}' is none of ${spec.choices.join(', ')}`);
      }
    }
    this.#found.set(name, found);
  }
}

function readBoolean(found: Found): boolean {
  const text = found.texts[0]!.toLowerCase();
  if (['1', 'true', 'yes', 'on'].includes(text)) return true;
  if (['0', 'false', 'no', 'off'].includes(text)) return false;
  throw usage('bad-value', `${found.label}: '${text}' is neither yes nor no`);
}
