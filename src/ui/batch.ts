/** What people read of jobs for S3 Batch Operations. Owns wording. */
import type { BatchFiles } from '../work/batch-files.ts';
import { escapeText } from './escape.ts';
import { count } from './figures.ts';

/** What was written, and what to run now; `next` says what to do when the job is done. */
export function batchText({ objects, manifest, commands, report }: BatchFiles, next: readonly string[]): string[] {
  return [
    `wrote a job for ${count(objects, 'object')}: ${escapeText(manifest)} and its request`,
    'send it with',
    ...commands.map((command) => `  ${escapeText(command)}`),
    ...(next.length === 0 ? [] : ['when it is done']),
    ...next.map((line) => `  ${escapeText(line)}`),
    `its report will be in s3://${escapeText(`${report.bucket}/${report.prefix}`)}`,
  ];
}
