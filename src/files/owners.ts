/**
 * User and group names for ids and back, from /etc/passwd and /etc/group, read once per instance. People known only
 * to a directory service have no name here; their ids are kept all the same.
 */
import { readFileSync } from 'node:fs';

/** Both directions of one of the two files. Of several lines for one id or name the first counts, as in libc. */
interface NameTable {
  readonly names: ReadonlyMap<number, string>;
  readonly ids: ReadonlyMap<string, number>;
}

/** Looks up names and ids; a file that cannot be read is an empty one. Never throws. */
export class OwnerNames {
  readonly #passwdPath: string;
  readonly #groupPath: string;
  #users: NameTable | undefined;
  #groups: NameTable | undefined;

  constructor(passwdPath = '/etc/passwd', groupPath = '/etc/group') {
    this.#passwdPath = passwdPath;
    this.#groupPath = groupPath;
  }

  userName(uid: number): string | undefined {
    this.#users ??= readTable(this.#passwdPath);
    return this.#users.names.get(uid);
  }

  groupName(gid: number): string | undefined {
    this.#groups ??= readTable(this.#groupPath);
    return this.#groups.names.get(gid);
  }

  userId(name: string): number | undefined {
    this.#users ??= readTable(this.#passwdPath);
    return this.#users.ids.get(name);
  }

  groupId(name: string): number | undefined {
    this.#groups ??= readTable(this.#groupPath);
    return this.#groups.ids.get(name);
  }
}

/** Both files have the name in the first field and the id in the third. */
function readTable(path: string): NameTable {
  const names = new Map<number, string>();
  const ids = new Map<string, number>();
  let text = '';
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    // Without the file, ids alone are kept.
  }
  for (const line of text.split('\n')) {
    const [name, , field] = line.split(':');
    if (!name || name.startsWith('#') || field === undefined || !/^\d{1,10}$/.test(field)) continue;
    const id = Number(field);
    if (id > 0xffffffff) continue;
    if (!names.has(id)) names.set(id, name);
    if (!ids.has(name)) ids.set(name, id);
  }
  return { names, ids };
}
