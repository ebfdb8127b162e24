#!/usr/bin/env node
// The launcher. Any Node since 10 can parse it, so that an old one says what is missing; the rest is in dist/.
const major = Number(process.versions.node.split('.')[0]);
// What V8 and the C library take by default for short-lived memory is meant for servers: some 100 MB more than these
// commands need. Both only listen at the start of a process, so the process becomes another one (20 ms, no child).
const HEAVY = ['backup', 'restore', 'verify'];
const FLAG = '--max-semi-space-size=4';
if (
  process.execve &&
  !process.execArgv.some((flag) => flag.startsWith('--max-semi-space-size')) &&
  process.argv.some((argument) => HEAVY.includes(argument))
) {
  const env = { MALLOC_ARENA_MAX: '1', ...process.env };
  try {
    process.execve(process.execPath, [process.execPath, FLAG, ...process.execArgv, ...process.argv.slice(1)], env);
  } catch {
    // A sandbox may forbid it: more memory, then.
  }
}
if (major >= 24) {
  import('../dist/main.js').then(
    (main) => main.start(),
    (error) => {
      if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
      process.stderr.write(`icecore: error: this installation is not complete: ${error.message.split('\n')[0]}\n`);
      process.exitCode = 1;
    },
  );
} else {
  process.stderr.write(`icecore: error: this needs Node.js 24 or later, and this is ${process.versions.node}\n`);
  process.exitCode = 1;
}
