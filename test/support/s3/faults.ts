/**
 * The fault plan of the test S3 server: which requests go wrong, and how. Chooses a fault for a request and keeps a
 * record of what was chosen; the transport does the harm.
 */
import { type Random, seededRandom } from '../random.ts';
import type { S3Operation } from './operations.ts';

/**
 * What goes wrong.
 * - `error`: the answer is that S3 error (`SlowDown`, `InternalError`, `RequestTimeout`, `TooManyRequests`, `AccessDenied`,
 *   `ConditionalRequestConflict`, …), before or after the request had its effect; `status` overrides the code's own,
 *   `retryAfter` is seconds.
 * - `reset`: the connection is cut: `unread` before the body is read, `amid-request` in the middle of it, `before-effect`
 *   when it is read, `after-effect` when all is done and only the answer is missing, `amid-answer` in the middle of the
 *   answer's body.
 * - `truncate`: the answer's body ends early; Content-Length is that of the whole (`whole`) or agrees with what is sent
 *   (`shortened`).
 * - `overlong`: Content-Length promises some bytes fewer than the body has.
 * - `flip`: one bit of the answer's body is wrong. `at` says where, 0 to 1 of its length (default 0.5).
 * - `error-body`: status 200, and an XML error as the body, as completions and copies may have.
 * - `html`: status 200, and a page as captive portals show it; the request has no effect.
 * - `hang`: no answer until the server is closed or the client goes away.
 * - `slow`: the answer comes after `delayMs`, and its body no faster than `bytesPerSecond`.
 * - `skew`: the server's clock is ahead by `ms` for this request alone.
 * - `stale-list`: a listing lacks the `count` keys that were written last.
 * - `kill`: the service is gone from here on: this request and every later one find their connections closed, until
 *   `revive`; `after` lets this one have its effect.
 */
export type Fault =
  | {
      readonly type: 'error';
      readonly code: string;
      readonly status?: number;
      readonly when?: 'before' | 'after';
      readonly retryAfter?: number;
    }
  | {
      readonly type: 'reset';
      readonly point: 'unread' | 'amid-request' | 'before-effect' | 'after-effect' | 'amid-answer';
    }
  | { readonly type: 'truncate'; readonly length: 'whole' | 'shortened' }
  | { readonly type: 'overlong' }
  | { readonly type: 'flip'; readonly at?: number }
  | { readonly type: 'error-body'; readonly code: string; readonly when?: 'before' | 'after' }
  | { readonly type: 'html' }
  | { readonly type: 'hang'; readonly when?: 'before' | 'after' }
  | { readonly type: 'slow'; readonly delayMs?: number; readonly bytesPerSecond?: number }
  | { readonly type: 'skew'; readonly ms: number }
  | { readonly type: 'stale-list'; readonly count: number }
  | { readonly type: 'kill'; readonly when: 'before' | 'after' };

/** Which requests a fault meets. All conditions must hold; a rule without any meets every request. */
export interface FaultRule {
  readonly fault: Fault;
  readonly operations?: readonly S3Operation[];
  /** Keys (decoded, whole) that match. Requests without a key never do. */
  readonly key?: RegExp;
  /** Only the n-th request, from 1, of those that meet the conditions above. */
  readonly nth?: number;
  /** The share of requests, 0 to 1, by the plan's seed. */
  readonly rate?: number;
  /** No more than this many times. */
  readonly limit?: number;
}

/** What shall go wrong. The first rule that fits a request wins. */
export interface FaultPlan {
  /** For rules with a rate. Print it when a test fails. Default 1. */
  readonly seed?: number;
  readonly rules: readonly FaultRule[];
}

/** A request as the plan sees it. */
export interface FaultSubject {
  readonly operation: S3Operation;
  readonly key: string | undefined;
}

/** A fault that was injected; `request` counts the server's requests from 1. */
export interface InjectedFault {
  readonly request: number;
  readonly operation: S3Operation;
  readonly key: string | undefined;
  readonly fault: Fault;
}

/** A plan in action. */
export class FaultPlanner {
  readonly injected: InjectedFault[] = [];
  #rules: { readonly rule: FaultRule; matched: number; injected: number }[] = [];
  #random: Random;
  #isDead = false;

  constructor(plan: FaultPlan = { rules: [] }) {
    this.#random = seededRandom(plan.seed ?? 1);
    for (const rule of plan.rules) this.add(rule);
  }

  /** Adds a rule behind the others. */
  add(rule: FaultRule): void {
    this.#rules.push({ rule, matched: 0, injected: 0 });
  }

  /** Drops all rules; what was injected stays on record. */
  clear(): void {
    this.#rules = [];
  }

  /** True after a `kill`. */
  get isDead(): boolean {
    return this.#isDead;
  }

  /** Ends the service now, as `kill` does. */
  kill(): void {
    this.#isDead = true;
  }

  /** Brings the service back after a `kill`. */
  revive(): void {
    this.#isDead = false;
  }

  /** The fault for a request, if any. Every rule counts the requests that fit it, whichever rule wins. */
  choose(request: number, subject: FaultSubject): Fault | undefined {
    let chosen: { readonly rule: FaultRule; injected: number } | undefined;
    for (const entry of this.#rules) {
      const { rule } = entry;
      if (rule.operations !== undefined && !rule.operations.includes(subject.operation)) continue;
      if (rule.key !== undefined && (subject.key === undefined || !rule.key.test(subject.key))) continue;
      entry.matched++;
      if (chosen !== undefined) continue;
      if (rule.nth !== undefined && entry.matched !== rule.nth) continue;
      if (rule.limit !== undefined && entry.injected >= rule.limit) continue;
      if (rule.rate !== undefined && this.#random() >= rule.rate) continue;
      chosen = entry;
    }
    if (chosen === undefined) return undefined;
    chosen.injected++;
    const { fault } = chosen.rule;
    this.injected.push({ request, ...subject, fault });
    if (fault.type === 'kill') this.#isDead = true;
    return fault;
  }
}
