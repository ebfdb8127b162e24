/**
 * Whole lives of a repository in a bucket while the server has every fault that it knows, by seed: what is said to have
 * worked has, everything else is an error with a name, and requests stay in proportion to the faults.
 */
import { expect, it, vi } from 'vitest';
import { tryLife } from '../support/fault-lab.ts';
import { seededRandom } from '../support/random.ts';
import { VirtualClock } from '../support/s3/clock.ts';
import type { Fault, FaultRule } from '../support/s3/faults.ts';
import type { S3TestServer } from '../support/s3/server.ts';
import { BUCKET, useS3Room } from '../support/s3-room.ts';
import { openBucket } from '../support/s3-stage.ts';
import { makeLife } from '../support/small-life.ts';

vi.mock('node:worker_threads', async (original) => {
  const { withInProcessWorkers } = await import('../support/in-process-workers.ts');
  return withInProcessWorkers(await original());
});

const SEEDS = process.env.SEED
  ? [Number(process.env.SEED)]
  : Array.from({ length: process.env.SLOW === undefined ? 1 : 60 }, (_, i) => i + 1);
/** Requests that a fault may lead to: the attempt anew, looks at what is there, the reason of a refusal. */
const MOST_FOR_A_FAULT = 5;
/** What the runs of a life take where nothing goes wrong, with some room. */
const MOST_WITHOUT = 130;
const room = useS3Room();

const ERRORS = ['InternalError', 'SlowDown', 'TooManyRequests', 'ServiceUnavailable', 'RequestTimeout'];
const FAULTS: readonly Fault[] = [
  ...ERRORS.flatMap((code): Fault[] => [
    { type: 'error', code },
    { type: 'error', code, when: 'after' },
  ]),
  { type: 'error', code: 'SlowDown', retryAfter: 3 },
  { type: 'error', code: 'BadGateway', status: 502 },
  { type: 'error', code: 'GatewayTimeout', status: 504, when: 'after' },
  { type: 'error', code: 'XAmzContentSHA256Mismatch' },
  { type: 'error', code: 'ConditionalRequestConflict' },
  { type: 'error', code: 'RequestTimeTooSkewed' },
  { type: 'error', code: 'AccessDenied' },
  { type: 'error', code: 'NoSuchUpload' },
  { type: 'reset', point: 'unread' },
  { type: 'reset', point: 'amid-request' },
  { type: 'reset', point: 'before-effect' },
  { type: 'reset', point: 'after-effect' },
  { type: 'reset', point: 'amid-answer' },
  { type: 'truncate', length: 'whole' },
  { type: 'truncate', length: 'shortened' },
  { type: 'overlong' },
  { type: 'flip', at: 0.1 },
  { type: 'flip', at: 0.9 },
  { type: 'error-body', code: 'InternalError' },
  { type: 'error-body', code: 'InternalError', when: 'after' },
  { type: 'html' },
  { type: 'hang' },
  { type: 'hang', when: 'after' },
  { type: 'slow', delayMs: 20, bytesPerSecond: 1 << 20 },
  { type: 'skew', ms: 3_600_000 },
  { type: 'stale-list', count: 2 },
];
/** They end a run, so that a life with many of them would be a life of failed runs. */
const FINAL = new Set<unknown>(['AccessDenied', 'NoSuchUpload', 'flip', 'stale-list', 'shortened']);

/** Some faults of all, each at a rate of its own: a seed has few kinds often, or many seldom. */
function rulesOf(seed: number): FaultRule[] {
  const random = seededRandom(seed);
  const total = 0.03 + 0.45 * random();
  const chosen = FAULTS.filter(() => random() < 0.4);
  return chosen.map((fault) => {
    const isFinal = [fault.type, 'code' in fault && fault.code, 'length' in fault && fault.length].some((word) =>
      FINAL.has(word),
    );
    return { fault, rate: (isFinal ? 0.1 : 1) * (total / chosen.length) };
  });
}

/** A completion is where the answer of a multipart upload gets lost, or is an error with status 200. */
const COMPLETION: readonly FaultRule[] = [
  { type: 'error-body', code: 'InternalError' } as const,
  { type: 'error-body', code: 'InternalError', when: 'after' } as const,
  { type: 'reset', point: 'after-effect' } as const,
].map((fault) => ({ fault, operations: ['CompleteMultipartUpload'], rate: 0.2 }));

it('a life with faults of the server ends right, or in errors with names', { timeout: 3_600_000 }, async () => {
  const wrong: unknown[] = [];
  const totals = { faults: 0, requests: 0, succeeded: 0, refusals: new Map<string, number>() };
  for (const seed of SEEDS) {
    const server = await room().serve();
    // Of every other life a pack goes up in parts.
    const life = await makeLife(await openBucket(server, BUCKET), seed, seed % 2 === 0 ? 5_500_000 : 100_000, 6 << 20);
    let requests = 0;
    let faultySince: number | undefined;
    const endPhase = (): void => {
      if (faultySince !== undefined) requests += server.requests.length - faultySince;
      faultySince = undefined;
      server.faults.clear();
    };
    const outcome = await tryLife(life, {
      honest: async () => {
        endPhase();
        return await openBucket(server, BUCKET);
      },
      faulty: async () => {
        endPhase();
        for (const rule of [...COMPLETION, ...rulesOf(seed)]) server.faults.add(rule);
        faultySince = server.requests.length;
        return await openBucket(server, BUCKET, { idleMs: 300 });
      },
    });
    endPhase();
    life.remove();
    const faults = server.faults.injected.length;
    totals.faults += faults;
    totals.requests += requests;
    totals.succeeded += outcome.succeeded;
    for (const code of outcome.refusals) totals.refusals.set(code, (totals.refusals.get(code) ?? 0) + 1);
    const lines = [...outcome.wrong];
    if (requests > MOST_WITHOUT + MOST_FOR_A_FAULT * faults) lines.push(`${requests} requests for ${faults} faults`);
    if (server.bucket(BUCKET).uploads.size > 0) lines.push(`${server.bucket(BUCKET).uploads.size} uploads are left`);
    if (lines.length > 0) wrong.push({ seed, lines, faults: server.faults.injected.map(toText) });
  }
  const codes = [...totals.refusals].map(([code, count]) => `${count} ${code}`).join(', ');
  console.info(
    `${SEEDS.length} lives, ${totals.requests} requests, ${totals.faults} faults, ${wrong.length} wrong; ` +
      `${totals.succeeded} runs succeeded, the others: ${codes}`,
  );
  expect(wrong).toEqual([]);
});

function toText({ request, operation, key, fault }: S3TestServer['faults']['injected'][number]): string {
  return `${request} ${operation} ${key ?? ''}: ${JSON.stringify(fault)}`;
}

it('a store that asks for fewer requests gets fewer, and all that was to be stored is', async () => {
  const PER_SECOND = 5;
  const OBJECTS = 60;
  const SPEED = 20;
  const clock = new FastClock(SPEED);
  const server = await room().serve({ ratePerSecond: PER_SECOND, clock });
  const store = await openBucket(server, BUCKET, {
    onWait: (notice) => room().waits.push(notice),
    clock: {
      now: () => Date.now(),
      monotonic: () => performance.now() * SPEED,
      sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms / SPEED)),
    },
  });
  const begun = clock.now();
  await Promise.all(
    Array.from({ length: OBJECTS }, (_, i) => store.put(`packs/${i}`, Buffer.from(`${i}`), { ifAbsent: true })),
  );
  await store.close();
  const seconds = (clock.now() - begun) / 1000;
  const refused = server.requests.filter(({ code }) => code === 'SlowDown').length;
  console.info(`${OBJECTS} puts at ${PER_SECOND} a second: ${seconds.toFixed(1)} s, ${refused} refused`);
  expect(server.bucket(BUCKET).keys()).toHaveLength(OBJECTS);
  expect(refused).toBeGreaterThan(0);
  // No busy loop: who is refused comes back seldom.
  expect(refused).toBeLessThan(8 * OBJECTS);
  const waits = room().waits.filter(({ reason }) => reason === 'throttled').length;
  expect(waits).toBe(refused);
});

/** A server's clock that runs faster than the host's. */
class FastClock extends VirtualClock {
  readonly #speed: number;
  readonly #start = Date.now();

  constructor(speed: number) {
    super();
    this.#speed = speed;
  }

  override now(): number {
    return this.#start + (Date.now() - this.#start) * this.#speed;
  }
}
