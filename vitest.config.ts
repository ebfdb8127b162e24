import { configDefaults, defineConfig } from 'vitest/config';

// Each file of tests is a process of its own, and all of them compile the same packages.
process.env.NODE_COMPILE_CACHE ??= 'node_modules/.cache/v8';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // These need servers and tools of other people's: vitest.s3.config.ts.
    exclude: [...configDefaults.exclude, 'test/s3/**'],
    pool: 'forks',
    // Most tests wait for worker threads, child processes, servers or the disk: it takes more than one to keep a core busy.
    maxWorkers: '150%',
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
