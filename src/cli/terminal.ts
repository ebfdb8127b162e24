/**
 * Asks a person at the terminal. Owns reading one line with or without showing it; questions are asked on the terminal
 * itself, so that standard input may carry data and standard output results. Loaded only when something is asked.
 */
import { openSync } from 'node:fs';
import { ReadStream, WriteStream } from 'node:tty';
import { cancelled } from '../base/errors.ts';

const ENTER = new Set(['\r', '\n']);
const ERASE = new Set(['\u007f', '\b']);
const INTERRUPT = '\u0003';
const END = '\u0004';
const ERASE_LINE = '\u0015';

/** As {@link Terminal.ask}, on the process's controlling terminal. */
export async function askTerminal(question: string, isSecret: boolean): Promise<string | undefined> {
  const input = new ReadStream(openSync('/dev/tty', 'r'));
  const output = new WriteStream(openSync('/dev/tty', 'w'));
  try {
    // Raw, so that nothing is shown but what we write; the keys that the terminal would handle are handled here.
    input.setRawMode(true);
    output.write(question);
    return await readLine(input, (shown) => {
      if (!isSecret) output.write(shown);
    });
  } finally {
    input.setRawMode(false);
    output.write('\n');
    input.destroy();
    await new Promise<void>((resolve) => output.end(resolve));
    output.destroy();
  }
}

/** Reads up to the end of a line; `show` gets what a person expects to see meanwhile. */
export async function readLine(
  input: AsyncIterable<Buffer | string>,
  show: (text: string) => void,
): Promise<string | undefined> {
  const decoder = new TextDecoder();
  let typed: string[] = [];
  for await (const part of input) {
    const text = typeof part === 'string' ? part : decoder.decode(part, { stream: true });
    for (const character of text) {
      if (ENTER.has(character)) return typed.join('');
      if (character === INTERRUPT) throw cancelled();
      if (character === END) {
        if (typed.length === 0) return undefined;
      } else if (ERASE.has(character)) {
        if (typed.pop() !== undefined) show('\b \b');
      } else if (character === ERASE_LINE) {
        show('\b \b'.repeat(typed.length));
        typed = [];
      } else if (character >= ' ') {
        typed.push(character);
        show(character);
      }
    }
  }
  return typed.length === 0 ? undefined : typed.join('');
}
