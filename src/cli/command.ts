/**
 * What a command is: names, options, help and examples as data, a pure `parse` and a `run`. The same definitions drive
 * parsing (program.ts), help (help.ts) and completions (completions.ts).
 */
import type { Fields } from '../ui/json-lines.ts';
import type { Context } from './context.ts';
import type { Values } from './values.ts';

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

/** How a command ended when it did not throw. `main` turns it, and the problems that were counted, into the exit code. */
export type Ending = 'done' | 'incomplete' | 'damaged' | 'interrupted';

export interface Result {
  /** The fields of the JSON summary. */
  readonly summary: Fields;
  /** Default `done`. */
  readonly ending?: Ending;
}

export interface CommandSpec<Options> {
  readonly name: string;
  /** One line for the list of commands: imperative, no full stop. */
  readonly summary: string;
  /** Paragraphs for the command's own help. */
  readonly details?: readonly string[];
  readonly arguments: readonly ArgumentSpec[];
  readonly options: readonly OptionSpec[];
  /** Command lines and what they do. */
  readonly examples: readonly (readonly [line: string, meaning: string])[];
  /**
   * Turns what was typed into options. Opens no repository.
   * @throws kind `usage`, or `user` when something that was named is not there
   */
  parse(values: Values, context: Context): Options;
  run(options: Options, context: Context): Promise<Result>;
}

/** A command whose type of options is sealed in. */
export interface Command extends Omit<CommandSpec<never>, 'parse' | 'run'> {
  readonly path: readonly string[];
  /** Parses, and gives back what runs it. */
  prepare(values: Values, context: Context): () => Promise<Result>;
}

/** Several commands under one name: `icecore key list`. */
export interface CommandGroup {
  readonly name: string;
  readonly summary: string;
  readonly commands: readonly Command[];
}

/** Seals a definition; `group` is the name that stands before its own. */
export function defineCommand<Options>(spec: CommandSpec<Options>, group?: string): Command {
  const { parse, run, ...definition } = spec;
  return {
    ...definition,
    path: group === undefined ? [spec.name] : [group, spec.name],
    prepare(values, context) {
      const options = parse(values, context);
      return () => run(options, context);
    },
  };
}

/** True for a group of commands. */
export function isGroup(command: Command | CommandGroup): command is CommandGroup {
  return 'commands' in command;
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
