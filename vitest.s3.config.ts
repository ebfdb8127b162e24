import { defineConfig } from 'vitest/config';

/** The tests on real S3 servers: `npm run test:s3`. test/s3/places.ts says which servers, and how to name one of your own. */
export default defineConfig({
  test: {
    include: ['test/s3/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: '100%',
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
