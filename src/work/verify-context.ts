/** What all parts of a verify share, and how they load an object that may be damaged. */
import { type IcecoreError, isIcecoreError } from '../base/errors.ts';
import type { EnvelopeType } from '../format/envelope.ts';
import { type ParsedName, parseName } from '../format/layout.ts';
import type { Repository } from '../repo/repository.ts';
import type { CheckedObject } from '../repo/sealed-objects.ts';
import type { ObjectInfo } from '../store/store.ts';
import type { Findings } from './findings.ts';
import { requireOnline } from './verify-archived.ts';

/** What a run has at hand. */
export interface VerifyContext {
  /** The repository with a catalog that begins empty: everything is read from the store. */
  readonly repo: Repository;
  readonly findings: Findings;
  readonly signal: AbortSignal;
}

/** What an object is, by its name, and what the listing says of it. */
export type ListedObject = ObjectInfo & { readonly parsed: ParsedName };

/**
 * Lists the metadata objects below a prefix that are named as this format names them; others are not ours.
 * @throws kind `store`, `metadata-archived`
 */
export async function listObjects(context: VerifyContext, prefix: string): Promise<ListedObject[]> {
  const found: ListedObject[] = [];
  for await (const info of context.repo.store.list(prefix, context.signal)) {
    const parsed = parseName(info.name);
    if (!parsed) continue;
    await requireOnline(context, info);
    found.push({ ...info, parsed });
  }
  return found;
}

/**
 * True when an error means that stored bytes are not what was written. The keys have opened the config, so an object
 * that no key opens is damaged too; one that the disk cannot deliver is as good as damaged.
 */
export function isDamage(error: unknown): error is IcecoreError {
  return isIcecoreError(error, 'damage') || isIcecoreError(error, 'store') || isIcecoreError(error, 'key');
}

/** Runs `work`, and turns damage into a finding about `object`; undefined then. */
export async function findingOf<T>(
  context: VerifyContext,
  object: string,
  work: () => T | Promise<T>,
): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (!isDamage(error)) throw error;
    context.findings.addError(error, object);
    return undefined;
  }
}

/** Loads a sealed object from the store, never from a cache; one that went away since it was listed is missing. */
export async function loadFresh(context: VerifyContext, type: EnvelopeType, name: string): Promise<CheckedObject> {
  return await context.repo.objects.get(type, name, { cache: false });
}
