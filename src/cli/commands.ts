/** All commands, in the order of the help: what people do first comes first. */
import { backup } from './cmd-backup.ts';
import { makeCompletion } from './cmd-completion.ts';
import { cost } from './cmd-cost.ts';
import { diff } from './cmd-diff.ts';
import { doctor } from './cmd-doctor.ts';
import { dump } from './cmd-dump.ts';
import { find } from './cmd-find.ts';
import { init } from './cmd-init.ts';
import { key } from './cmd-key.ts';
import { ls } from './cmd-ls.ts';
import { restore } from './cmd-restore.ts';
import { snapshots } from './cmd-snapshots.ts';
import { thaw } from './cmd-thaw.ts';
import { verify } from './cmd-verify.ts';
import type { Command, CommandGroup } from './command.ts';

export const commands: readonly (Command | CommandGroup)[] = [
  init,
  backup,
  snapshots,
  ls,
  find,
  diff,
  dump,
  restore,
  thaw,
  verify,
  cost,
  doctor,
  key,
  makeCompletion(() => commands),
];
