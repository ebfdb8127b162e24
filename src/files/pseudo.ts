/**
 * File systems that hold no files of anybody's: the kernel's own views, wherever they are mounted. A backup that came
 * upon them by walking leaves their content out and says so; one that names them as a root takes them.
 */
import process from 'node:process';
import type { Raw } from '../base/raw.ts';
import type { FileSystem, FsPath } from './fs.ts';

const PSEUDO_PATHS = new Set(['/proc', '/sys', '/dev']);

/** Magic numbers of Linux, from <linux/magic.h>. */
const PSEUDO_TYPES: ReadonlyMap<number, string> = new Map([
  [0x9fa0, 'proc'],
  [0x62656572, 'sysfs'],
  [0x1cd1, 'devpts'],
  [0x27e0eb, 'cgroup'],
  [0x63677270, 'cgroup2'],
  [0x64626720, 'debugfs'],
  [0x74726163, 'tracefs'],
  [0x73636673, 'securityfs'],
  [0xcafe4a11, 'bpf'],
  [0x6165676c, 'pstore'],
  [0x62656570, 'configfs'],
  [0x42494e4d, 'binfmt_misc'],
  [0x19800202, 'mqueue'],
  [0xde5e81e4, 'efivarfs'],
  [0x65735543, 'fusectl'],
  [0xf97cff8c, 'selinuxfs'],
  [0x6e736673, 'nsfs'],
  [0x67596969, 'rpc_pipefs'],
]);

/**
 * Names the pseudo file system that a directory is; undefined when it is none.
 * @param isMount true when the directory is on another device than its parent: only then is it worth a system call
 */
export function pseudoFileSystem(fs: FileSystem, path: Raw, fsPath: FsPath, isMount: boolean): string | undefined {
  if (path.length <= 5 && PSEUDO_PATHS.has(path)) return path.slice(1);
  if (!isMount || process.platform !== 'linux') return undefined;
  try {
    return PSEUDO_TYPES.get(fs.statfsTypeSync(fsPath) >>> 0);
  } catch {
    // Whatever is wrong with it will show when it is listed.
    return undefined;
  }
}
