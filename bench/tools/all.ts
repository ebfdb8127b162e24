/** The tools that the comparison knows, and finding which of them this machine has. */
import { execFileSync } from 'node:child_process';
import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { borg } from './borg.ts';
import { icecore } from './icecore.ts';
import { kopia } from './kopia.ts';
import { pipeline } from './pipeline.ts';
import { restic } from './restic.ts';
import { rustic } from './rustic.ts';
import type { Tool } from './tool.ts';

/** In the order in which they take turns and stand in tables. */
export const TOOLS: readonly Tool[] = [icecore, restic, rustic, kopia, borg, pipeline];

/** A tool that is there. */
export interface FoundTool {
  readonly tool: Tool;
  /** Paths by name. */
  readonly programs: ReadonlyMap<string, string>;
  readonly version: string;
}

/** Looks for each tool's programs in `folders`, then in PATH. */
export function findTools(tools: readonly Tool[], folders: readonly string[]): { found: FoundTool[]; missing: Tool[] } {
  const places = [...folders, ...(process.env.PATH ?? '').split(delimiter)];
  const found: FoundTool[] = [];
  const missing: Tool[] = [];
  for (const tool of tools) {
    const programs = new Map<string, string>();
    for (const name of tool.programs) {
      const path = places.map((place) => join(place, name)).find(isExecutable);
      if (path !== undefined) programs.set(name, path);
    }
    if (programs.size < tool.programs.length) missing.push(tool);
    else found.push({ tool, programs, version: versionOf(tool, programs) });
  }
  return { found, missing };
}

function versionOf(tool: Tool, programs: ReadonlyMap<string, string>): string {
  const [first] = tool.programs;
  if (first === undefined) {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    return `${version}, Node ${process.versions.node}`;
  }
  const text = execFileSync(programs.get(first)!, tool.versionArguments, { encoding: 'utf8' });
  return text.split('\n')[0]!.trim();
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
