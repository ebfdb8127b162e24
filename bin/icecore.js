#!/usr/bin/env node
// The launcher. Any Node since 10 can parse it, so that an old one says what is missing; the rest is in dist/.
const major = Number(process.versions.node.split('.')[0]);
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
