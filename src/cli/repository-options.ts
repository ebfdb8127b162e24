/** What a new repository is made of, as `init` reads it, and what the default repository takes. */
import { parseSize } from '../base/units.ts';
import type { InitOptions } from '../work/init.ts';
import { objectTagOption, readBucketChoices, regionOption, storageClassOption } from './bucket-options.ts';
import type { OptionSpec } from './option.ts';
import { usage, type Values } from './values.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
/** Readers refuse chunks over 8 MiB, and the largest chunk is four times the target. */
const CHUNK_SIZES = { min: 64 * KIB, default: MIB, max: 2 * MIB };
const PACK_SIZES = { min: 4 * MIB, default: 16 * MIB, cold: 128 * MIB, max: 1024 * MIB };
const COLD_CLASSES: ReadonlySet<string> = new Set(['GLACIER', 'DEEP_ARCHIVE']);

/** Everything that a person may choose about a new repository. */
export type RepositoryChoices = Pick<
  InitOptions,
  'ageType' | 'chunkBytes' | 'packBytes' | 'storageClass' | 'compression' | 'region' | 'objectTags'
>;

export const repositoryOptions: readonly OptionSpec[] = [
  storageClassOption,
  regionOption,
  objectTagOption,
  {
    flags: '--age-type <type>',
    help: 'make keys of this type; x25519 can be opened by any old age, pq also resists quantum computers',
    choices: ['pq', 'x25519'],
  },
  { flags: '--chunk-size <size>', help: 'cut files at about this size: 64KiB to 2MiB, a power of two (1MiB)' },
  { flags: '--pack-size <size>', help: 'fill packs to about this size: 4MiB to 1GiB (16MiB; 128MiB in cold classes)' },
  { flags: '--compression <level>', help: 'compress with this zstd level: 1 to 19 (3)' },
];

/**
 * Reads {@link repositoryOptions}, for a repository at `url`.
 * @throws kind `usage`
 */
export function readRepositoryOptions(values: Values, url: string): RepositoryChoices {
  const { storageClass = 'STANDARD', ...choices } = readBucketChoices(values, url);
  return {
    storageClass,
    ...choices,
    ageType: values.text('age-type') === 'x25519' ? 'x25519' : 'pq',
    chunkBytes: values.parsed('chunk-size', parseChunkSize) ?? CHUNK_SIZES.default,
    packBytes: values.parsed('pack-size', parsePackSize) ?? packBytesOf(storageClass),
    compression: values.integer('compression', 1, 19) ?? 3,
  };
}

/** The target size of packs in a class: where each is paid for when it is stored and when it is thawed, few large ones. */
export function packBytesOf(storageClass: string): number {
  return COLD_CLASSES.has(storageClass) ? PACK_SIZES.cold : PACK_SIZES.default;
}

/** The choices of the default repository. */
export const defaultChoices: RepositoryChoices = {
  storageClass: 'STANDARD',
  ageType: 'pq',
  chunkBytes: CHUNK_SIZES.default,
  packBytes: PACK_SIZES.default,
  compression: 3,
};

function parseChunkSize(text: string): number {
  const bytes = parseSize(text);
  if (bytes >= CHUNK_SIZES.min && bytes <= CHUNK_SIZES.max && Number.isInteger(Math.log2(bytes))) return bytes;
  throw usage('bad-size', `'${text}' is not a power of two from 64KiB to 2MiB`);
}

function parsePackSize(text: string): number {
  const bytes = parseSize(text);
  if (bytes >= PACK_SIZES.min && bytes <= PACK_SIZES.max) return bytes;
  throw usage('bad-size', `'${text}' is not from 4MiB to 1GiB`);
}
