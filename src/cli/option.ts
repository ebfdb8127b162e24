/** What can stand behind a command, as data: options and arguments, and what a shell offers for their values. */

/** What a shell offers for a value: words, or what the file system has. */
export type Completion = readonly string[] | 'file' | 'directory' | 'none';

/** An option. Its environment twin follows from its name and the command's (see values.ts). */
export interface OptionSpec {
  /** As `-r, --repository <url>`, `--exists-ok` or `--no-progress`. */
  readonly flags: string;
  /** Imperative, no full stop. */
  readonly help: string;
  /** May be given several times; the values add up. In the environment, one a line. */
  readonly isList?: boolean;
  /** The only values there are. */
  readonly choices?: readonly string[];
  readonly complete?: Completion;
  /** Another name for an option that is shown. */
  readonly isHidden?: boolean;
}

/** A positional argument: `<snapshot>`, `[path...]`. */
export interface ArgumentSpec {
  readonly name: string;
  readonly isOptional?: boolean;
  readonly isVariadic?: boolean;
  readonly choices?: readonly string[];
  readonly complete?: Completion;
}

/** The long name of an option without dashes: `repository`, `no-progress`. */
export function optionName(spec: OptionSpec): string {
  return /--([a-z0-9-]+)/.exec(spec.flags)![1]!;
}

/** The one-letter name, without its dash. */
export function optionLetter(spec: OptionSpec): string | undefined {
  return /^-([A-Za-z0-9]),/.exec(spec.flags)?.[1];
}

/** The name of the option's value (`url`), or undefined for a flag. */
export function optionValueName(spec: OptionSpec): string | undefined {
  return /<([^>]+)>/.exec(spec.flags)?.[1];
}
