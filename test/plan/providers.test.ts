import { describe, expect, it } from 'vitest';
import { isIcecoreError } from '../../src/base/errors.ts';
import { findProvider, PROVIDERS } from '../../src/plan/find-provider.ts';

function idOf(endpoint: string): string {
  return findProvider({ endpoint }).id;
}

function thrownBy(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

describe('a provider', () => {
  it('is AWS when no endpoint is given', () => {
    expect(findProvider({}).id).toBe('aws');
    expect(findProvider({ endpoint: undefined, provider: undefined }).id).toBe('aws');
  });

  it.each([
    'https://s3.amazonaws.com',
    'https://s3.eu-central-1.amazonaws.com/',
    'https://S3.EU-CENTRAL-1.AmazonAWS.com.',
    'https://s3.cn-north-1.amazonaws.com.cn',
    'https://s3.dualstack.us-west-2.amazonaws.com',
    'https://s3-fips.us-gov-west-1.amazonaws.com',
    'https://s3-fips.dualstack.us-east-1.amazonaws.com',
    'https://s3-accelerate.amazonaws.com',
    'https://bucket.vpce-1a2b3c4d-5e6f.s3.us-east-1.vpce.amazonaws.com',
    'https://s3.eusc-de-east-1.amazonaws.eu',
  ])('is AWS at %s', (endpoint) => {
    expect(idOf(endpoint)).toBe('aws');
  });

  it.each([
    ['https://s3.fr-par.scw.cloud', 'scaleway'],
    ['https://s3.gra.io.cloud.ovh.net', 'ovh'],
    ['https://s3.us-west-004.backblazeb2.com', 'backblaze'],
    ['https://s3.eu-central-2.wasabisys.com', 'wasabi'],
    ['https://0123456789abcdef.eu.r2.cloudflarestorage.com', 'cloudflare'],
    ['https://storage.googleapis.com', 'google'],
    ['https://ns.compat.objectstorage.eu-frankfurt-1.oraclecloud.com', 'oracle'],
    ['https://ns.compat.objectstorage.eu-frankfurt-1.oci.customer-oci.com', 'oracle'],
    ['https://oss-eu-central-1.aliyuncs.com', 'alibaba'],
    ['https://cos.ap-beijing.myqcloud.com', 'tencent'],
    ['https://obs.eu-west-101.myhuaweicloud.eu', 'huawei'],
    ['https://s3.eu-de.cloud-object-storage.appdomain.cloud', 'ibm'],
    ['https://fra1.digitaloceanspaces.com', 'digitalocean'],
    ['https://fsn1.your-objectstorage.com', 'hetzner'],
    ['https://gateway.storjshare.io', 'storj'],
    ['https://q9d9.la12.idrivee2-5.com', 'idrive'],
    ['https://eu-central-1.linodeobjects.com', 'linode'],
  ])('at %s is %s', (endpoint, id) => {
    expect(idOf(endpoint)).toBe(id);
  });

  it.each([
    'http://localhost:9000',
    'http://127.0.0.1:7480',
    'http://[::1]:9000',
    'https://s3.example.com',
    'https://notamazonaws.com',
    'https://amazonaws.com.example.com',
    'https://idrivee2-x.com',
    'https://idrivee2-.com',
    'https://com',
  ])('is not guessed at %s', (endpoint) => {
    expect(idOf(endpoint)).toBe('generic');
  });

  it('is the one that is named, whatever the endpoint', () => {
    expect(findProvider({ endpoint: 'http://localhost:7480', provider: 'ceph' }).id).toBe('ceph');
    expect(findProvider({ endpoint: 'https://s3.amazonaws.com', provider: 'generic' }).id).toBe('generic');
    for (const profile of PROVIDERS) expect(findProvider({ provider: profile.id })).toBe(profile);
  });

  it('that nobody knows is refused, and the known ones are named', () => {
    const error = thrownBy(() => findProvider({ provider: 'amazon' }));
    expect(isIcecoreError(error, 'usage') && [error.code, error.hint]).toEqual([
      'unknown-provider',
      expect.stringMatching(/^the known ones are aws, .*ceph.*, generic$/),
    ]);
  });

  it('is not looked for at an endpoint that is not a URL', () => {
    for (const endpoint of ['', 'localhost', 's3.example.com', 'localhost:9000', '//x']) {
      const error = thrownBy(() => findProvider({ endpoint }));
      expect(isIcecoreError(error, 'usage') && error.code, endpoint).toBe('invalid-endpoint');
    }
  });
});

describe('the profiles', () => {
  it('have ids of their own, hosts that no other has, and STANDARD online', () => {
    expect(new Set(PROVIDERS.map((profile) => profile.id)).size).toBe(PROVIDERS.length);
    const hosts = PROVIDERS.flatMap((profile) => profile.hosts);
    expect(new Set(hosts).size).toBe(hosts.length);
    for (const profile of PROVIDERS) expect(profile.classes.STANDARD?.isOnline, profile.id).toBe(true);
  });

  it('name tiers for exactly the classes that have to be thawed, and say how', () => {
    for (const { id, classes, quirks } of PROVIDERS) {
      for (const [name, storageClass] of Object.entries(classes)) {
        const where = `${id} ${name}`;
        if (storageClass.isOnline) expect(storageClass.tiers, where).toEqual([]);
        else if (quirks.restore === 'tiers') expect(storageClass.tiers.length, where).toBeGreaterThan(0);
        else if (quirks.restore === 'days')
          expect(
            storageClass.tiers.map((tier) => tier.name),
            where,
          ).toEqual(['standard']);
        for (const tier of storageClass.tiers) expect(tier.minHours, where).toBeLessThan(tier.maxHours);
      }
    }
  });

  it('keep to the classes of Amazon S3 as its guide has them', () => {
    const { DEEP_ARCHIVE, GLACIER } = findProvider({}).classes;
    expect(DEEP_ARCHIVE!.tiers.map((tier) => tier.name)).toEqual(['standard', 'bulk']);
    expect(GLACIER!.tiers.map((tier) => tier.name)).toEqual(['expedited', 'standard', 'bulk']);
    expect([DEEP_ARCHIVE!.minimumDays, GLACIER!.minimumDays]).toEqual([180, 90]);
  });
});
