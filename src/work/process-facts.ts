/** Facts about this process. */

/** The most memory that this process has had resident so far. */
export function peakRssBytes(): number {
  return process.resourceUsage().maxRSS * 1024;
}

/** The id of the user who runs this; undefined where the system has none. */
export function currentUser(): number | undefined {
  return process.getuid?.();
}
