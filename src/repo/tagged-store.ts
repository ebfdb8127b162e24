/**
 * TaggedStore: puts every object with the tags that the rules of the repository give to its name. Changes nothing else
 * about what the store does; a store without tags passes over them.
 */
import { type TagRule, tagsOf } from '../format/object-tags.ts';
import type { PutBody, PutOptions, PutResult, Store } from '../store/store.ts';
import { WrappedStore } from '../store/wrapped.ts';

/** Wraps a store. Closing it closes the store inside. */
export class TaggedStore extends WrappedStore {
  readonly #rules: readonly TagRule[];

  constructor(store: Store, rules: readonly TagRule[]) {
    super(store);
    this.#rules = rules;
  }

  override put(name: string, body: PutBody, options: PutOptions): Promise<PutResult> {
    const tags = tagsOf(name, this.#rules);
    return super.put(name, body, tags === undefined ? options : { ...options, tags });
  }
}
