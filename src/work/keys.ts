/** Lists, tests and exports keys. */

import { bug } from '../base/errors.ts';
import type { Repository } from '../repo/repository.ts';

export interface KeyInfo {
  /** `admin`, or a writer's id. */
  readonly id: string;
  readonly role: 'admin' | 'reader' | 'writer';
  readonly host?: string;
  readonly added?: string;
  /** Object in the repository that holds it, where there is one. */
  readonly object?: string;
  /** True for the key this process uses. */
  readonly current: boolean;
}

export async function listKeys(_repo: Repository): Promise<KeyInfo[]> {
  throw bug('not built yet');
}

/** Proves that the key in use opens what its role says (secrets, metadata, data). One line a check. */
export async function testKey(_repo: Repository): Promise<readonly { check: string; ok: boolean; detail: string }[]> {
  throw bug('not built yet');
}

/** Makes a writer for another host: publishes a new config that knows it, returns the bundle file's bytes. Needs admin access. */
export async function exportWriter(_repo: Repository, _host: string): Promise<Uint8Array> {
  throw bug('not built yet');
}
