/** Money and checks as people read them. */
import { describe, expect, it } from 'vitest';
import { formatUsd } from '../../src/plan/money.ts';
import { snapshotTable, verifiedNote } from '../../src/ui/snapshots.ts';
import { snapshot } from '../support/fake-verbs.ts';

describe('an amount', () => {
  it.each([
    [0, '$0'],
    [0.000_05, '<$0.0001'],
    [0.000_12, '$0.00012'],
    [0.006_55, '$0.0066'],
    [0.01, '$0.01'],
    [1.234, '$1.23'],
    [1234.5, '$1,234.50'],
    [1_234_567.891, '$1,234,567.89'],
  ])('of %d is %s', (amount, text) => {
    expect(formatUsd(amount)).toBe(text);
  });

  it('that nobody knows says so', () => {
    expect(formatUsd('unknown')).toBe('unknown');
  });
});

describe('what was verified', () => {
  const at = (day: number): number => new Date(2026, 10, day, 12).getTime();

  it('names the deepest check first, and flatter ones only when they are newer', () => {
    const data = { level: 'data', time: at(2), share: 1, isSound: true } as const;
    const checksums = { level: 'checksums', time: at(9), share: 1, isSound: true } as const;
    const list = { level: 'list', time: at(5), share: 1, isSound: true } as const;
    expect(verifiedNote([data, list, checksums])).toBe('data 2026-11-02, checksums 2026-11-09');
    expect(verifiedNote([{ ...data, time: at(20) }, list, checksums])).toBe('data 2026-11-20');
    expect(verifiedNote(undefined)).toBe('');
  });

  it('says how much of the data was read, and does not take a part for all', () => {
    const data = { level: 'data', time: at(20), share: 0.05, isSound: true } as const;
    const list = { level: 'list', time: at(5), share: 1, isSound: false } as const;
    expect(verifiedNote([data, list])).toBe('data 5% 2026-11-20, list 2026-11-05 damaged');
    const whole = { level: 'data', time: at(9), share: 1, isSound: true } as const;
    expect(verifiedNote([data, whole, list])).toBe('data 2026-11-09, data 5% 2026-11-20');
  });

  it('is a column only where something was', () => {
    const plain = snapshotTable([snapshot('01KA8Y2Q7X0000000000000000')], { heading: true });
    expect(plain[0]).not.toContain('verified');
    const verified = [{ level: 'list', time: at(5), share: 1, isSound: true }] as const;
    const shown = snapshotTable([snapshot('01KA8Y2Q7X0000000000000000', { verified })], { heading: true });
    expect(shown[0]).toContain('verified');
    expect(shown[1]).toContain('list 2026-11-05');
  });
});
