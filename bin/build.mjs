// Bundles src/ into dist/: Node refuses to strip types inside node_modules, so an installed package needs JavaScript.
// `icecore --help` shall take less than twice the time of `node -e 0`, and every file and builtin module that a start
// touches counts. Hence the special cases below: 35 ms with them, 41 ms without, where an empty Node takes 20 ms.
import { readFileSync, rmSync } from 'node:fs';
import { build } from 'esbuild';

const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8'));

/**
 * Takes builtin modules from process.getBuiltinModule instead of importing them. An import makes Node read every export
 * of the module once, and some are getters that load half of Node (fs.promises, process.stdin). What is not used here
 * is dropped by esbuild.
 */
const builtins = {
  name: 'builtins',
  setup({ onResolve, onLoad }) {
    // Commander can run subcommands that are programs of their own. Ours are not.
    onResolve({ filter: /^node:child_process$/ }, ({ importer }) =>
      importer.includes('/commander/') ? { path: 'none', namespace: 'empty' } : undefined,
    );
    onLoad({ filter: /.*/, namespace: 'empty' }, () => ({ contents: 'export default {};' }));
    onResolve({ filter: /^node:/ }, ({ path, kind }) =>
      kind === 'import-statement' ? { path, namespace: 'builtin', sideEffects: false } : undefined,
    );
    onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => {
      const names = Object.keys(process.getBuiltinModule(path)).filter((name) => /^[a-z_$][\w$]*$/i.test(name));
      const lines = names
        .filter((name) => name !== 'default')
        .map((name, i) => `const n${i} = /* @__PURE__ */ (() => m.${name})(); export { n${i} as ${name} };`);
      return {
        contents: [`const m = process.getBuiltinModule('${path}');`, 'export default m;', ...lines].join('\n'),
      };
    });
  },
};

rmSync('dist', { recursive: true, force: true });
await build({
  entryPoints: { main: 'src/cli/main.ts', worker: 'src/work/worker.ts' },
  outdir: 'dist',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  // Commander is needed at every start, so it goes into the bundle; the others are loaded when they are needed.
  external: Object.keys(dependencies).filter((name) => name !== 'commander'),
  plugins: [builtins],
  sourcemap: false,
  legalComments: 'none',
  chunkNames: 'chunk-[hash]',
  logLevel: 'warning',
});
