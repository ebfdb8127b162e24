import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { commands } from '../../src/cli/commands.ts';
import { completionScript } from '../../src/cli/completions.ts';
import { run } from '../support/world.ts';

const FILES = { bash: 'icecore.bash', zsh: '_icecore', fish: 'icecore.fish' } as const;

function pathOf(shell: keyof typeof FILES): string {
  return fileURLToPath(new URL(`../../completions/${FILES[shell]}`, import.meta.url));
}

/** What bash offers for these words; the last one is being typed. */
function offered(...words: string[]): string[] {
  const script =
    // biome-ignore lint/suspicious/noTemplateCurlyInString: bash, not a template
    'source "$0"; compopt() { :; }; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _icecore; printf "%s\\n" "${COMPREPLY[@]}"';
  const { stdout } = spawnSync('bash', ['-c', script, pathOf('bash'), ...words], { encoding: 'utf8' });
  return stdout.split('\n').filter((word) => word !== '');
}

describe('the completions', () => {
  it.each(['bash', 'zsh', 'fish'] as const)(
    'for %s in completions/ are those of the commands: npm run completions',
    async (shell) => {
      expect(readFileSync(pathOf(shell), 'utf8')).toBe(completionScript(shell, commands));
      expect((await run(['completion', shell])).out).toBe(completionScript(shell, commands));
    },
  );

  it('in bash offer commands, options, and the values of options', () => {
    expect(offered('icecore', 'ba')).toEqual(['backup']);
    expect(offered('icecore', 'key', '')).toEqual(['list', 'test', 'export-writer']);
    expect(offered('icecore', '-r', '/x', 'ver')).toEqual(['verify']);
    expect(offered('icecore', 'restore', '--over')).toEqual(['--overwrite']);
    expect(offered('icecore', 'restore', '--overwrite', 'if')).toEqual(['if-changed', 'if-newer']);
    expect(offered('icecore', 'key', 'export-writer', '--o')).toEqual(['--output']);
    expect(offered('icecore', 'backup', '/etc/host')).toContain('/etc/hosts');
  });
});
