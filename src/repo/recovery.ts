/**
 * The texts that `init` leaves in a repository: how to restore with age, zstd, tar and jq alone. Says what goes where;
 * the texts are in the files beside this one.
 */
import { assembleScript } from './recovery-script.ts';
import { describeRecovery } from './recovery-text.ts';

/** RECOVERY.md, for the repository of this id. */
export function recoveryText(repo: string): string {
  return describeRecovery(repo);
}

/** recover.sh. */
export function recoveryScript(): string {
  return assembleScript();
}
