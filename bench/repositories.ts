/**
 * Where the repositories of a comparison lie: in folders of the scratch folder, or in a bucket of an S3 server that is
 * started for it. Makes places, weighs them, and clears them away.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { BucketView } from '../test/s3/bucket-view.ts';
import { rgw } from '../test/s3/servers/rgw.ts';
import { missingPrograms } from '../test/s3/servers/server.ts';
import type { Repository } from './tools/tool.ts';
import { weigh } from './walk.ts';

const BUCKET = 'icecore-bench';

/** The places of all tools. */
export interface Repositories {
  readonly type: Repository['type'];
  /** Names an empty place for one tool, whose own folder of the round is given. */
  place(tool: string, folder: string): Repository;
  /** Bytes of everything in it. */
  weigh(repository: Repository): Promise<number>;
  clear(repository: Repository): Promise<void>;
  /** Ends what was started for all of them. */
  stop(): Promise<void>;
}

/** Repositories in folders. */
export const folders: Repositories = {
  type: 'folder',
  place: (_, folder) => ({ type: 'folder', path: join(folder, 'repository') }),
  weigh: async (repository) => (repository.type === 'folder' ? weigh(repository.path).bytes : 0),
  async clear(repository) {
    if (repository.type === 'folder') rmSync(repository.path, { recursive: true, force: true });
  },
  stop: async () => {},
};

/**
 * Starts Ceph's S3 server, with all data in memory, and makes a bucket.
 * @throws Error when it is not installed
 */
export async function startBucket(): Promise<Repositories> {
  const missing = missingPrograms(rgw);
  if (missing.length > 0) throw new Error(`--s3 needs ${missing.join(', ')}: ${rgw.origin}`);
  const server = await rgw.start();
  const { endpoint, environment } = server;
  Object.assign(process.env, environment);
  const view = new BucketView({ type: 's3', bucket: BUCKET, prefix: '', endpoint });
  await view.createBucket();
  const prefixOf = (repository: Repository): string => (repository.type === 'bucket' ? `${repository.prefix}/` : '');
  return {
    type: 'bucket',
    place: (tool) => ({ type: 'bucket', endpoint, bucket: BUCKET, prefix: tool, environment }),
    async weigh(repository) {
      const objects = await view.objects(prefixOf(repository));
      return objects.reduce((bytes, { Size = 0 }) => bytes + Size, 0);
    },
    clear: (repository) => view.removeAll(prefixOf(repository)),
    async stop() {
      view.close();
      await server.stop();
    },
  };
}
