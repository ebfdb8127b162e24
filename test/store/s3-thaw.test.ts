import { expect, test } from 'vitest';
import { readRestoreHeader } from '../../src/store/s3-thaw.ts';
import type { Thaw } from '../../src/store/thaw.ts';
import { VirtualClock } from '../support/s3/clock.ts';
import type { S3ServerOptions } from '../support/s3/world.ts';
import { BUCKET, useS3Room } from '../support/s3-room.ts';

const room = useS3Room();
const HOUR = 3_600_000;

test('the header of a restore is read, and nothing is guessed from one that cannot be', () => {
  expect(readRestoreHeader('ongoing-request="true"')).toEqual({ type: 'warming' });
  expect(readRestoreHeader('ongoing-request="false", expiry-date="Fri, 21 Dec 2012 00:00:00 GMT"')).toEqual({
    type: 'warm',
    until: Date.UTC(2012, 11, 21),
  });
  for (const odd of [
    undefined,
    '',
    'ongoing-request="maybe"',
    'ongoing-request="false"',
    'ongoing-request="false", expiry-date="soon"',
  ]) {
    expect(readRestoreHeader(odd)).toBeUndefined();
  }
});

/** A store with an object in each class. */
async function open(options: S3ServerOptions = {}, provider = 'aws') {
  const clock = new VirtualClock(Date.UTC(2026, 10, 2, 10));
  const server = await room().serve({ clock, ...options });
  const store = await room().open(server.url, { provider });
  for (const name of ['STANDARD', 'GLACIER', 'DEEP_ARCHIVE']) {
    server.bucket(BUCKET).put(`some/where/packs/${name}`, Buffer.from('x'), { storageClass: name });
  }
  const thaw = store.thaw as Thaw;
  const states = async () => {
    const found: [string, string][] = [];
    for await (const { name, state } of thaw.states('packs/')) found.push([name.slice(6), state.type]);
    return Object.fromEntries(found);
  };
  return { server, clock, thaw, states };
}

test.each([true, false])(
  'an archived object goes from cold to warm and back, as the store tells it (in listings: %s)',
  async (lists) => {
    const { clock, thaw, states } = await open({ quirks: { listsRestoreStatus: lists } }, lists ? 'aws' : 'ovh');
    const archived = lists ? ['DEEP_ARCHIVE', 'GLACIER'] : ['DEEP_ARCHIVE'];
    const all = (state: string) => Object.fromEntries(archived.map((name) => [name, state]));
    expect(await states()).toMatchObject({ STANDARD: 'online', ...all('cold') });
    const ask = (name: string) => thaw.request(`packs/${name}`, { days: 2, tier: 'standard', storageClass: name });
    for (const name of archived) expect([await ask(name), await ask(name)]).toEqual(['started', 'in-progress']);
    expect(await states()).toMatchObject(all('warming'));
    clock.advance(13 * HOUR);
    expect(await states()).toMatchObject(all('warm'));
    expect((await thaw.look('packs/DEEP_ARCHIVE', 'DEEP_ARCHIVE'))!.state).toEqual({
      type: 'warm',
      until: Date.UTC(2026, 10, 5),
    });
    expect(await ask('DEEP_ARCHIVE')).toBe('extended');
    clock.advance(72 * HOUR);
    expect(await states()).toMatchObject(all('cold'));
    expect([await ask('STANDARD'), await ask('nothing')]).toEqual(['online', 'absent']);
    expect(await thaw.look('packs/nothing', 'GLACIER')).toBeUndefined();
  },
);

test('where there is no capacity for the fastest tier, that is an answer and no fault', async () => {
  const { server, thaw } = await open({ hasExpeditedCapacity: false });
  const before = server.requests.length;
  const request = { days: 1, tier: 'expedited', storageClass: 'GLACIER' } as const;
  expect(await thaw.request('packs/GLACIER', request)).toBe('no-expedited');
  expect(server.requests.length - before).toBe(1);
});
