/** The options of commands that write jobs for S3 Batch Operations. */
import type { BatchOptions } from '../work/thaw-batch.ts';
import type { Context } from './context.ts';
import type { OptionSpec } from './option.ts';
import { usage, type Values } from './values.ts';

export const roleOption: OptionSpec = {
  flags: '--role-arn <arn>',
  help: 'the role that a job of S3 Batch Operations runs as',
};

/** Thaws by a job of S3 Batch Operations. */
export const batchOptions: readonly OptionSpec[] = [
  {
    flags: '--batch <dir>',
    help: 'write a job that has S3 Batch Operations ask for archived packs, instead of asking for each',
    complete: 'directory',
  },
  roleOption,
];

/** Reads {@link batchOptions}. */
export function readBatch(values: Values, context: Context): { readonly batch?: BatchOptions } {
  const folder = values.text('batch');
  const roleArn = readRole(values, 'batch');
  if (folder === undefined || roleArn === undefined) return {};
  for (const name of ['wait', 'thaw-command']) {
    if (values.source(name) !== undefined) {
      throw usage('batch-alone', `${values.label('batch')} and ${values.label(name)} exclude each other`);
    }
  }
  return { batch: { folder: context.absolute(folder), roleArn } };
}

/** Reads the role, which a folder for the job (the option `folder`) needs, and which is of no use without. */
export function readRole(values: Values, folder: string): string | undefined {
  const isAsked = values.text(folder) !== undefined;
  const role = values.text('role-arn');
  if (role === undefined && isAsked) {
    throw usage('no-role', `${values.label(folder)} needs --role-arn: the role that the job runs as`);
  }
  if (role !== undefined && !isAsked) throw usage('no-batch', `${values.label('role-arn')} is for --${folder}`);
  return role;
}
