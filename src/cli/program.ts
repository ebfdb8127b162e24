/**
 * Parses a command line with commander, from the definitions of the commands. Owns the way from words to a command and
 * what was typed for it; the meaning of values is values.ts's and the command's. Nothing is printed and nothing exits
 * here: help and version come back as text, a command line that cannot be meant is thrown.
 */
import { CommanderError, Option, Command as Parser } from 'commander';
import { type Command, type CommandGroup, isGroup } from './command.ts';
import { globalOptions } from './global-options.ts';
import { commandHelp, groupHelp, programHelp } from './help.ts';
import { type ArgumentSpec, type OptionSpec, optionName, optionValueName } from './option.ts';
import { usage } from './values.ts';

/** The values of options as typed, by long name; a flag's value is `true`. */
export type Typed = ReadonlyMap<string, readonly string[]>;

/** What a command line asks for: a text to be printed, or a command to be run. */
export type Request =
  | { readonly type: 'text'; readonly text: string; readonly isUsageError: boolean }
  | { readonly type: 'run'; readonly command: Command; readonly typed: Typed; readonly args: readonly string[] };

/**
 * Parses the arguments after the program's name.
 * @param columns the width that help texts may have
 * @throws kind `usage`
 */
export function parseCommandLine(
  argv: readonly string[],
  commands: readonly (Command | CommandGroup)[],
  version: string,
  columns: number,
): Request {
  const typed = new Map<string, string[]>();
  let request: Request | undefined;
  let printed = '';
  const words = new Set(argv);

  const addOptions = (parser: Parser, specs: readonly OptionSpec[]): void => {
    for (const spec of specs) {
      const name = optionName(spec);
      const option = new Option(spec.flags).argParser((value: string | undefined) => {
        const values = typed.get(name);
        // A flag comes without a value.
        if (values) values.push(value ?? 'true');
        else typed.set(name, [value ?? 'true']);
        return true;
      });
      parser.addOption(option);
    }
  };
  const prepare = (parser: Parser, help: () => string): Parser =>
    parser
      .exitOverride()
      .configureOutput({ writeOut: (text) => (printed += text), writeErr: () => {}, outputError: () => {} })
      .configureHelp({ formatHelp: help })
      .helpOption('-h, --help', 'show this help');
  const addCommand = (parent: Parser, command: Command): void => {
    const parser = prepare(new Parser(command.name), () => commandHelp(command, columns));
    parent.addCommand(parser);
    // A command whose name is not among the words is not the one that is meant: the start should not pay for it.
    if (!words.has(command.name)) return;
    for (const argument of command.arguments) parser.argument(argumentTerm(argument));
    addOptions(parser, [...command.options, ...globalOptions]);
    parser.allowExcessArguments(true).action(() => {
      request = { type: 'run', command, typed, args: parser.args };
    });
  };

  const program = prepare(new Parser('icecore'), () => programHelp(commands, columns))
    .enablePositionalOptions()
    .version(`icecore ${version}`, '-V, --version', 'show the version');
  addOptions(program, globalOptions);
  for (const command of commands) {
    if (!isGroup(command)) {
      addCommand(program, command);
      continue;
    }
    const group = prepare(new Parser(command.name), () => groupHelp(command, columns)).enablePositionalOptions();
    program.addCommand(group);
    if (!words.has(command.name)) continue;
    addOptions(group, globalOptions);
    for (const member of command.commands) addCommand(group, member);
  }

  try {
    program.parse([...argv], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { type: 'text', text: printed, isUsageError: false };
    // A group without a command, or nothing at all.
    if (error.code === 'commander.help') {
      return { type: 'text', text: helpOf(argv, commands, columns), isUsageError: true };
    }
    throw complaintOf(error, argv, commands);
  }
  if (request?.type === 'run') refuseExcess(request.command, request.args);
  return request ?? { type: 'text', text: programHelp(commands, columns), isUsageError: true };
}

/** An argument as commander and help write it: `<path...>`, `[snapshot]`. */
export function argumentTerm(argument: ArgumentSpec): string {
  const name = argument.isVariadic ? `${argument.name}...` : argument.name;
  return argument.isOptional ? `[${name}]` : `<${name}>`;
}

/** True when `flag` was typed as an option, before the command line is parsed: errors of parsing need it too. */
export function hasFlag(argv: readonly string[], flag: string): boolean {
  const end = argv.indexOf('--');
  return (end < 0 ? argv : argv.slice(0, end)).includes(flag);
}

function refuseExcess(command: Command, args: readonly string[]): void {
  const isOpen = command.arguments.some((argument) => argument.isVariadic);
  const extra = isOpen ? undefined : args[command.arguments.length];
  if (extra !== undefined) {
    throw usage('excess-argument', `one argument too many: '${extra}'`, seeHelp(command.path));
  }
}

/** The group's help when a group was named without a command, else the program's. */
function helpOf(argv: readonly string[], commands: readonly (Command | CommandGroup)[], columns: number): string {
  const group = commands.find((command) => isGroup(command) && argv.includes(command.name));
  return group !== undefined && isGroup(group) ? groupHelp(group, columns) : programHelp(commands, columns);
}

/** Commander's message in our form: its suggestion becomes the hint. */
function complaintOf(
  error: CommanderError,
  argv: readonly string[],
  commands: readonly (Command | CommandGroup)[],
): Error {
  const [first = '', ...rest] = error.message.replace(/^error: /, '').split('\n');
  const suggestion = /\(Did you mean (.+)\?\)/.exec(rest.join(' '))?.[1];
  const code = error.code.replace(/^commander\./, '').replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  const named = commands.find((command) => argv.includes(command.name));
  const message = first
    .replace(/^option '(?:-\w, )?(--[a-z0-9-]+)[^']*' argument missing$/, "option '$1' needs a value")
    .replace(/^missing required argument '(.+)'$/, (_all, name: string) => `missing argument: ${metavariable(name)}`);
  const hint =
    suggestion === undefined ? seeHelp(named === undefined ? [] : [named.name]) : `did you mean ${suggestion}`;
  return usage(code, message, hint);
}

function seeHelp(path: readonly string[]): string {
  return `see ${['icecore', ...path, '--help'].join(' ')}`;
}

function metavariable(name: string): string {
  return name.toUpperCase();
}

/** How an option's value is called in help: `URL`. */
export function valueTerm(spec: OptionSpec): string | undefined {
  const name = optionValueName(spec);
  return name === undefined ? undefined : metavariable(name);
}
