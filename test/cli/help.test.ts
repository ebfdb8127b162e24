import { describe, expect, it } from 'vitest';
import { type Command, isGroup } from '../../src/cli/command.ts';
import { commands } from '../../src/cli/commands.ts';
import { globalOptions } from '../../src/cli/global-options.ts';
import { commandHelp, programHelp } from '../../src/cli/help.ts';
import { type OptionSpec, optionLetter, optionName } from '../../src/cli/option.ts';
import { twinOf } from '../../src/cli/values.ts';

const leaves: readonly Command[] = commands.flatMap((command) => (isGroup(command) ? command.commands : [command]));

describe('the help', () => {
  it.each(leaves.map((command) => [command.path.join(' '), command] as const))(
    'of %s has examples, and fits',
    (_name, command) => {
      expect(command.examples.length).toBeGreaterThan(0);
      for (const [line] of command.examples) expect(line).toContain(`icecore ${command.path.join(' ')}`);
      for (const columns of [40, 80, 200]) {
        for (const line of commandHelp(command, columns).split('\n')) {
          // Examples and terms are never broken, since they are there to be copied.
          const isProse = !line.startsWith('  ') || line.startsWith('      ');
          if (isProse && !/^ +-|usage/.test(line)) expect(line.length).toBeLessThanOrEqual(columns);
        }
      }
    },
  );

  it('is imperative and without full stops', () => {
    const texts = leaves.flatMap((command) => [command.summary, ...command.options.map((option) => option.help)]);
    for (const text of texts) {
      expect(text).not.toMatch(/\.$/);
      expect(text).toMatch(/^[a-z]/);
    }
  });

  it('of the program names every command', () => {
    const help = programHelp(commands, 80);
    for (const command of commands) expect(help).toContain(`\n  ${command.name} `);
  });
});

describe('the options', () => {
  it('have names, letters and environment twins of their own in every command', () => {
    for (const command of leaves) {
      const all: readonly OptionSpec[] = [...command.options, ...globalOptions];
      const names = [...all.map(optionName), 'help'];
      const letters = [...all.flatMap((option) => optionLetter(option) ?? []), 'h'];
      expect(names).toEqual([...new Set(names)]);
      expect(letters).toEqual([...new Set(letters)]);
    }
    const twins = [
      ...globalOptions.map((option) => twinOf(option, [])),
      ...leaves.flatMap((command) => command.options.map((option) => twinOf(option, command.path))),
    ];
    expect(twins).toEqual([...new Set(twins)]);
    expect(twins).toContain('ICECORE_PASSWORD_FILE');
    expect(twins).toContain('ICECORE_BACKUP_EXCLUDE_FILE');
  });

  it('never take a secret as their value', () => {
    const names = [...globalOptions, ...leaves.flatMap((command) => command.options)].map(optionName);
    expect(names.filter((name) => /^(password|passphrase|secret|key)$/.test(name))).toEqual([]);
  });
});
