/** The meter, and the stores that tests wrap around others. */
import { describe, expect, it } from 'vitest';
import { TaggedStore } from '../../src/repo/tagged-store.ts';
import { RateLimit } from '../../src/store/bandwidth.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { MeteredStore } from '../../src/store/meter.ts';
import { PacedStore } from '../../src/store/paced.ts';
import { FaultyStore, KillableStore, Killed, type KillPoint } from '../support/faulty-store.ts';
import { RecordingStore } from '../support/recording-store.ts';
import { listAll, storeContract } from './contract.ts';

const CREATE = { ifAbsent: true } as const;

async function* parts(...texts: string[]): AsyncIterable<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

const WRAPPERS = {
  'a metered store': (inner: MemoryStore) => new MeteredStore(inner),
  'a paced store': (inner: MemoryStore) => new PacedStore(inner, { upload: new RateLimit(1e12) }),
  'a tagged store': (inner: MemoryStore) => new TaggedStore(inner, [{ key: 'a', value: 'b' }]),
  'a recording store': (inner: MemoryStore) => new RecordingStore(inner),
  'a faulty store without faults': (inner: MemoryStore) => new FaultyStore(inner, { seed: 1, rate: 0 }),
  'a killable store before its kill': (inner: MemoryStore) => new KillableStore(inner),
};
for (const [title, wrap] of Object.entries(WRAPPERS)) {
  storeContract(title, async () => {
    const store = wrap(new MemoryStore());
    return { store, reopen: async () => store, cleanUp: async () => {} };
  });
}

it('what a probe has shown of a store gets to it through all that is around it', () => {
  let told = 0;
  const inner = Object.assign(new MemoryStore(), {
    relyOnCreateOnly: () => {
      told++;
    },
  });
  const wrapped = [new MeteredStore(inner), new PacedStore(inner, {}), new TaggedStore(inner, [])];
  for (const store of wrapped) store.relyOnCreateOnly();
  expect(told).toBe(wrapped.length);
});

describe('the meter', () => {
  it('counts requests and bytes', async () => {
    const store = new MeteredStore(new MemoryStore());
    await store.put('a', Buffer.from('12345'), CREATE);
    await store.put('a', Buffer.from('1234567'), CREATE);
    await store.put('b', parts('12', '3'), CREATE);
    await store.get('a', { offset: 1, length: 2 });
    await store.get('none');
    await store.stat('a');
    await listAll(store);
    await store.delete('a');
    const use = store.use;
    expect(use).toEqual({
      requests: { put: 3, get: 2, list: 1, stat: 1, delete: 1 },
      totalRequests: 8,
      storedBytes: 8,
      fetchedBytes: 2,
      sentBytes: 15,
    });
    await store.stat('a');
    expect(use.requests.stat).toBe(1);
  });
});

describe('the faulty store', () => {
  async function work(seed: number): Promise<{ faults: string[]; outcomes: string[] }> {
    const store = new FaultyStore(new MemoryStore(), { seed, rate: 0.4 });
    const outcomes: string[] = [];
    for (let i = 0; i < 60; i++) {
      const calls = [
        () => store.put(`n/${i % 20}`, parts('some', 'content'), CREATE),
        () => store.get(`n/${i % 20}`).then((bytes) => bytes && Buffer.from(bytes).toString()),
        () => listAll(store).then((all) => all.length),
        () => store.stat(`n/${i % 20}`).then((info) => info?.size),
      ];
      outcomes.push(JSON.stringify(await calls[i % 4]!().catch((error: Error) => error.message)));
    }
    return { faults: store.faults.map((fault) => `${fault.call} ${fault.kind} ${fault.name}`), outcomes };
  }

  it('repeats itself for the same seed and not for another', async () => {
    expect(await work(7)).toEqual(await work(7));
    expect((await work(7)).faults).not.toEqual((await work(8)).faults);
    expect((await work(7)).faults.length).toBeGreaterThan(10);
  });

  const always = { seed: 1, rate: 1 };
  it('a lost answer has its effect, an error before and a torn put have none', async () => {
    for (const [kind, names] of [
      ['error-after', ['a']],
      ['error-before', []],
      ['error-amid', []],
    ] as const) {
      const inner = new MemoryStore();
      const store = new FaultyStore(inner, { ...always, kinds: [kind] });
      await expect(store.put('a', parts('12', '34'), CREATE)).rejects.toMatchObject({ kind: 'store' });
      expect((await listAll(inner)).map((info) => info.name)).toEqual(names);
    }
  });

  it('gives short bodies, wrong bytes and stale listings', async () => {
    const inner = new MemoryStore();
    for (let i = 0; i < 5; i++) await inner.put(`old/${i}`, Buffer.alloc(100), CREATE);
    const short = new FaultyStore(inner, { ...always, kinds: ['truncated'] });
    expect((await short.get('old/0'))!.length).toBeLessThan(100);
    const wrong = new FaultyStore(inner, { ...always, kinds: ['wrong-bytes'] });
    expect((await wrong.get('old/0'))!.filter((byte) => byte !== 0)).toHaveLength(1);
    expect((await inner.get('old/0'))!.every((byte) => byte === 0)).toBe(true);
    const stale = new FaultyStore(inner, { ...always, kinds: ['stale-list'] });
    await stale.put('new', Buffer.from('x'), CREATE);
    await stale.delete('old/4');
    const names = (await listAll(stale)).map((info) => info.name);
    expect(names.includes('new') && !names.includes('old/4')).toBe(false);
    expect(names).toEqual(names.toSorted());
  });
});

describe('the killable store', () => {
  async function run(store: KillableStore): Promise<number> {
    let done = 0;
    const steps = [
      () => store.put('a', Buffer.from('1234'), CREATE),
      () => store.put('b', parts('12', '34'), CREATE),
      () => store.get('a'),
      () => listAll(store),
      () => store.delete('a'),
    ];
    for (const step of steps) {
      await step();
      done++;
    }
    return done;
  }

  it('stops before, in the middle of and after every operation, and stays dead', async () => {
    const counter = new KillableStore(new MemoryStore());
    expect(await run(counter)).toBe(5);
    expect(counter.operations).toBe(5);
    const left = async (point: KillPoint): Promise<string> => {
      const inner = new MemoryStore();
      const store = new KillableStore(inner, point);
      await expect(run(store)).rejects.toThrow(Killed);
      await expect(store.stat('a')).rejects.toThrow(Killed);
      await expect(listAll(store)).rejects.toThrow(Killed);
      expect(store.isKilled).toBe(true);
      return (await listAll(inner)).map((info) => info.name).join('');
    };
    const found: Record<string, string[]> = {};
    for (const when of ['before', 'amid', 'after'] as const) {
      found[when] = [];
      for (let operation = 1; operation <= 5; operation++) found[when].push(await left({ operation, when }));
    }
    expect(found).toEqual({
      before: ['', 'a', 'ab', 'ab', 'ab'],
      amid: ['', 'a', 'ab', 'ab', 'ab'],
      after: ['a', 'ab', 'ab', 'ab', 'b'],
    });
  });
});
