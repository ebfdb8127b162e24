/** Whether another process of this machine is still there. */
import { errnoOf } from './errors.ts';

/** True when a process of that number runs; also when it belongs to somebody else. */
export function isProcessAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errnoOf(error) !== 'ESRCH';
  }
}
