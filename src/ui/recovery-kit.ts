/** What people are told once: where a new repository is, and what to keep so that it can be opened in ten years. */
import { escapeText } from './escape.ts';
import { renderFields } from './table.ts';

export interface RecoveryKit {
  /** As `-r` takes it: of a bucket the whole URL, which says how it is reached. */
  readonly location: string;
  readonly id: string;
  readonly ageType: 'pq' | 'x25519';
  readonly hostKeyFile: string;
}

/** The end of `init`. */
export function recoveryKitLines(kit: RecoveryKit): string[] {
  const location = escapeText(kit.location);
  const keys = kit.ageType === 'pq' ? 'post-quantum (age hybrid: X25519 and ML-KEM-768)' : 'X25519 (age)';
  return [
    ...renderFields([
      ['repository', location],
      ['id', kit.id],
      ['keys', keys],
      ['host key', `${escapeText(kit.hostKeyFile)} (lets this host back up, and read nothing)`],
    ]),
    '',
    'write down, and keep away from this machine:',
    `  where it is     ${location}`,
    `  its id          ${kit.id}`,
    '  the passphrase  nobody can read the backups without it, and nobody can replace it',
    '',
    `to restore on any machine:  icecore -r ${shellWord(location)} restore latest --target DIR`,
    'without icecore, with age, zstd, tar and jq:  RECOVERY.md and recover.sh in the repository',
  ];
}

/** A word as a shell takes it: in quotes where it has more than letters, digits and harmless signs. */
function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** The three lines of a first backup without a repository. */
export function firstContactLines(location: string, passphraseFile: string): string[] {
  return [
    `repository  ${escapeText(location)} (on this machine: icecore init makes one elsewhere)`,
    `passphrase  ${escapeText(passphraseFile)} (keep a copy elsewhere: nothing can be restored without it)`,
    'to restore  icecore restore latest --target DIR',
  ];
}
