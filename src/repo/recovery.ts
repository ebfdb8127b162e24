/** The texts that `init` leaves in a repository: how to restore with age, zstd, tar and jq alone. */

/** RECOVERY.md. */
export function recoveryText(repo: string): string {
  return `# Repository ${repo}\n`;
}

/** recover.sh. */
export function recoveryScript(): string {
  return '#!/bin/sh\n';
}
