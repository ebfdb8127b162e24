/** The test S3 server's archive classes on its virtual clock, and what its meter bills for them. */
import {
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  RestoreObjectCommand,
  type RestoreRequest,
  type S3Client,
  type StorageClass,
} from '@aws-sdk/client-s3';
import { afterEach, describe, expect, it } from 'vitest';
import { clientOf, codeOf } from '../support/s3/client.ts';
import { VirtualClock } from '../support/s3/clock.ts';
import { type BillPrices, billOf } from '../support/s3/meter.ts';
import { type S3TestServer, startS3Server } from '../support/s3/server.ts';
import type { S3ServerOptions } from '../support/s3/world.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const GIB = 2 ** 30;
const START = Date.UTC(2026, 2, 1, 10, 30);
const object = { Bucket: 'b', Key: 'k' };

const open: { server: S3TestServer; client: S3Client }[] = [];
afterEach(async () => {
  for (const { server, client } of open.splice(0)) {
    client.destroy();
    await server.close();
  }
});

async function start(storageClass: string, options: S3ServerOptions = {}) {
  const server = await startS3Server({ buckets: ['b'], clock: new VirtualClock(START), ...options });
  const client = clientOf(server);
  open.push({ server, client });
  server.bucket('b').put('k', Buffer.from('hello'), { storageClass });
  const restore = async (request: RestoreRequest): Promise<number | string> => {
    try {
      const command = new RestoreObjectCommand({ ...object, RestoreRequest: request });
      return (await client.send(command)).$metadata.httpStatusCode!;
    } catch (error) {
      return (error as Error).name;
    }
  };
  const tier = (Tier: 'Bulk' | 'Standard' | 'Expedited', Days = 2) => restore({ Days, GlacierJobParameters: { Tier } });
  const read = () => codeOf(client.send(new GetObjectCommand(object)));
  const state = async () => (await client.send(new HeadObjectCommand(object))).Restore;
  return { server, client, restore, tier, read, state };
}

describe('an archived object', () => {
  it.each([
    ['DEEP_ARCHIVE', 'Bulk', 48],
    ['DEEP_ARCHIVE', 'Standard', 12],
    ['GLACIER', 'Bulk', 12],
    ['GLACIER', 'Standard', 5],
    ['GLACIER', 'Expedited', 1 / 12],
  ] as const)(
    'of %s is read after a %s restore, within %f hours, and is cold again at midnight',
    async (name, by, hours) => {
      const { server, tier, read, state } = await start(name);
      expect([await read(), await state()]).toEqual(['InvalidObjectState', undefined]);
      expect(await tier(by)).toBe(202);
      expect(await state()).toBe('ongoing-request="true"');
      expect(await tier(by)).toBe('RestoreAlreadyInProgress');
      server.clock.advance(hours * HOUR - 1000);
      expect(await read()).toBe('InvalidObjectState');
      server.clock.advance(1000);
      expect(await read()).toBe('none');
      const expires = Math.ceil((START + hours * HOUR + 2 * DAY) / DAY) * DAY;
      expect(await state()).toBe(`ongoing-request="false", expiry-date="${new Date(expires).toUTCString()}"`);
      server.clock.advance(expires - server.clock.now() - 1000);
      expect(await read()).toBe('none');
      server.clock.advance(1000);
      expect([await read(), await state()]).toEqual(['InvalidObjectState', undefined]);
    },
  );

  it('that is restored stays longer when asked again', async () => {
    const { server, tier, state } = await start('DEEP_ARCHIVE');
    await tier('Standard', 1);
    server.clock.advance(12 * HOUR);
    expect(await tier('Bulk', 10)).toBe(200);
    expect(await state()).toContain('12 Mar 2026 00:00:00 GMT');
  });

  it('is restored sooner by a faster tier with the same days, and no other way', async () => {
    const { server, tier, read } = await start('DEEP_ARCHIVE');
    expect(await tier('Bulk', 3)).toBe(202);
    expect(await tier('Standard', 4)).toBe('RestoreAlreadyInProgress');
    expect(await tier('Standard', 3)).toBe(202);
    expect(await tier('Bulk', 3)).toBe('RestoreAlreadyInProgress');
    server.clock.advance(12 * HOUR);
    expect(await read()).toBe('none');
  });

  it('refuses restores that do not exist', async () => {
    const deep = await start('DEEP_ARCHIVE');
    expect(await deep.tier('Expedited')).toBe('InvalidArgument');
    expect(await deep.restore({})).toBe('MalformedXML');
    expect(await deep.restore({ Days: 0 })).toBe('MalformedXML');
    expect(await deep.restore({ Days: 1, GlacierJobParameters: { Tier: 'Fast' as never } })).toBe('MalformedXML');
    expect(await (await start('STANDARD')).tier('Bulk')).toBe('InvalidObjectState');
    const busy = await start('GLACIER', { hasExpeditedCapacity: false });
    expect(await busy.tier('Expedited')).toBe('GlacierExpeditedRetrievalNotAvailable');
    expect(await busy.tier('Standard')).toBe(202);
    const without = await start('GLACIER', { quirks: { restore: 'none' } });
    expect(await without.tier('Bulk')).toBe('NotImplemented');
    const plain = await start('GLACIER', { quirks: { restore: 'days' } });
    expect([await plain.tier('Bulk'), await plain.restore({ Days: 1 })]).toEqual(['InvalidArgument', 202]);
  });

  it('tells its state in a listing that asks, where the store knows how', async () => {
    const { server, client, tier } = await start('GLACIER');
    server.bucket('b').put('cold', Buffer.from('x'), { storageClass: 'GLACIER' });
    await tier('Standard', 1);
    const list = async (more: object = {}) => {
      const page = await client.send(new ListObjectsV2Command({ Bucket: 'b', ...more }));
      return page.Contents!.map(({ RestoreStatus }) => RestoreStatus);
    };
    const asked = { OptionalObjectAttributes: ['RestoreStatus'] };
    expect(await list(asked)).toEqual([undefined, { IsRestoreInProgress: true }]);
    server.clock.advance(5 * HOUR);
    const RestoreExpiryDate = new Date('2026-03-03T00:00:00Z');
    expect(await list(asked)).toEqual([undefined, { IsRestoreInProgress: false, RestoreExpiryDate }]);
    expect(await list()).toEqual([undefined, undefined]);
  });

  it('of INTELLIGENT_TIERING is restored for good, without days', async () => {
    const { server, tier, restore, read } = await start('INTELLIGENT_TIERING');
    expect(await read()).toBe('none');
    server.bucket('b').get('k')!.archiveTier = 'DEEP_ARCHIVE_ACCESS';
    expect(await read()).toBe('InvalidObjectState');
    expect(await tier('Bulk')).toBe('InvalidArgument');
    expect(await restore({ GlacierJobParameters: { Tier: 'Bulk' } })).toBe(202);
    server.clock.advance(48 * HOUR);
    expect(await read()).toBe('none');
    server.clock.advance(1000 * DAY);
    expect(await read()).toBe('none');
  });

  it('takes times from the documented range by a seed, or fixed ones', async () => {
    const ready = async (options: S3ServerOptions): Promise<number> => {
      const { server, tier } = await start('DEEP_ARCHIVE', options);
      await tier('Bulk');
      return (server.bucket('b').get('k')!.restore!.ready - START) / HOUR;
    };
    const drawn = await Promise.all([1, 2, 1].map((seed) => ready({ restoreLatency: { seed } })));
    expect(drawn[0]).toBe(drawn[2]);
    expect(drawn[0]).not.toBe(drawn[1]);
    expect(drawn.every((hours) => hours >= 24 && hours <= 48)).toBe(true);
    expect(await ready({ restoreLatency: { fixed: { DEEP_ARCHIVE: { Bulk: 60_000 } } } })).toBe(1 / 60);
  });

  it('is read at once where the provider keeps that class online', async () => {
    const { read } = await start('GLACIER' satisfies StorageClass, { quirks: { onlineClasses: ['GLACIER'] } });
    expect(await read()).toBe('none');
  });
});

describe('the meter', () => {
  const PRICES: BillPrices = {
    requests: { STANDARD: { '*': 0.0004, PutObject: 0.005 }, DEEP_ARCHIVE: { PutObject: 0.05, GetObject: 0.0004 } },
    storage: { STANDARD: 0.023, DEEP_ARCHIVE: 0.00099 },
    retrieval: { DEEP_ARCHIVE: { Bulk: { gib: 0.0025, requests: 0.025 } } },
    egress: { gib: 0.09, freeGib: 0 },
  };

  it('bills storage with overhead, a restore with its copy, and egress', async () => {
    const { server, tier, client } = await start('DEEP_ARCHIVE');
    const month = 30.4 * DAY;
    await tier('Bulk', 2);
    server.clock.advance(48 * HOUR);
    await (await client.send(new GetObjectCommand(object))).Body!.transformToByteArray();
    server.clock.advance(month - 48 * HOUR);
    const usage = server.meter.usage();
    expect(usage.retrievals).toEqual([{ storageClass: 'DEEP_ARCHIVE', tier: 'Bulk', requests: 1, bytes: 5 }]);
    // From the moment that it was readable to the midnight after the two days: 61.5 hours.
    expect(usage.thawedByteSeconds).toBe(5 * 61.5 * 3600);
    const expected =
      ((5 + 32_768) / GIB) * 0.00099 +
      (8192 / GIB) * 0.023 +
      (5 / GIB) * (61.5 / 24 / 30.4) * 0.023 +
      (0.025 + 0.0004) / 1000 +
      (5 / GIB) * (0.0025 + 0.09);
    expect(billOf(usage, PRICES)).toBeCloseTo(expected, 15);
  });

  it('bills the rest of the minimum duration of what is deleted early, and nothing after it', async () => {
    const { server } = await start('DEEP_ARCHIVE');
    server.clock.advance(80 * DAY);
    server.bucket('b').remove('k');
    expect(server.meter.usage().earlyDeletes).toEqual([
      { storageClass: 'DEEP_ARCHIVE', byteSeconds: (5 * 100 * DAY) / 1000, objectSeconds: (100 * DAY) / 1000 },
    ]);
    server.bucket('b').put('k', Buffer.from('x'), { storageClass: 'DEEP_ARCHIVE' });
    server.meter.reset();
    server.clock.advance(180 * DAY);
    server.bucket('b').remove('k');
    expect(server.meter.usage().earlyDeletes).toEqual([]);
  });

  it('bills small objects of infrequent classes at their minimum size', async () => {
    const { server } = await start('STANDARD_IA');
    server.clock.advance(1000);
    expect(server.meter.usage().storage).toEqual([
      { storageClass: 'STANDARD_IA', byteSeconds: 131_072, objectSeconds: 1 },
    ]);
  });
});
