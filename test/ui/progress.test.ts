import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import type { Progress } from '../../src/base/monitor.ts';
import { rawFromText } from '../../src/base/raw.ts';
import { PaceMeter, progressLine } from '../../src/ui/progress.ts';
import { TerminalDisplay } from '../../src/ui/tty.ts';
import { displayWidth } from '../../src/ui/width.ts';
import { CapturedStream } from '../support/world.ts';

const MIB = 1024 * 1024;

function report(more: Partial<Progress> = {}): Progress {
  return {
    phase: 'backup',
    filesDone: 1200,
    filesTotal: 5000,
    bytesDone: 25 * MIB,
    bytesTotal: 100 * MIB,
    current: rawFromText('/home/anna/photos/2019/winter/IMG_0042.jpg'),
    errors: 0,
    ...more,
  };
}

describe('the pace of a run', () => {
  it('is measured over the last seconds, and says what remains', () => {
    const meter = new PaceMeter();
    for (let second = 0; second <= 10; second++) meter.measure(report({ bytesDone: second * MIB }), second * 1000);
    const pace = meter.measure(report({ bytesDone: 10 * MIB }), 10_000);
    expect(pace.bytesPerSecond).toBeCloseTo(MIB, -3);
    expect(pace.secondsRemaining).toBeCloseTo(90, 0);
    expect(pace.fraction).toBeCloseTo(0.1, 5);
  });

  it('starts anew with a new phase, and never goes below nothing', () => {
    const meter = new PaceMeter();
    meter.measure(report({ bytesDone: 50 * MIB }), 0);
    meter.measure(report({ bytesDone: 60 * MIB }), 1000);
    expect(meter.measure(report({ phase: 'commit', bytesDone: 0 }), 2000).bytesPerSecond).toBeUndefined();
    expect(meter.measure(report({ phase: 'commit', bytesDone: MIB }), 3000).bytesPerSecond).toBeCloseTo(MIB, -3);
  });
});

describe('the progress line', () => {
  const pace = { seconds: 20, bytesPerSecond: 12 * MIB, secondsRemaining: 200, fraction: 0.25 };

  it('shows phase, share, bytes, rate, files, time left and the end of the path on a wide terminal', () => {
    const line = progressLine(report(), pace, 120);
    expect(line).toMatch(
      /^backup {2}25% {2}25\.0 MiB of 100 MiB {2}12\.0 MiB\/s {2}1,200 files {2}3 min 20 s left {2}/,
    );
    expect(line).toMatch(/IMG_0042\.jpg$/);
  });

  it('keeps the most telling figures in 20 columns', () => {
    expect(progressLine(report({ errors: 2 }), pace, 17)).toBe('25%  2 errors');
    expect(progressLine(report(), pace, 17)).toBe('25%  12.0 MiB/s');
  });

  it('marks totals that are estimates', () => {
    expect(progressLine(report({ totalsAreEstimates: true }), pace, 120)).toContain('~25%  25.0 MiB of ~100 MiB');
  });

  it('never passes the width, whatever there is to say', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), fc.string({ unit: 'grapheme' }), fc.nat(), (columns, path, n) => {
        const line = progressLine(report({ current: rawFromText(path), errors: n, filesDone: n }), pace, columns);
        expect(displayWidth(line)).toBeLessThanOrEqual(columns);
      }),
    );
  });
});

describe('the display on a terminal', () => {
  it('draws one line that fits into 20 columns, and leaves a clean line behind', async () => {
    const stream = new CapturedStream({ isTTY: true, columns: 20 });
    const display = new TerminalDisplay(stream);
    display.update(report());
    await new Promise((resolve) => setTimeout(resolve, 700));
    display.stop();
    const frames = stream.text
      .replace(/\u001b\[\?(2026|25)[hl]/g, '\n')
      .split('\n')
      .map((frame) => frame.replace(/\u001b\[[0-9;]*m/g, ''));
    expect(frames.some((frame) => frame.includes('25%'))).toBe(true);
    for (const frame of frames) expect(displayWidth(frame)).toBeLessThanOrEqual(19);
    expect(stream.text.endsWith('\u001b[?25h')).toBe(true);
    const before = stream.text;
    await new Promise((resolve) => setTimeout(resolve, 250));
    expect(stream.text).toBe(before);
  });

  it('shows that the store makes us wait while it does, and then goes on', async () => {
    const waiting = new CapturedStream({ isTTY: true, columns: 60 });
    const over = new CapturedStream({ isTTY: true, columns: 60 });
    const displays = [new TerminalDisplay(waiting), new TerminalDisplay(over)] as const;
    for (const display of displays) display.update(report());
    displays[0].hold('throttled, attempt 2 in 60 s', 60_000);
    displays[0].hold('throttled, attempt 3 in 0.1 s', 100);
    displays[1].hold('throttled, attempt 2 in 0.1 s', 100);
    await vi.waitUntil(() => over.text.includes('25%') && waiting.text.includes('attempt 3'), { timeout: 20_000 });
    for (const display of displays) display.stop();
    expect(waiting.text).not.toContain('25%');
  });

  it('shows nothing on a terminal without a size, where a spinner would count endless lines', async () => {
    const stream = new CapturedStream({ isTTY: true, columns: 0 });
    const display = new TerminalDisplay(stream);
    display.update(report());
    await new Promise((resolve) => setTimeout(resolve, 600));
    display.stop();
    expect(stream.text).toBe('');
  });

  it('shows nothing for a run that is over at once', async () => {
    const stream = new CapturedStream({ isTTY: true });
    const display = new TerminalDisplay(stream);
    display.update(report());
    await new Promise((resolve) => setTimeout(resolve, 120));
    display.stop();
    expect(stream.text).toBe('');
  });
});
