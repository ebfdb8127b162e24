/**
 * Object tags: which tags an object is stored with, by the kind that its name says. Owns the rules' limits (those of
 * S3: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html) and their strict reading. Tags say
 * nothing that the repository itself relies on: they are for the store's own rules and bills.
 */
import { damage } from '../base/errors.ts';
import {
  expectObject,
  fieldFailure,
  type JsonObject,
  readArray,
  readOneOf,
  readOptional,
  readString,
  refuseOtherFields,
} from '../base/json.ts';
import { type ObjectKind, parseName } from './layout.ts';

/** The kinds as rules call them: data packs are `data`, as in the index. */
export type TagKind = 'data' | Exclude<ObjectKind, 'pack'>;

export const TAG_KINDS: readonly TagKind[] = [
  'data',
  'meta',
  'index',
  'snapshot',
  'claim',
  'gc',
  'thaw',
  'config',
  'key',
  'recovery',
  'marker',
];

/** One tag, and what gets it: the objects of a kind, or all. */
export interface TagRule {
  readonly kind?: TagKind;
  readonly key: string;
  readonly value: string;
}

/** Tags of one object. */
const MAX_TAGS = 10;
/** UTF-16 code units, in which S3 counts. */
const MAX_KEY_LENGTH = 128;
const MAX_VALUE_LENGTH = 256;
const MAX_RULES = 1000;
const ALLOWED = /^[\p{L}\p{Z}\p{N}_.:/=+@-]*$/u;
const RULE_FIELDS: ReadonlySet<string> = new Set(['kind', 'key', 'value']);

/**
 * The tags of an object; undefined for none. Of rules with the same key the last one counts. A name that is none of
 * ours (a probe's) gets what all objects get.
 */
export function tagsOf(name: string, rules: readonly TagRule[]): Readonly<Record<string, string>> | undefined {
  if (rules.length === 0) return undefined;
  const kind = parseName(name)?.kind;
  return tagsOfKind(kind === 'pack' ? 'data' : kind, rules);
}

/** Says what is wrong with the rules, all together; undefined when S3 takes every object's tags. */
export function flawOfTags(rules: readonly TagRule[]): string | undefined {
  for (const { key, value } of rules) {
    if (key === '') return 'a tag has no key';
    if (key.length > MAX_KEY_LENGTH) return `the key of a tag has more than ${MAX_KEY_LENGTH} characters`;
    if (value.length > MAX_VALUE_LENGTH) return `the value of a tag has more than ${MAX_VALUE_LENGTH} characters`;
    if (!ALLOWED.test(key) || !ALLOWED.test(value)) {
      return 'a tag takes letters, digits, spaces and + - = . _ : / @ only';
    }
    if (/^aws:/i.test(key)) return 'keys that begin with aws: are reserved';
  }
  for (const kind of TAG_KINDS) {
    if (Object.keys(tagsOfKind(kind, rules) ?? {}).length > MAX_TAGS) {
      return `an object of kind ${kind} would have more than ${MAX_TAGS} tags`;
    }
  }
  return undefined;
}

/** Reads a field that holds rules. @throws damage `json-field` */
export function readTagRules(from: JsonObject, field: string, object: string): readonly TagRule[] {
  const rules = readArray(from, field, object, MAX_RULES).map((item): TagRule => {
    const rule = expectObject(item, object, 'tag');
    refuseOtherFields(rule, RULE_FIELDS, object);
    const kind = readOptional(rule, 'kind', (name) => readOneOf(rule, name, TAG_KINDS, object));
    const [key, value] = [readString(rule, 'key', object), readString(rule, 'value', object)];
    return { ...(kind === undefined ? {} : { kind }), key, value };
  });
  if (rules.length === 0) throw fieldFailure(field, 'has no tag', object);
  const flaw = flawOfTags(rules);
  if (flaw !== undefined) throw damage('json-field', `${object}: ${flaw}`, { object, data: { field } });
  return rules;
}

/** The tags of a kind; of what is none (undefined), those of all objects. */
export function tagsOfKind(
  kind: TagKind | undefined,
  rules: readonly TagRule[],
): Readonly<Record<string, string>> | undefined {
  const tags = new Map(rules.flatMap((rule) => (wants(rule, kind) ? [[rule.key, rule.value] as const] : [])));
  return tags.size === 0 ? undefined : Object.fromEntries(tags);
}

function wants(rule: TagRule, kind: TagKind | undefined): boolean {
  return rule.kind === undefined || rule.kind === kind;
}
