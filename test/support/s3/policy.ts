/**
 * Identity policies: as much of IAM's language as the policies of a backup host use, so that a policy can be tried
 * against real requests. Allow and Deny, Action and Resource with wildcards, conditions on strings, numbers, booleans
 * and absence. An operator that it does not know is an error of the test, not a silent no.
 */

type OneOrMany<T> = T | readonly T[];

/** A statement of a policy. */
export interface PolicyStatement {
  readonly Sid?: string;
  readonly Effect: 'Allow' | 'Deny';
  readonly Principal?: unknown;
  readonly Action?: OneOrMany<string>;
  readonly NotAction?: OneOrMany<string>;
  readonly Resource?: OneOrMany<string>;
  readonly NotResource?: OneOrMany<string>;
  /** Operator, then key, then values. */
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, OneOrMany<string | boolean | number>>>>>;
}

/** A policy. */
export interface PolicyDocument {
  readonly Version?: string;
  readonly Statement: OneOrMany<PolicyStatement>;
}

/** What is judged: an action on a resource (ARN), and the condition keys of the request, names in lower case. */
export interface PolicyQuestion {
  readonly action: string;
  readonly resource: string;
  readonly context: ReadonlyMap<string, string>;
}

/** True when the policy allows it and nothing in it denies it. */
export function allows(policy: PolicyDocument, question: PolicyQuestion): boolean {
  const statements = listOf(policy.Statement).filter((statement) => applies(statement, question));
  return statements.some(({ Effect }) => Effect === 'Allow') && !statements.some(({ Effect }) => Effect === 'Deny');
}

function applies(statement: PolicyStatement, { action, resource, context }: PolicyQuestion): boolean {
  const { Action, NotAction, Resource, NotResource, Condition = {} } = statement;
  // Actions are compared without regard to case, resources with it.
  const matchesAction = (pattern: string): boolean => wildcard(pattern.toLowerCase(), action.toLowerCase());
  const matchesResource = (pattern: string): boolean => wildcard(pattern, resource);
  if (Action !== undefined && !listOf(Action).some(matchesAction)) return false;
  if (NotAction !== undefined && listOf(NotAction).some(matchesAction)) return false;
  if (Resource !== undefined && !listOf(Resource).some(matchesResource)) return false;
  if (NotResource !== undefined && listOf(NotResource).some(matchesResource)) return false;
  return Object.entries(Condition).every(([operator, keys]) =>
    Object.entries(keys).every(([key, values]) =>
      holds(operator, context.get(key.toLowerCase()), listOf(values).map(String)),
    ),
  );
}

/** One condition: all keys of all operators must hold; of the values of a key, any. */
function holds(operator: string, actual: string | undefined, values: readonly string[]): boolean {
  const base = operator.replace(/IfExists$/, '');
  if (base === 'Null') return values.includes(String(actual === undefined));
  const isNegative = /^(String|Numeric)Not/.test(base);
  // A key that is absent fails a positive operator and satisfies a negative one.
  if (actual === undefined) return isNegative || base !== operator;
  const compare = comparison(base);
  return isNegative ? values.every((value) => compare(actual, value)) : values.some((value) => compare(actual, value));
}

function comparison(operator: string): (actual: string, value: string) => boolean {
  switch (operator) {
    case 'StringEquals':
      return (actual, value) => actual === value;
    case 'StringNotEquals':
      return (actual, value) => actual !== value;
    case 'StringEqualsIgnoreCase':
    case 'Bool':
      return (actual, value) => actual.toLowerCase() === value.toLowerCase();
    case 'StringLike':
    case 'ArnLike':
      return (actual, value) => wildcard(value, actual);
    case 'StringNotLike':
      return (actual, value) => !wildcard(value, actual);
    case 'NumericEquals':
      return (actual, value) => Number(actual) === Number(value);
    case 'NumericLessThanEquals':
      return (actual, value) => Number(actual) <= Number(value);
    case 'NumericGreaterThanEquals':
      return (actual, value) => Number(actual) >= Number(value);
    default:
      throw new Error(`the test S3 server does not know the policy operator ${operator}`);
  }
}

/** `*` stands for any run of characters, `?` for one. */
function wildcard(pattern: string, text: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '[\\s\\S]*')
    .replaceAll('?', '[\\s\\S]');
  return new RegExp(`^${source}$`).test(text);
}

function listOf<T>(value: OneOrMany<T>): readonly T[] {
  return Array.isArray(value) ? (value as readonly T[]) : [value as T];
}
