// Bundles src/ into dist/: Node refuses to strip types inside node_modules, so an installed package needs JavaScript.
// `icecore --help` shall take less than twice the time of `node -e 0`, and every file and builtin module that a start
// touches counts. Hence the special cases below: 35 ms with them, 41 ms without, where an empty Node takes 20 ms.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';

const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8'));
/**
 * What goes into the bundle. Commander is needed at every start. The S3 client is not: it lands in chunks of its own,
 * which are loaded for a bucket alone; but loading it takes half the time (34 ms for 65), a tenth of the file operations
 * (50 for 570), and 12 MB less memory. Nor is age, which is needed for most commands but not for help: 55 files in one.
 */
const BUNDLED = ['commander', '@aws-sdk/client-s3', 'age-encryption'];

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

/** The licenses of what was bundled, each text once. */
function licensesOf(inputs) {
  const packages = new Set(
    Object.keys(inputs).flatMap((path) => /^(?:.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[0] ?? []),
  );
  const users = new Map();
  for (const folder of [...packages].sort()) {
    const { name, version, license } = JSON.parse(readFileSync(`${folder}package.json`, 'utf8'));
    const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
    const text = file === undefined ? license : readFileSync(folder + file, 'utf8').trim();
    users.set(text, [...(users.get(text) ?? []), `${name} ${version}`]);
  }
  return [...users].map(([text, names]) => `${names.join('\n')}\n\n${text}\n`).join(`\n${'-'.repeat(80)}\n\n`);
}

rmSync('dist', { recursive: true, force: true });
const { metafile } = await build({
  entryPoints: { main: 'src/cli/main.ts', worker: 'src/work/worker.ts' },
  outdir: 'dist',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  external: Object.keys(dependencies).filter((name) => !BUNDLED.includes(name)),
  // The form of modules lets esbuild leave out the hundred commands of the S3 client that nobody sends.
  mainFields: ['module', 'main'],
  plugins: [builtins],
  sourcemap: false,
  legalComments: 'none',
  chunkNames: 'chunk-[hash]',
  metafile: true,
  logLevel: 'warning',
});
writeFileSync('dist/licenses.txt', licensesOf(metafile.inputs));
