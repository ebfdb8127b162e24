// Bundles src/ into dist/: Node refuses to strip types inside node_modules, so an installed package needs JavaScript.
import { rmSync } from 'node:fs';
import { build } from 'esbuild';

rmSync('dist', { recursive: true, force: true });
await build({
  entryPoints: { main: 'src/cli/main.ts', worker: 'src/work/worker.ts' },
  outdir: 'dist',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  packages: 'external',
  sourcemap: false,
  legalComments: 'none',
  chunkNames: 'chunk-[hash]',
  logLevel: 'warning',
});
