// Writes completions/ from the definitions of the commands. A test fails when they are stale.
import { writeFileSync } from 'node:fs';
import { commands } from '../src/cli/commands.ts';
import { completionScript } from '../src/cli/completions.ts';

const files = { bash: 'icecore.bash', zsh: '_icecore', fish: 'icecore.fish' };

for (const [shell, name] of Object.entries(files)) {
  writeFileSync(new URL(name, import.meta.url), completionScript(shell, commands));
}
