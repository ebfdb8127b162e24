/**
 * Who may do what: permissions that a test takes away, per bucket or per server. Judges actions by name and key; it is
 * no evaluator of whole policies (that is policy.ts), and checks no signature.
 */

/** A permission that is missing: an IAM action (`s3:GetObject`, or `s3:*`), for all keys or for those that match. */
export type Denial = string | { readonly action: string; readonly key: RegExp };

/** True when one of the denials covers an action on a key (undefined for actions on a bucket). */
export function isDenied(denials: readonly Denial[], action: string, key: string | undefined): boolean {
  return denials.some((denial) => {
    const name = typeof denial === 'string' ? denial : denial.action;
    if (name !== action && name !== 's3:*') return false;
    return typeof denial === 'string' || (key !== undefined && denial.key.test(key));
  });
}
