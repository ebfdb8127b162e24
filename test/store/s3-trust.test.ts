/** What is believed of a store: that it keeps create-only puts, and what its answers must say before an object counts as stored. */
import { describe, expect, it } from 'vitest';
import { probeStore } from '../../src/repo/probe.ts';
import { seededBytes } from '../support/random.ts';
import { useS3Room } from '../support/s3-room.ts';

const CREATE = { ifAbsent: true } as const;
const SMALL = seededBytes(1000, 1);

const room = useS3Room();

describe('a store that ignores If-None-Match', () => {
  const quirks = { conditionalPut: 'ignored', conditionalComplete: 'ignored' } as const;

  it('is not taken for one that keeps it because one creator was quicker than the looks of the others', async () => {
    const server = await room().serve({ quirks });
    const store = await room().open(server.url, { provider: 'generic', idleMs: 300 });
    // A connection that is there already is quicker than seven that are only made.
    for (let nth = 2; nth <= 8; nth++) {
      server.faults.add({ fault: { type: 'hang', when: 'before' }, operations: ['HeadObject'], nth });
    }
    expect(await probeStore(store)).toMatchObject({ createOnly: false });
  });
});

describe('a store that has shown that it keeps create-only puts', () => {
  it('is sent none without the condition, whatever it refuses', async () => {
    const server = await room().serve();
    const store = await room().open(server.url, { provider: 'generic' });
    store.relyOnCreateOnly?.();
    server.faults.add({ fault: { type: 'error', code: 'InvalidRequest' }, operations: ['PutObject'], limit: 4 });
    await store.put('a', SMALL, CREATE).catch(() => {});
    await store.put('b', SMALL, CREATE);
    const puts = server.requests.filter(({ operation }) => operation === 'PutObject');
    expect(puts.length).toBeGreaterThan(3);
    for (const { headers } of puts) expect(headers['if-none-match']).toBe('*');
  });
});
