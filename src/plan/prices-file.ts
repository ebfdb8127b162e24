/**
 * The user's own price lists (`icecore cost --prices FILE`): strict JSON, decoded. Owns the file's form:
 *
 *     {"prices": [{"provider": "aws", "region": "eu-central-1", "asOf": "2026-06", "source": "…",
 *       "listPer1000": 0.0054,
 *       "classes": {"DEEP_ARCHIVE": {"storagePerGib": 0.0018, "putPer1000": 0.06, "getPer1000": 0.00043,
 *         "tiers": {"bulk": {"perGib": 0.005, "per1000": 0.025}}, "minimumDays": 180}},
 *       "egress": [{"fromGib": 0, "perGib": 0}, {"fromGib": 100, "perGib": 0.09}]}]}
 *
 * Everything but `provider`, `region`, `asOf` and `classes` may be left out: what is built in stays, and what is known
 * nowhere stays unknown. Amounts are US dollars.
 */
import { IcecoreError, isIcecoreError } from '../base/errors.ts';
import {
  expectObject,
  fieldFailure,
  type JsonObject,
  parseJsonObject,
  readArray,
  readInteger,
  readObject,
  readOptional,
  readString,
  refuseOtherFields,
} from '../base/json.ts';
import type { AgedPrice, ClassPrices, EgressStep, PriceList, TierPrice } from './prices.ts';
import { TIER_NAMES } from './providers.ts';

const LIMITS = { maxLength: 1 << 20 };
const FILE_FIELDS: ReadonlySet<string> = new Set(['prices']);
const LIST_FIELDS: ReadonlySet<string> = new Set('provider region asOf source listPer1000 classes egress'.split(' '));
const CLASS_PRICES = 'storagePerGib monitoringPer1000 putPer1000 getPer1000 retrievalPerGib'.split(' ');
const CLASS_FIELDS: ReadonlySet<string> = new Set([...CLASS_PRICES, 'aged', 'tiers', 'minimumDays', 'minimumBytes']);
const TIER_FIELDS: ReadonlySet<string> = new Set(['perGib', 'per1000']);
const CLASS_NAME = /^[A-Z][A-Z0-9_-]{0,63}$/;
/** No service charges a million dollars for any of these: a larger number is a mistake. */
const MAX_PRICE = 1e6;

/**
 * Decodes price lists.
 * @param file the file's name, for errors
 * @throws user `invalid-prices`, saying where the file is wrong
 */
export function decodePrices(text: string | Uint8Array, file: string): readonly PriceList[] {
  try {
    const root = parseJsonObject(text, LIMITS, file);
    refuseOtherFields(root, FILE_FIELDS, file);
    return readArray(root, 'prices', file, 1000).map((item) => readList(expectObject(item, file, 'price list'), file));
  } catch (error) {
    if (!isIcecoreError(error, 'damage')) throw error;
    throw new IcecoreError('user', 'invalid-prices', error.message, {
      hint: 'correct the price file; amounts are US dollars, written as JSON numbers',
      data: error.data,
      cause: error,
    });
  }
}

function readList(from: JsonObject, file: string): PriceList {
  refuseOtherFields(from, LIST_FIELDS, file);
  const classes = readObject(from, 'classes', file);
  const decoded: Record<string, ClassPrices> = {};
  for (const name of Object.keys(classes)) {
    if (!CLASS_NAME.test(name)) throw fieldFailure('classes', 'names something that is not a storage class', file);
    decoded[name] = readClass(readObject(classes, name, file), file);
  }
  const egress = readOptional(from, 'egress', (field) => readEgress(from, field, file));
  return {
    provider: readString(from, 'provider', file, { pattern: /^[a-z][a-z0-9]{0,31}$/ }),
    region: readString(from, 'region', file, { maxLength: 64, pattern: /^[A-Za-z0-9-]+$/ }),
    asOf: readString(from, 'asOf', file, { pattern: /^\d{4}-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?$/ }),
    source: readOptional(from, 'source', (field) => readString(from, field, file, { maxLength: 500 })) ?? file,
    ...readPrices(from, ['listPer1000'], file),
    classes: decoded,
    ...(egress ? { egress } : {}),
  };
}

function readClass(from: JsonObject, file: string): ClassPrices {
  refuseOtherFields(from, CLASS_FIELDS, file);
  const aged = readOptional(from, 'aged', (field) => readAged(from, field, file));
  const tiers = readOptional(from, 'tiers', (field) => readTiers(readObject(from, field, file), file));
  const minimumDays = readOptional(from, 'minimumDays', (field) => readInteger(from, field, file, 0, 100_000));
  const minimumBytes = readOptional(from, 'minimumBytes', (field) => readInteger(from, field, file));
  return {
    ...readPrices(from, CLASS_PRICES, file),
    ...(aged ? { aged } : {}),
    ...(tiers ? { tiers } : {}),
    ...(minimumDays === undefined ? {} : { minimumDays }),
    ...(minimumBytes === undefined ? {} : { minimumBytes }),
  };
}

function readTiers(from: JsonObject, file: string): NonNullable<ClassPrices['tiers']> {
  refuseOtherFields(from, new Set(TIER_NAMES), file);
  const tiers: Partial<Record<string, TierPrice>> = {};
  for (const name of Object.keys(from)) {
    const tier = readObject(from, name, file);
    refuseOtherFields(tier, TIER_FIELDS, file);
    tiers[name] = readPrices(tier, ['perGib', 'per1000'], file);
  }
  return tiers;
}

function readAged(from: JsonObject, field: string, file: string): readonly AgedPrice[] {
  const steps = readSteps(from, field, 'fromDays', file);
  return steps.map(({ start, perGib }) => ({ fromDays: start, perGib }));
}

function readEgress(from: JsonObject, field: string, file: string): readonly EgressStep[] {
  const steps = readSteps(from, field, 'fromGib', file);
  if (steps[0]?.start !== 0) throw fieldFailure(field, 'does not begin at 0', file);
  return steps.map(({ start, perGib }) => ({ fromGib: start, perGib }));
}

/** Reads prices that hold from some quantity on, each step above the one before. */
function readSteps(from: JsonObject, field: string, startField: string, file: string) {
  const known = new Set([startField, 'perGib']);
  const steps = readArray(from, field, file, 100).map((item) => {
    const step = expectObject(item, file, 'step');
    refuseOtherFields(step, known, file);
    return { start: readNumber(step, startField, 1e12, file), perGib: readNumber(step, 'perGib', MAX_PRICE, file) };
  });
  if (steps.some(({ start }, i) => i > 0 && start <= steps[i - 1]!.start)) {
    throw fieldFailure(field, 'is not in ascending order', file);
  }
  return steps;
}

/** Reads those of the fields that are there. */
function readPrices<F extends string>(from: JsonObject, fields: readonly F[], file: string): { [field in F]?: number } {
  const prices: { [field in F]?: number } = {};
  for (const field of fields) {
    if (Object.hasOwn(from, field)) prices[field] = readNumber(from, field, MAX_PRICE, file);
  }
  return prices;
}

function readNumber(from: JsonObject, field: string, max: number, file: string): number {
  const value = Object.hasOwn(from, field) ? from[field] : undefined;
  if (typeof value !== 'number' || !(value >= 0 && value <= max)) {
    throw fieldFailure(field, `is not a number from 0 to ${max}`, file);
  }
  return value;
}
