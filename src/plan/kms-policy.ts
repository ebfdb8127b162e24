/**
 * The statement of a policy that lets S3 encrypt and decrypt with a KMS key, for nothing but that. Owns the ways in
 * which a key can be named, and the partitions of AWS.
 */

/** A statement about a key; the field names are those of IAM. */
export interface KeyStatement {
  readonly Sid: 'UseKey';
  readonly Effect: 'Allow';
  readonly Action: readonly string[];
  readonly Resource: readonly string[];
  readonly Condition: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** The partition that a region belongs to; the common one when it is unknown. */
export function partitionOf(region: string | undefined): 'aws' | 'aws-cn' | 'aws-us-gov' {
  if (region?.startsWith('cn-')) return 'aws-cn';
  return region?.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
}

/**
 * Builds the statement. A multipart upload needs to decrypt too (S3 user guide, "Uploading and copying objects using
 * multipart upload"), so writers get both rights, but only through S3: they lead to no object that S3 does not give out.
 * @param key a key id, the ARN of a key, or an alias
 */
export function keyStatement(key: string, region: string | undefined): KeyStatement {
  const partition = partitionOf(region);
  const anyKey = `arn:${partition}:kms:${region ?? '*'}:*:key/`;
  const alias = /(?:^|:)(alias\/.+)$/.exec(key)?.[1];
  const resource = alias === undefined ? (key.startsWith('arn:') ? key : anyKey + key) : `${anyKey}*`;
  return {
    Sid: 'UseKey',
    Effect: 'Allow',
    Action: ['kms:GenerateDataKey', 'kms:Decrypt'],
    Resource: [resource],
    Condition: {
      StringLike: { 'kms:ViaService': `s3.${region ?? '*'}.amazonaws.com${partition === 'aws-cn' ? '*' : ''}` },
      // An alias is no resource of these actions; it can only narrow them.
      ...(alias === undefined ? {} : { 'ForAnyValue:StringEquals': { 'kms:ResourceAliases': alias } }),
    },
  };
}
