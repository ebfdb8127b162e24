/**
 * Completion scripts for bash, zsh and fish, from the definitions of the commands. Owns the text of the scripts, which
 * call nothing of ours when they run: a completion never opens a repository. Pure.
 */
import { type Command, type CommandGroup, isGroup } from './command.ts';
import { globalOptions } from './global-options.ts';
import {
  type ArgumentSpec,
  type Completion,
  type OptionSpec,
  optionLetter,
  optionName,
  optionValueName,
} from './option.ts';

/** The shells that there are scripts for. */
export type Shell = 'bash' | 'zsh' | 'fish';

type Commands = readonly (Command | CommandGroup)[];

/** The script of a shell. */
export function completionScript(shell: Shell, commands: Commands): string {
  switch (shell) {
    case 'bash':
      return bashScript(commands);
    case 'zsh':
      return zshScript(commands);
    case 'fish':
      return fishScript(commands);
  }
}

const HELP: OptionSpec = { flags: '-h, --help', help: 'show this help' };

/** All commands that run, a group's members by `group member`. */
function leaves(commands: Commands): readonly Command[] {
  return commands.flatMap((command) => (isGroup(command) ? command.commands : [command]));
}

function optionsOf(command: Command): readonly OptionSpec[] {
  return [...command.options.filter((option) => !option.isHidden), ...globalOptions, HELP];
}

function wordsOf(option: OptionSpec): string[] {
  const letter = optionLetter(option);
  return letter === undefined ? [`--${optionName(option)}`] : [`-${letter}`, `--${optionName(option)}`];
}

function completionOf(spec: OptionSpec | ArgumentSpec): Completion {
  return spec.choices ?? spec.complete ?? 'none';
}

function bashScript(commands: Commands): string {
  const values = new Map<string, string[]>();
  for (const option of [...globalOptions, ...leaves(commands).flatMap((command) => command.options)]) {
    if (optionValueName(option) === undefined) continue;
    const action = bashAction(completionOf(option));
    const words = values.get(action) ?? [];
    values.set(action, [...new Set([...words, ...wordsOf(option)])]);
  }
  // The same option may take other values in another command; the more telling completion comes first.
  const valueCases = [...values]
    .toSorted(([a], [b]) => rankOf(a) - rankOf(b))
    .map(([action, words]) => `    ${words.join('|')}) ${action} return ;;`);
  const commandCases = leaves(commands).map((command) => {
    const [argument] = command.arguments;
    return [
      `    '${command.path.join(' ')}')`,
      `      options='${optionsOf(command).flatMap(wordsOf).join(' ')}'`,
      `      arguments() { ${bashAction(argument === undefined ? 'none' : completionOf(argument))} } ;;`,
    ].join('\n');
  });
  const groupCases = commands
    .filter(isGroup)
    .map(
      (group) =>
        `    '${group.name}') options='--help'; arguments() { ${bashAction(group.commands.map((each) => each.name))} } ;;`,
    );
  return `${header('#', 'bash', 'source it, or copy it to ~/.local/share/bash-completion/completions/icecore')}
_icecore() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} command='' options='' word i
  COMPREPLY=()
  case $previous in
${valueCases.join('\n')}
  esac
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    case "$command $word" in
${commands.map((command) => bashStep(command)).join('\n')}
    esac
  done
  case $command in
${[...groupCases, ...commandCases].join('\n')}
    *)
      options='${[...globalOptions, HELP].flatMap(wordsOf).join(' ')} --version'
      arguments() { ${bashAction(commands.map((command) => command.name))} } ;;
  esac
  if [[ $current == -* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$current"))
  else
    arguments
  fi
  unset -f arguments
}
complete -F _icecore icecore
`;
}

function bashStep(command: Command | CommandGroup): string {
  const steps = [`      ' ${command.name}') command='${command.name}' ;;`];
  if (isGroup(command)) {
    for (const member of command.commands) {
      steps.push(`      '${command.name} ${member.name}') command='${command.name} ${member.name}' ;;`);
    }
  }
  return steps.join('\n');
}

function bashAction(completion: Completion): string {
  if (completion === 'none') return ':;';
  if (completion === 'file' || completion === 'directory') {
    // Names may hold spaces; the old bash of macOS has no compopt, and does without.
    return `local IFS=$'\\n'; compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -${completion[0]} -- "$current"));`;
  }
  return `COMPREPLY=($(compgen -W '${completion.join(' ')}' -- "$current"));`;
}

function rankOf(action: string): number {
  return action === ':;' ? 1 : 0;
}

function zshScript(commands: Commands): string {
  const functions = leaves(commands).map((command) => {
    const specs = [
      ...optionsOf(command).flatMap(zshOption),
      ...command.arguments.map((argument, i) => {
        const place = argument.isVariadic ? '*' : String(i + 1);
        return `'${place}:${zshText(argument.name)}:${zshAction(completionOf(argument))}'`;
      }),
    ];
    return `_icecore_${command.path.join('_').replaceAll('-', '_')}() {\n  _arguments -s -S \\\n    ${specs.join(' \\\n    ')}\n}`;
  });
  const groups = commands
    .filter(isGroup)
    .map((group) => zshLevel(`_icecore_${group.name}`, group.commands, [HELP], `_icecore_${group.name}_`));
  return `#compdef icecore
${header('#', 'zsh', 'copy it as _icecore to a directory in $fpath')}
${[...functions, ...groups].join('\n\n')}

${zshLevel('_icecore', commands, [...globalOptions, HELP, { flags: '-V, --version', help: 'show the version' }], '_icecore_')}

if [[ $funcstack[1] == _icecore ]]; then _icecore "$@"; else compdef _icecore icecore; fi
`;
}

function zshLevel(
  name: string,
  commands: readonly { readonly name: string; readonly summary: string }[],
  options: readonly OptionSpec[],
  prefix: string,
): string {
  const described = commands.map((command) => `'${command.name}:${zshText(command.summary)}'`);
  return `${name}() {
  local context state state_descr line
  typeset -A opt_args
  _arguments -s -S -C \\
    ${options.flatMap(zshOption).join(' \\\n    ')} \\
    '1:command:->command' '*::argument:->arguments'
  case $state in
    command)
      local -a commands=(
        ${described.join('\n        ')}
      )
      _describe command commands ;;
    arguments) (( $+functions[${prefix}\${line[1]//-/_}] )) && ${prefix}\${line[1]//-/_} ;;
  esac
}`;
}

function zshOption(option: OptionSpec): string[] {
  const value = optionValueName(option);
  const action = value === undefined ? '' : `:${zshText(value)}:${zshAction(completionOf(option))}`;
  return wordsOf(option).map((word) => `'${option.isList ? '*' : ''}${word}[${zshText(option.help)}]${action}'`);
}

function zshAction(completion: Completion): string {
  if (completion === 'none') return ' ';
  if (completion === 'file') return '_files';
  return completion === 'directory' ? '_files -/' : `(${completion.join(' ')})`;
}

function zshText(text: string): string {
  return text.replaceAll("'", '’').replace(/[[\]:\\]/g, (character) => `\\${character}`);
}

function fishScript(commands: Commands): string {
  const lines: string[] = [];
  const top = commands.map((command) => command.name).join(' ');
  for (const option of [...globalOptions, HELP]) lines.push(fishOption('', option));
  lines.push(`complete -c icecore -n 'not __fish_seen_subcommand_from ${top}' -s V -l version -d 'show the version'`);
  for (const command of commands) {
    lines.push(
      `complete -c icecore -n 'not __fish_seen_subcommand_from ${top}' -a ${command.name} -d '${fishText(command.summary)}'`,
    );
  }
  for (const command of commands) {
    if (!isGroup(command)) {
      lines.push(...fishCommand(command, `__fish_seen_subcommand_from ${command.name}`));
      continue;
    }
    const members = command.commands.map((member) => member.name).join(' ');
    const seen = `__fish_seen_subcommand_from ${command.name}`;
    for (const member of command.commands) {
      lines.push(
        `complete -c icecore -n '${seen}; and not __fish_seen_subcommand_from ${members}' -a ${member.name} -d '${fishText(member.summary)}'`,
        ...fishCommand(member, `${seen}; and __fish_seen_subcommand_from ${member.name}`),
      );
    }
  }
  return `${header('#', 'fish', 'copy it to ~/.config/fish/completions/icecore.fish')}
complete -c icecore -f
${lines.join('\n')}
`;
}

function fishCommand(command: Command, condition: string): string[] {
  const lines = command.options.filter((option) => !option.isHidden).map((option) => fishOption(condition, option));
  const [argument] = command.arguments;
  const completion = argument === undefined ? 'none' : completionOf(argument);
  if (completion === 'none') return lines;
  const action = completion === 'file' || completion === 'directory' ? '-F' : `-a '${completion.join(' ')}'`;
  return [...lines, `complete -c icecore -n '${condition}' ${action}`];
}

function fishOption(condition: string, option: OptionSpec): string {
  const letter = optionLetter(option);
  const names = `${letter === undefined ? '' : `-s ${letter} `}-l ${optionName(option)}`;
  const when = condition === '' ? '' : ` -n '${condition}'`;
  return `complete -c icecore${when} ${names}${fishValue(option)} -d '${fishText(option.help)}'`;
}

function fishValue(option: OptionSpec): string {
  if (optionValueName(option) === undefined) return '';
  const completion = completionOf(option);
  if (completion === 'none') return ' -x';
  if (completion === 'file') return ' -r -F';
  return completion === 'directory' ? " -x -a '(__fish_complete_directories)'" : ` -x -a '${completion.join(' ')}'`;
}

function fishText(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll("'", "\\'");
}

function header(comment: string, shell: Shell, use: string): string {
  return `${comment} Completions of icecore for ${shell}, generated by: icecore completion ${shell}\n${comment} To use it, ${use}.`;
}
