import { describe, expect, it } from 'vitest';
import { rawFromText } from '../../src/base/raw.ts';
import { Output } from '../../src/ui/output.ts';
import { each, rawPath } from '../support/fake-verbs.ts';
import { CapturedStream } from '../support/world.ts';

describe('the output', () => {
  it('writes lines in order, in batches and one by one', async () => {
    const stream = new CapturedStream();
    const output = new Output(stream, 'standard output');
    output.line('first');
    await output.writeLines(each('a', 'b'));
    output.line('last');
    await output.flush();
    expect(stream.text).toBe('first\na\nb\nlast\n');
  });

  it('writes names exactly, each ended by a NUL byte', async () => {
    const stream = new CapturedStream();
    await new Output(stream, 'standard output').writeNames(each(rawPath('/\xff'), rawFromText('/a\nb')));
    expect([...stream.bytes]).toEqual([0x2f, 0xff, 0, 0x2f, 0x61, 0x0a, 0x62, 0]);
  });

  it('stops pulling when the reader has gone, and takes that for no error', async () => {
    const output = new Output(new CapturedStream({ failure: 'EPIPE', failsAfter: 100_000 }), 'standard output');
    let pulled = 0;
    const endless = async function* () {
      for (;;) {
        pulled++;
        yield 'x'.repeat(1000);
      }
    };
    await output.writeLines(endless());
    await output.flush();
    expect(output.isBroken).toBe(true);
    expect(pulled).toBeLessThan(1000);
  });

  it('takes a full disk for an error, while writing and at the end', async () => {
    const output = new Output(new CapturedStream({ failure: 'ENOSPC' }), 'standard output');
    output.line('lost');
    await expect(output.flush()).rejects.toMatchObject({ code: 'output-failed', kind: 'user' });
  });
});
