import { configDefaults, defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // These need servers and tools of other people's: vitest.s3.config.ts.
    exclude: [...configDefaults.exclude, 'test/s3/**'],
    pool: 'forks',
    // Most tests wait for worker threads, child processes or the disk: a core is not enough to keep one busy.
    maxWorkers: '100%',
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
