/** The options of commands that write jobs for S3 Batch Operations. */
import type { OptionSpec } from './option.ts';
import { usage, type Values } from './values.ts';

export const roleOption: OptionSpec = {
  flags: '--role-arn <arn>',
  help: 'the role that a job of S3 Batch Operations runs as',
};

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
