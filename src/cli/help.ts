/** The help texts, from the definitions of the commands. Owns their layout; prints nothing. */
import { wrap } from '../ui/width.ts';
import type { Command, CommandGroup } from './command.ts';
import { globalOptions } from './global-options.ts';
import { type ArgumentSpec, type OptionSpec, optionLetter, optionName, optionValueName } from './option.ts';

const WIDEST = 100;
const INDENT = '  ';

type Row = readonly [term: string, help: string];

/** `icecore --help`. */
export function programHelp(commands: readonly (Command | CommandGroup)[], columns: number): string {
  return layOut([
    paragraph('usage: icecore [options] COMMAND [options] [arguments]', columns),
    paragraph(
      'Back up to a directory or a bucket: deduplicated, encrypted, verifiable, and readable with age, zstd and tar',
      columns,
    ),
    section(
      'commands',
      commands.map((command): Row => [command.name, command.summary]),
      columns,
    ),
    section('options of every command', [...optionRows(globalOptions), ...ownRows(true)], columns),
    examples(
      [
        ['icecore init -r /mnt/backup', 'create a repository'],
        ['icecore -r /mnt/backup backup ~/documents', 'make a snapshot'],
        ['icecore -r /mnt/backup restore latest --target /tmp/back', 'get it back'],
      ],
      columns,
    ),
    paragraph(
      'Every option has an environment variable: --repository is ICECORE_REPOSITORY, and backup --tag is ICECORE_BACKUP_TAG',
      columns,
    ),
  ]);
}

/** `icecore key --help`. */
export function groupHelp(group: CommandGroup, columns: number): string {
  return layOut([
    paragraph(`usage: icecore ${group.name} COMMAND [options] [arguments]`, columns),
    paragraph(sentence(group.summary), columns),
    section(
      'commands',
      group.commands.map((command): Row => [usageOf(command), command.summary]),
      columns,
    ),
    section('options', ownRows(false), columns),
    examples(
      group.commands.flatMap((command) => command.examples),
      columns,
    ),
    paragraph('icecore --help shows the options of every command', columns),
  ]);
}

/** `icecore backup --help`. */
export function commandHelp(command: Command, columns: number): string {
  return layOut([
    paragraph(
      `usage: icecore ${[...command.path.slice(0, -1), command.name].join(' ')} [options] ${command.arguments.map(argumentName).join(' ')}`.trimEnd(),
      columns,
    ),
    paragraph(sentence(command.summary), columns),
    ...(command.details ?? []).map((text) => paragraph(text, columns)),
    section('options', [...optionRows(command.options), ...ownRows(false)], columns),
    examples(command.examples, columns),
    paragraph('icecore --help shows the options of every command', columns),
  ]);
}

function usageOf(command: Command): string {
  return [command.name, ...command.arguments.map(argumentName)].join(' ');
}

function argumentName(argument: ArgumentSpec): string {
  const name = `${argument.name.toUpperCase()}${argument.isVariadic ? '…' : ''}`;
  return argument.isOptional ? `[${name}]` : name;
}

function optionRows(options: readonly OptionSpec[]): Row[] {
  return options
    .filter((option) => !option.isHidden)
    .map((option) => {
      const letter = optionLetter(option);
      const value = optionValueName(option);
      const names = `${letter === undefined ? '    ' : `-${letter}, `}--${optionName(option)}`;
      const choices = option.choices === undefined ? '' : `: ${option.choices.join(', ')}`;
      return [value === undefined ? names : `${names} ${value.toUpperCase()}`, option.help + choices];
    });
}

function ownRows(withVersion: boolean): Row[] {
  const help: Row = ['-h, --help', 'show this help'];
  return withVersion ? [help, ['-V, --version', 'show the version']] : [help];
}

function section(title: string, rows: readonly Row[], columns: number): string {
  const widest = rows.reduce((width, [term]) => Math.max(width, term.length), 0);
  const room = Math.min(columns, WIDEST) - INDENT.length - widest - 2;
  const lines = rows.flatMap(([term, help]) => {
    // On a narrow terminal the explanation goes below its term.
    const [first = '', ...rest] = wrap(help, room >= 24 ? room : Math.max(16, columns - 6));
    if (room < 24) return [`${INDENT}${term}`, ...[first, ...rest].map((line) => `      ${line}`)];
    const hanging = INDENT + ' '.repeat(widest + 2);
    return [`${INDENT}${term.padEnd(widest)}  ${first}`, ...rest.map((line) => hanging + line)];
  });
  return [`${title}:`, ...lines].join('\n');
}

function examples(rows: readonly Row[], columns: number): string {
  return section('examples', rows, columns);
}

function paragraph(text: string, columns: number): string {
  return wrap(text, Math.min(columns, WIDEST)).join('\n');
}

function sentence(text: string): string {
  return text[0]!.toUpperCase() + text.slice(1);
}

function layOut(parts: readonly string[]): string {
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}
