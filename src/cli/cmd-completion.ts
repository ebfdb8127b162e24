/** `icecore completion`: prints a completion script. */
import { type Command, type CommandGroup, defineCommand } from './command.ts';
import { usage } from './values.ts';

/** The shells that there are scripts for. */
const shells = ['bash', 'zsh', 'fish'] as const;

/** Makes the command; `commands` are those to be completed, this one among them. */
export function makeCompletion(commands: () => readonly (Command | CommandGroup)[]): Command {
  return defineCommand<{ readonly shell: (typeof shells)[number] }>({
    name: 'completion',
    summary: 'print the completion script of a shell',
    arguments: [{ name: 'shell', choices: shells }],
    options: [],
    examples: [
      ['source <(icecore completion bash)', 'complete in this bash'],
      ['icecore completion fish > ~/.config/fish/completions/icecore.fish', 'complete in every fish'],
    ],
    parse(values) {
      const shell = shells.find((each) => each === values.args[0]);
      if (shell === undefined) throw usage('bad-shell', `'${values.args[0]}' is none of ${shells.join(', ')}`);
      return { shell };
    },
    async run({ shell }, context) {
      const { completionScript } = await import('./completions.ts');
      const script = completionScript(shell, commands());
      if (context.globals.isJson) return { summary: { shell, script } };
      await context.out.writeBytes(script);
      return { summary: { shell } };
    },
  });
}
