/**
 * What the lifecycle rules of a bucket do to a repository. Pure: rules and prefix in, verdicts out. A rule is judged by
 * the names that it can hit, whichever of them exist today.
 */
import { kindPrefix, MARKER_NAME, RECOVERY_NAME, RECOVERY_SCRIPT_NAME } from '../format/layout.ts';
import { buildLifecycle } from '../plan/policies.ts';
import type { ClassProfile } from '../plan/providers.ts';
import type { LifecycleRule } from '../store/bucket.ts';
import { note, ok, problem, type Verdict, warning } from './doctor-check.ts';

/** The bucket around a repository. */
export interface LifecyclePlace {
  /** What every key of the repository starts with: empty, or ends with a slash. */
  readonly keyPrefix: string;
  readonly classes: Readonly<Record<string, ClassProfile>>;
  /** Old versions are kept. */
  readonly isVersioned: boolean;
}

const PACKS = kindPrefix('pack');
/** Everything that has to be readable at once, for any command. */
const METADATA = [
  ...(['claim', 'config', 'gc', 'index', 'key', 'snapshot', 'thaw'] as const).map((kind) => kindPrefix(kind)),
  ...[kindPrefix('meta'), MARKER_NAME, RECOVERY_NAME, RECOVERY_SCRIPT_NAME],
];

/** Judges all rules, and what is missing among them. */
export function judgeLifecycle(rules: readonly LifecycleRule[], place: LifecyclePlace): Verdict[] {
  const active = rules.filter((rule) => rule.isEnabled);
  const harmful = active.flatMap((rule) => judgeRule(rule, place));
  return [
    ...(harmful.length > 0 ? harmful : [ok('no lifecycle rule removes or moves objects of the repository')]),
    ...missing(active, place),
  ];
}

function judgeRule(rule: LifecycleRule, place: LifecyclePlace): Verdict[] {
  const hit = [PACKS, ...METADATA].filter((name) => overlaps(rule, place.keyPrefix + name));
  if (hit.length === 0) return [];
  const found: Verdict[] = [];
  const { expiresAfterDays } = rule;
  const label = `lifecycle rule "${rule.id}"`;
  if (expiresAfterDays !== undefined) {
    const what = `${label} deletes ${shown(hit)} ${after(expiresAfterDays)}`;
    const hint = `narrow it to names outside of ${place.keyPrefix || 'the bucket'}, or switch it off: what it deletes cannot be restored`;
    // Its tags or sizes may spare ours; whether they do is for the owner to say.
    found.push(rule.isNarrowed ? warning(`${what}, where its tags or sizes match`, hint) : problem(what, hint));
  }
  for (const { days, storageClass } of rule.transitions) {
    const when = after(days);
    const metadata = hit.filter((name) => name !== PACKS);
    const isArchive = !(place.classes[storageClass]?.isOnline ?? !/GLACIER|ARCHIVE/.test(storageClass));
    if (metadata.length > 0 && isArchive) {
      found.push(
        problem(
          `${label} moves ${shown(metadata)} to ${storageClass} ${when}: no command could read them then`,
          `let it hit ${place.keyPrefix}${PACKS} and nothing else, or switch it off`,
        ),
      );
    } else if (metadata.length > 0 && !hit.includes(PACKS)) {
      found.push(note(`${label} moves ${shown(metadata)} to ${storageClass} ${when}: small objects cost more there`));
    }
    if (hit.includes(PACKS)) {
      found.push(
        warning(
          `${label} moves packs to ${storageClass} ${when}: each move is billed, and icecore does not plan with it`,
          `have packs stored there at once instead: icecore backup --storage-class ${storageClass}`,
        ),
      );
    }
  }
  return found;
}

function missing(active: readonly LifecycleRule[], place: LifecyclePlace): Verdict[] {
  const [abort, versions] = buildLifecycle({ prefix: place.keyPrefix.replace(/\/$/, '') }).Rules;
  const covering = active.filter((rule) => !rule.isNarrowed && (place.keyPrefix + PACKS).startsWith(rule.prefix));
  const found: Verdict[] = [];
  if (!covering.some((rule) => rule.abortsUploadsAfterDays !== undefined)) {
    found.push(
      note(
        'no lifecycle rule ends unfinished uploads: what a host leaves that never comes back costs for ever',
        'add this rule to those of the bucket; icecore doctor --lifecycle prints the whole configuration',
        abort,
      ),
    );
  }
  if (place.isVersioned && !covering.some((rule) => rule.expiresOldVersionsAfterDays !== undefined)) {
    found.push(
      warning(
        'the bucket keeps old versions and no rule expires them: what is deleted costs for ever',
        'add this rule to those of the bucket; icecore doctor --lifecycle prints the whole configuration',
        versions,
      ),
    );
  }
  return found;
}

/** True when some name below `start` begins with the rule's prefix. */
function overlaps(rule: LifecycleRule, start: string): boolean {
  return start.startsWith(rule.prefix) || rule.prefix.startsWith(start);
}

function shown(names: readonly string[]): string {
  return names.length > METADATA.length ? 'everything' : names.slice(0, 3).join(', ') + (names.length > 3 ? ', …' : '');
}

function after(days: number): string {
  return days === 0 ? 'at once' : `after ${days} ${days === 1 ? 'day' : 'days'}`;
}
