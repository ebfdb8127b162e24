/**
 * A restore's worker thread: takes units to write and files to compare, one after the other. It holds this thread's
 * view of the target, and decides nothing about what is restored.
 */
import { createSecretKey, type KeyObject } from 'node:crypto';
import type { Problem } from '../base/monitor.ts';
import { TargetTree } from '../files/target.ts';
import type { TargetCalls } from '../files/target-calls.ts';
import { loadTargetCalls } from '../files/target-load.ts';
import { compareFiles } from './restore-compare.ts';
import type { FromRestoreWorker, RestoreSetup, ToRestoreWorker } from './restore-messages.ts';
import { UnitWriter } from './restore-unit-writer.ts';

/** The state of one worker. */
export class RestoreWorker {
  readonly #setup: RestoreSetup;
  readonly #send: (message: FromRestoreWorker) => void;
  readonly #key: KeyObject;
  readonly #calls: TargetCalls = loadTargetCalls();
  #tree: TargetTree | undefined;
  #problems: Problem[] = [];

  constructor(setup: RestoreSetup, send: (message: FromRestoreWorker) => void) {
    this.#setup = setup;
    this.#send = send;
    this.#key = createSecretKey(setup.chunkIdKey);
  }

  receive(message: ToRestoreWorker): undefined {
    switch (message.type) {
      case 'unit':
        this.#send(new UnitWriter(message, this.#openTree(), this.#setup, this.#key, this.#problems).run());
        this.#problems = [];
        return undefined;
      case 'compare': {
        const equal = compareFiles(message, this.#setup.target, this.#key, this.#calls);
        this.#send({ type: 'compared', task: message.task, equal });
        return undefined;
      }
      case 'end':
        this.#tree?.close();
        this.#send({ type: 'ended' });
        return undefined;
      case 'setup':
        return undefined;
      default:
        message satisfies never;
    }
  }

  /** Only when there is something to write: a restore that is only planned must not make the target. */
  #openTree(): TargetTree {
    this.#tree ??= new TargetTree(this.#setup.target, this.#calls, {
      run: this.#setup.run,
      setsOwners: true,
      report: (problem) => this.#problems.push(problem),
    });
    return this.#tree;
  }
}
