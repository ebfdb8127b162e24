/** Facts about processes of this machine. */

/** True when a process of that number runs; also when it belongs to somebody else. */
export function isProcessAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** The most memory that this process has had resident so far. */
export function peakRssBytes(): number {
  return process.resourceUsage().maxRSS * 1024;
}
