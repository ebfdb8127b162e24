/** What this program calls itself in what it stores. */
import manifest from '../../package.json' with { type: 'json' };

/** The version of this program. */
export const programVersion: string = manifest.version;
/** Name and version, as snapshots record them. */
export const programName: string = `icecore ${programVersion}`;
