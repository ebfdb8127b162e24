/** Brings the catalog up to date with the index objects of the repository. */
import { isIcecoreError, messageOf } from '../base/errors.ts';
import { mapOrdered } from '../base/limit.ts';
import { decodeIndexObject } from '../format/index-object.ts';
import { parseName } from '../format/layout.ts';
import type { Repository } from './repository.ts';

/**
 * Imports index objects that the catalog does not have and drops those that are gone. A damaged one is reported as a
 * problem and left out: the others still count.
 * @returns names of the damaged ones
 */
export async function loadIndex(repo: Repository, signal?: AbortSignal): Promise<string[]> {
  const { catalog } = repo;
  const known = catalog.importedObjects();
  const wanted: string[] = [];
  for await (const { name } of repo.store.list('index/', signal)) {
    if (parseName(name)?.kind !== 'index') continue;
    if (!known.delete(name)) wanted.push(name);
  }
  catalog.dropObjects([...known]);
  const damaged: string[] = [];
  const loaded = mapOrdered(wanted, repo.store.concurrency, async (name) => {
    try {
      const object = await repo.objects.load('index', name, { cache: false });
      return { name, records: object ? decodeIndexObject(object.payload, name) : undefined };
    } catch (error) {
      if (!isIcecoreError(error, 'damage')) throw error;
      repo.monitor.problem({ severity: 'error', code: error.code, message: messageOf(error), object: name });
      damaged.push(name);
      return { name, records: undefined };
    }
  });
  for await (const { name, records } of loaded) if (records) catalog.importIndex(name, records);
  return damaged;
}
