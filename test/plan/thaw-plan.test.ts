import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findProvider } from '../../src/plan/find-provider.ts';
import { isFaster, type ProviderProfile, type TierName } from '../../src/plan/providers.ts';
import { thawTiers } from '../../src/plan/terms.ts';
import { planThaw, type ThawActions, type ThawQuestion } from '../../src/plan/thaw-plan.ts';
import type { ThawPack, ThawState } from '../../src/plan/thaw-state.ts';
import { learn, type ThawFact } from './learn.ts';
import { MIB } from './money.ts';

const AWS = findProvider({});
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOW = Date.UTC(2026, 10, 22, 12);

const pack = (name: string, state: ThawState, more: Partial<ThawPack> = {}): ThawPack => {
  return { name, size: 64 * MIB, storageClass: 'GLACIER', state, ...more };
};

function decide(packs: readonly ThawPack[], more: Partial<ThawQuestion> = {}): ThawActions {
  return planThaw({ packs, now: NOW, days: 3, tier: 'bulk', provider: AWS, fetchRate: 64 * MIB, ...more });
}

describe('a thaw job', () => {
  it('asks for what is cold, in order of use, and fetches what is warm meanwhile', () => {
    const packs = [
      pack('a', { type: 'cold' }),
      pack('b', { type: 'asked', at: NOW - HOUR, tier: 'bulk', days: 3 }),
      pack('c', { type: 'warm', until: NOW + 2 * DAY }),
      pack('d', { type: 'fetched' }),
      pack('e', { type: 'cold' }, { storageClass: 'DEEP_ARCHIVE' }),
    ];
    expect(decide(packs)).toEqual({
      request: [
        { name: 'a', tier: 'bulk', days: 3 },
        { name: 'e', tier: 'bulk', days: 3 },
      ],
      upgrade: [],
      extend: [],
      fetch: ['c'],
      pollAt: NOW + HOUR / 2,
      due: { from: NOW, until: NOW + 48 * HOUR },
      overdue: [],
      stuck: [],
      isDone: false,
    });
  });

  it('looks when the first pack can be warm, and then in steps that suit the tier', () => {
    const asked = (tier: TierName, at: number) => [pack('a', { type: 'asked', at, tier })];
    expect(decide(asked('bulk', NOW)).pollAt).toBe(NOW + 5 * HOUR);
    expect(decide(asked('bulk', NOW - 5 * HOUR)).pollAt).toBe(NOW + HOUR / 2);
    expect(decide(asked('standard', NOW - 4 * HOUR), { tier: 'standard' }).pollAt).toBe(NOW + HOUR / 4);
    expect(decide(asked('expedited', NOW), { tier: 'expedited' }).pollAt).toBe(NOW + 60_000);
    expect(decide(asked('expedited', NOW - 2 * 60_000), { tier: 'expedited' }).pollAt).toBe(NOW + 30_000);
  });

  it('fetches first what freezes first', () => {
    const packs = [
      pack('for good', { type: 'warm' }),
      pack('late', { type: 'warm', until: NOW + 3 * DAY }),
      pack('soon', { type: 'warm', until: NOW + DAY }),
      pack('late too', { type: 'warm', until: NOW + 3 * DAY }),
    ];
    expect(decide(packs).fetch).toEqual(['soon', 'late', 'late too', 'for good']);
  });

  it('keeps those longer that would freeze before their turn, and only where that gains something', () => {
    // Each takes 10 hours; the third would be done after 30 hours.
    const size = 10 * 3600 * 1000;
    const until = NOW + 24 * HOUR;
    const packs = ['a', 'b', 'c', 'd'].map((name) => pack(name, { type: 'warm', until }, { size }));
    expect(decide(packs, { fetchRate: 1000 }).extend).toEqual([
      { name: 'c', days: 3 },
      { name: 'd', days: 3 },
    ]);
    expect(decide(packs, { fetchRate: 1000, days: 1 }).extend).toEqual([
      { name: 'c', days: 2 },
      { name: 'd', days: 2 },
    ]);
    const extended = packs.map((each) => ({ ...each, state: { type: 'warm', until: NOW + 2 * DAY } as const }));
    expect(decide(extended, { fetchRate: 1000, days: 1 }).extend).toEqual([]);
  });

  it('does not ask for an extension of a few hours: that can wait until it gains more', () => {
    const size = 20 * 3600 * 1000;
    const extend = (hours: number) =>
      decide([pack('a', { type: 'warm', until: NOW + hours * HOUR }, { size })], { fetchRate: 1000, days: 1 }).extend;
    expect(extend(20)).toEqual([]);
    expect(extend(12)).toEqual([{ name: 'a', days: 1 }]);
  });

  it('asks anew for what froze again before it was fetched', () => {
    const { request, fetch } = decide([pack('a', { type: 'warm', until: NOW })]);
    expect([request, fetch]).toEqual([[{ name: 'a', tier: 'bulk', days: 3 }], []]);
  });

  it('asks again in a faster tier with the days of the first time, and never in a slower one', () => {
    const asked = (tier: TierName) => pack(tier, { type: 'asked', at: NOW - HOUR, tier, days: 7 });
    const packs = [asked('expedited'), asked('standard'), asked('bulk')];
    expect(decide(packs, { tier: 'expedited' }).upgrade).toEqual([
      { name: 'standard', tier: 'expedited', days: 7 },
      { name: 'bulk', tier: 'expedited', days: 7 },
    ]);
    expect(decide(packs, { tier: 'standard' }).upgrade).toEqual([{ name: 'bulk', tier: 'standard', days: 7 }]);
    expect(decide(packs, { tier: 'bulk' }).upgrade).toEqual([]);
    const provider = findProvider({ provider: 'huawei' });
    expect(decide([asked('bulk')], { tier: 'expedited', provider }).upgrade).toEqual([]);
  });

  it('takes the next slower tier where the class does not have the one, or the store had no capacity for it', () => {
    const tier = 'expedited';
    const tierOf = (more: Partial<ThawPack>, provider?: ProviderProfile) =>
      decide([pack('a', { type: 'cold' }, more)], { tier, ...(provider ? { provider } : {}) }).request[0]?.tier;
    expect(tierOf({})).toBe('expedited');
    expect(tierOf({ refusedTiers: ['expedited'] })).toBe('standard');
    expect(tierOf({ refusedTiers: ['expedited', 'standard'] })).toBe('bulk');
    expect(tierOf({ storageClass: 'DEEP_ARCHIVE' })).toBe('standard');
    expect(tierOf({}, findProvider({ provider: 'scaleway' }))).toBe('standard');
    const days = decide([pack('a', { type: 'cold' })], { provider: findProvider({ provider: 'scaleway' }) }).request;
    expect(days).toEqual([{ name: 'a', tier: 'standard', days: 3 }]);
  });

  it('names no days for what is thawed for good', () => {
    const archived = { storageClass: 'INTELLIGENT_TIERING', archiveTier: 'ARCHIVE_ACCESS' };
    expect(decide([pack('a', { type: 'cold' }, archived)]).request).toEqual([{ name: 'a', tier: 'bulk' }]);
  });

  it('says what it cannot thaw, and what is late', () => {
    const packs = [
      pack('a', { type: 'cold' }, { storageClass: 'UNHEARD_OF' }),
      pack('b', { type: 'asked', at: NOW - 13 * HOUR, tier: 'bulk' }),
    ];
    expect(decide(packs)).toMatchObject({ request: [], stuck: ['a'], overdue: ['b'], pollAt: NOW + HOUR / 2 });
    const oracle = decide([pack('c', { type: 'cold' })], { provider: findProvider({ provider: 'oracle' }) });
    expect(oracle).toMatchObject({ request: [], stuck: ['c'], isDone: false });
  });

  it('is done when all is fetched, and has nothing to wait for then', () => {
    const { isDone, pollAt, due } = decide([pack('a', { type: 'fetched' })]);
    expect([isDone, pollAt, due, decide([]).isDone]).toEqual([true, undefined, undefined, true]);
  });
});

describe('what is learned of a pack', () => {
  const tiers = AWS.classes.GLACIER!.tiers;
  const known = (state: ThawState, ...facts: readonly ThawFact[]) =>
    facts.reduce((before, fact) => learn(before, fact, tiers), pack('a', state)).state;
  const asked: ThawState = { type: 'asked', at: NOW, tier: 'bulk', days: 3 };

  it('is that it warms, once it was asked for or was found to', () => {
    const late = { at: NOW + HOUR, tier: 'bulk' } as const;
    expect(known({ type: 'cold' }, { type: 'accepted', at: NOW, tier: 'bulk', days: 3 })).toEqual(asked);
    expect(known({ type: 'cold' }, { type: 'warming', ...late })).toEqual({ type: 'asked', ...late });
    expect(known({ type: 'cold' }, { type: 'running', ...late })).toEqual({ type: 'asked', ...late });
    expect(known(asked, { type: 'warming', ...late }, { type: 'running', ...late })).toEqual(asked);
  });

  it('is that an upgrade was made before, when a request for it is in its own way', () => {
    const fact = { at: NOW + HOUR, tier: 'standard', days: 3 } as const;
    expect(known(asked, { type: 'running', ...fact })).toEqual({ type: 'asked', ...fact });
    expect(known(asked, { type: 'warming', ...fact })).toEqual(asked);
  });

  it('is not that it froze while an older listing says so, but is when its time is over', () => {
    expect(known(asked, { type: 'frozen', at: NOW + HOUR })).toEqual(asked);
    expect(known(asked, { type: 'frozen', at: NOW + 12 * HOUR })).toEqual(asked);
    expect(known(asked, { type: 'frozen', at: NOW + 13 * HOUR })).toEqual({ type: 'cold' });
    expect(known({ type: 'warm', until: NOW + DAY }, { type: 'frozen', at: NOW })).toEqual({ type: 'cold' });
  });

  it('does not undo that it was fetched', () => {
    for (const fact of [
      { type: 'frozen', at: NOW },
      { type: 'warm', until: NOW },
      { type: 'running', at: NOW, tier: 'bulk' },
    ] as const) {
      expect(known(asked, { type: 'fetched' }, fact)).toEqual({ type: 'fetched' });
    }
  });

  it('is each refused tier once', () => {
    const refused = { type: 'refused', tier: 'expedited' } as const;
    const twice = learn(learn(pack('a', { type: 'cold' }), refused, tiers), refused, tiers);
    expect([twice.state, twice.refusedTiers]).toEqual([{ type: 'cold' }, ['expedited']]);
  });
});

/** A store that thaws, and counts what it is asked. */
class ThawingStore {
  readonly #objects = new Map<string, { readonly tier: TierName; readonly readyAt: number; until: number }>();
  readonly asked = new Map<string, number>();
  upgrades = 0;
  /** Requests for packs that warm in that tier already. */
  conflicts = 0;
  readonly #hasCapacity: boolean;

  constructor(hasCapacity: boolean) {
    this.#hasCapacity = hasCapacity;
  }

  /** Answers a request; a fraction of the tier's time passes until the object is warm. */
  restore(target: ThawPack, tier: TierName, days: number, now: number, fraction: number): ThawFact {
    if (tier === 'expedited' && !this.#hasCapacity) return { type: 'refused', tier };
    const object = this.#objects.get(target.name);
    if (object && object.readyAt <= now && now < object.until) {
      object.until = midnight(now + days * DAY);
      return { type: 'warm', until: object.until };
    }
    if (object && now < object.readyAt) {
      if (!isFaster(tier, object.tier)) {
        this.conflicts++;
        return { type: 'running', at: now, tier, days };
      }
      this.upgrades++;
    } else this.asked.set(target.name, (this.asked.get(target.name) ?? 0) + 1);
    const { minHours, maxHours } = thawTiers(target, AWS).find(({ name }) => name === tier)!;
    const readyAt = now + (minHours + (maxHours - minHours) * fraction) * HOUR;
    this.#objects.set(target.name, { tier, readyAt, until: midnight(readyAt + days * DAY) });
    return { type: 'accepted', at: now, tier, days };
  }

  /** Shows a pack; what warms does not show its tier. */
  look(name: string, now: number, tier: TierName): ThawFact {
    const object = this.#objects.get(name);
    if (!object || object.until <= now) return { type: 'frozen', at: now };
    if (object.readyAt > now) return { type: 'warming', at: now, tier };
    return { type: 'warm', until: object.until };
  }
}

/** Yields the values in turn, over and over. */
function cycle<T>(values: readonly T[]): () => T {
  let turn = 0;
  return () => values[turn++ % values.length]!;
}

function midnight(time: number): number {
  return Math.ceil(time / DAY) * DAY;
}

describe('any thaw job', () => {
  const tier = fc.constantFrom<TierName>('expedited', 'standard', 'bulk');
  const settings = fc.record({
    classes: fc.array(fc.constantFrom('GLACIER', 'DEEP_ARCHIVE'), { minLength: 1, maxLength: 12 }),
    tier,
    /** The tier that the user changes to in the middle. */
    later: tier,
    hasCapacity: fc.boolean(),
    /** How late packs are warm, how many are fetched a step, and when the process is killed: taken in turn. */
    fractions: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 20 }),
    fetches: fc
      .array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 5 })
      .filter((all) => all.some((n) => n > 0)),
    kills: fc.array(fc.boolean(), { minLength: 1, maxLength: 8 }),
  });
  const numRuns = process.env.SLOW ? 20_000 : 500;

  it('asks for every pack once, and again only faster, and ends with all fetched, whatever warms when', () => {
    fc.assert(
      fc.property(settings, ({ classes, tier: first, later, hasCapacity, fractions, fetches, kills }) => {
        const store = new ThawingStore(hasCapacity);
        let packs = classes.map((storageClass, i) => pack(`p${i}`, { type: 'cold' }, { storageClass }));
        let now = NOW;
        const [nextFraction, nextFetches, nextKill] = [cycle(fractions), cycle(fetches), cycle(kills)];
        let killed = 0;
        const tell = (name: string, fact: ThawFact) => {
          packs = packs.map((each) => (each.name === name ? learn(each, fact, thawTiers(each, AWS)) : each));
        };
        const look = () => {
          for (const { name } of packs) tell(name, store.look(name, now, first));
        };
        for (let step = 0; ; step++) {
          expect(step, 'steps without an end').toBeLessThan(2000);
          const question = { packs, now, days: 2, provider: AWS, fetchRate: 1e9, tier: step < 4 ? first : later };
          const plan = planThaw(question);
          if (plan.isDone) break;
          expect(plan.stuck).toEqual([]);
          const isKilled = nextKill() && step < 40;
          const asks = [
            ...plan.request,
            ...plan.upgrade,
            ...plan.extend.map((each) => ({ ...each, tier: 'bulk' as const })),
          ];
          for (const ask of asks) {
            const target = packs.find((each) => each.name === ask.name)!;
            const fact = store.restore(target, ask.tier, ask.days!, now, nextFraction());
            // A kill between the answer and the record of it: the next run has to see it for itself.
            if (!isKilled) tell(ask.name, fact);
          }
          for (const name of plan.fetch.slice(0, nextFetches())) {
            expect(store.look(name, now, first).type, `${name} was fetched while it was frozen`).toBe('warm');
            tell(name, { type: 'fetched' });
          }
          const waits = plan.fetch.length > 0 ? HOUR : Math.max(0, (plan.pollAt ?? now) - now);
          if (isKilled) killed += asks.length;
          else now += waits;
          look();
        }
        const counts = packs.map(({ name }) => store.asked.get(name));
        expect(counts).toEqual(packs.map(() => 1));
        expect(store.conflicts, 'requests that a kill does not explain').toBeLessThanOrEqual(killed);
        if (first === later) expect(store.upgrades).toBe(0);
      }),
      { numRuns },
    );
  });
});
