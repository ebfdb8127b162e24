/**
 * What a command is: names, options, help and examples as data, a pure `parse` and a `run`. The same definitions drive
 * parsing (program.ts), help (help.ts) and completions (completions.ts).
 */
import type { Fields } from '../ui/json-lines.ts';
import type { Context } from './context.ts';
import type { ArgumentSpec, OptionSpec } from './option.ts';
import type { Values } from './values.ts';

/** How a command ended when it did not throw. `main` turns it, and the problems that were counted, into the exit code. */
export type Ending = 'done' | 'incomplete' | 'damaged' | 'failed' | 'interrupted' | 'warming';

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
