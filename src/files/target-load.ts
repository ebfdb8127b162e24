/** Chooses how a target makes its system calls on this machine. Nothing else. */
import { bindLibc } from './libc-bindings.ts';
import type { TargetCalls } from './target-calls.ts';
import { LibcTargetCalls } from './target-libc.ts';
import { NodeTargetCalls } from './target-node.ts';

/** Loads the best calls that this machine has; make one in each thread. */
export function loadTargetCalls(): TargetCalls {
  const bindings = bindLibc();
  return bindings ? new LibcTargetCalls(bindings) : new NodeTargetCalls();
}
