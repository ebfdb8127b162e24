/** What planning a restore takes. Types only. */
import type { Problem } from '../base/monitor.ts';
import type { Raw } from '../base/raw.ts';
import type { NameRules } from '../files/target-probe.ts';
import type { Entry } from '../format/entry.ts';
import type { ManifestReader } from '../repo/manifest-reader.ts';
import type { PlanCounts } from './restore-counts.ts';
import type { DirectoryNode } from './restore-directories.ts';
import type { ExistingRules, ExistingTarget } from './restore-existing.ts';
import type { RestoredMetadata } from './restore-owners.ts';
import type { ChunkPlaces } from './restore-places.ts';
import type { SelectionScope } from './restore-selection.ts';
import type { WindowLimits } from './restore-window.ts';

/** What planning takes. */
export interface PlannerOptions {
  readonly manifest: ManifestReader;
  /** Absolute path in the snapshot. */
  readonly path: Raw;
  /** The entry at `path` where it is no directory. */
  readonly single: Entry | undefined;
  readonly selection: SelectionScope;
  /** What the snapshot holds completely: nothing is removed elsewhere. Absent when nothing is removed at all. */
  readonly removesIn: readonly Raw[] | undefined;
  readonly existing: ExistingTarget;
  readonly rules: ExistingRules;
  /** How the target tells names apart; absent while it must not be written. */
  readonly nameRules: NameRules | undefined;
  readonly metadata: RestoredMetadata;
  readonly places: ChunkPlaces;
  readonly limits: WindowLimits;
  readonly counts: PlanCounts;
  readonly locate: (path: Raw) => Raw;
  readonly onProblem: (problem: Problem) => void;
  /** Policy left a file as it is. */
  readonly onSkipped: (node: DirectoryNode, name: Raw, isLinked: boolean) => void;
  readonly signal: AbortSignal;
}
