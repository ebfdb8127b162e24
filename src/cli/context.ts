/**
 * What a command runs in: global options, places, output, the monitor, and the way to a repository and its secrets.
 * Owns which repository and which passphrase are meant; what is done with them is the command's.
 */
import { accessSync, existsSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { errnoOf, IcecoreError } from '../base/errors.ts';
import type { Problem } from '../base/monitor.ts';
import { rawToDisplay } from '../base/raw.ts';
import { formatDuration } from '../base/units.ts';
import { unlessAborted } from '../base/unless-aborted.ts';
import type { Access, Credentials } from '../repo/access.ts';
import type { Repository } from '../repo/repository.ts';
import type { OpenStoreOptions } from '../store/open-store.ts';
import type { Store } from '../store/store.ts';
import { encodeLine, type Fields, type LineType } from '../ui/json-lines.ts';
import type { Output } from '../ui/output.ts';
import { RunMonitor } from '../ui/run-monitor.ts';
import { messageLine } from '../ui/text.ts';
import type { GlobalOptions } from './global-options.ts';
import type { Io } from './io.ts';
import { findPlaces, type Places } from './places.ts';
import { usage } from './values.ts';

/** What is known once the command line is read, for one run of one command. */
export class Context {
  readonly io: Io;
  readonly globals: GlobalOptions;
  readonly out: Output;
  readonly messages: Output;
  readonly monitor: RunMonitor;
  readonly #command: string;
  #places: Places | undefined;

  /** @param command the name of the command that runs, with its group's */
  constructor(io: Io, globals: GlobalOptions, out: Output, messages: Output, command: string) {
    this.io = io;
    this.#command = command;
    this.globals = globals;
    this.out = out;
    this.messages = messages;
    this.monitor = new RunMonitor({
      out,
      messages,
      isJson: globals.isJson,
      isVerbose: globals.isVerbose,
      isQuiet: globals.isQuiet,
      inColour: usesColour(io),
      wantsStatus: globals.wantsProgress,
      isStrict: globals.isStrict,
      monotonic: () => io.clock.monotonic(),
    });
  }

  /** @throws kind `user`, `no-home` */
  get places(): Places {
    const { cacheDir } = this.globals;
    this.#places ??= findPlaces(
      this.io.env,
      this.io.home,
      cacheDir === undefined ? undefined : this.absolute(cacheDir),
    );
    return this.#places;
  }

  /** Makes a path absolute against the current directory. */
  absolute(path: string): string {
    return isAbsolute(path) ? path : resolve(rawToDisplay(this.io.cwd()), path);
  }

  /** Prints a result: JSON fields, or lines for people. */
  print(type: LineType, fields: Fields, lines: readonly string[]): void {
    if (this.globals.isJson) this.out.line(encodeLine(type, fields));
    else for (const line of lines) this.out.line(line);
  }

  /** Tells people something that is neither result nor problem; not when quiet, not in JSON. */
  note(text: string): void {
    if (!this.globals.isQuiet && !this.globals.isJson) this.messages.line(messageLine('note', text));
  }

  /** Warns of something that is wrong around the run; with `--strict` that stops it. */
  warn(code: string, message: string, hint: string): void {
    if (this.globals.isStrict) throw new IcecoreError('user', code, message, { hint });
    this.monitor.problem({ severity: 'warning', code, message, hint });
  }

  /** Shows progress from now on, where there is a terminal to show it on. */
  async showProgress(): Promise<void> {
    const { globals, messages, monitor } = this;
    if (globals.isJson || !globals.wantsProgress || !messages.isTerminal || this.io.env.TERM === 'dumb') return;
    const { TerminalDisplay } = await import('../ui/tty.ts');
    monitor.attach(new TerminalDisplay(messages.stream));
  }

  /**
   * The repository that is meant: the configured one, else the default one where it exists.
   * @throws kind `missing`, `no-repository`
   */
  async repository(): Promise<string> {
    const found =
      this.configuredRepository() ?? (this.hasDefaultRepository() ? this.places.defaultRepository : undefined);
    if (found !== undefined) return found;
    throw new IcecoreError('missing', 'no-repository', 'no repository is given, and there is no default one', {
      hint: 'give -r REPOSITORY or set ICECORE_REPOSITORY; icecore init creates one',
    });
  }

  /** What `--repository` or its variable says; a path made absolute. */
  configuredRepository(): string | undefined {
    const { repository } = this.globals;
    return repository === undefined ? undefined : this.repositoryUrl(repository);
  }

  /** Makes a repository that is a path absolute; leaves URLs, and what looks like one, to the store floor. */
  repositoryUrl(text: string): string {
    return /^[a-z][a-z0-9+.-]*:/i.test(text) ? text : this.absolute(text);
  }

  /** True when the default repository has been created. */
  hasDefaultRepository(): boolean {
    return existsSync(join(this.places.defaultRepository, 'icecore.json'));
  }

  /** Opens the store of a repository, with the limits of the command line. */
  async openStore(url: string, options: Pick<OpenStoreOptions, 'create' | 'region'> = {}): Promise<Store> {
    const { openStore } = await this.io.verbs.store();
    const { uploadRate, downloadRate, retryForMs } = this.globals;
    return await openStore(url, {
      ...options,
      ...(uploadRate === undefined ? {} : { uploadRate }),
      ...(downloadRate === undefined ? {} : { downloadRate }),
      ...(retryForMs === undefined ? {} : { retryForMs }),
      onWait: (notice) => this.monitor.waiting(notice),
      onSkew: (aheadMs) => this.monitor.problem(skewProblem(aheadMs)),
    });
  }

  /** Opens the repository that is meant, lends it to `work`, and closes it whatever happens. */
  async withRepository<T>(access: Access, work: (repository: Repository) => Promise<T>): Promise<T> {
    const url = await this.repository();
    const credentials = await this.credentials(url);
    const store = await this.openStore(url);
    try {
      const { openRepository } = await this.io.verbs.repository();
      const { monitor, places, io } = this;
      // Until it is open there is nothing to bring to an end: an interruption does not wait for a store that hangs.
      const repository = await unlessAborted(
        openRepository(store, { access, credentials, places, clock: io.clock, monitor }),
        io.signal,
        (opened) => opened.close(),
      );
      try {
        return await work(repository);
      } catch (error) {
        throw repository.catalogFailure(error) ?? error;
      } finally {
        if (repository.requestStats().billed) await this.#keepRun(repository);
        await repository.close();
      }
    } finally {
      this.monitor.stop();
      await store.close();
    }
  }

  /** The ways to a secret for this repository. The passphrase is asked for at most once, when it is needed. */
  async credentials(url: string): Promise<Credentials> {
    const keyFile = this.globals.keyFile === undefined ? undefined : this.absolute(this.globals.keyFile);
    if (keyFile !== undefined) await this.#checkKeyFile(keyFile);
    let asked: Promise<string | undefined> | undefined;
    return {
      ...(keyFile === undefined ? {} : { keyFile }),
      passphrase: () => (asked ??= this.#passphrase(url)),
    };
  }

  /**
   * A passphrase for a repository that is about to be created; a person is asked twice.
   * @throws kind `usage`, `passphrase-needed`, when there is nobody to ask
   */
  async newPassphrase(): Promise<string> {
    const configured = await this.#configuredPassphrase();
    if (configured !== undefined) return configured;
    const { terminal } = this.io;
    if (terminal === undefined) {
      throw usage(
        'passphrase-needed',
        'a new repository needs a passphrase, and there is no terminal to ask for it',
        'give --password-file FILE or --password-command COMMAND',
      );
    }
    const { askNewPassphrase } = await import('./secrets.ts');
    return await this.monitor.aside(() => askNewPassphrase(terminal));
  }

  /** Takes down what the run asked of a service that bills for it. */
  async #keepRun(repository: Repository): Promise<void> {
    const { keepRun } = await import('../repo/run-history.ts');
    const { billed = [] } = repository.requestStats();
    const { storedBytes, fetchedBytes } = repository.use();
    const time = new Date(this.io.clock.now()).toISOString();
    keepRun(this.places.state, repository.id, { time, command: this.#command, billed, storedBytes, fetchedBytes });
  }

  async #passphrase(url: string): Promise<string | undefined> {
    const configured = await this.#configuredPassphrase();
    if (configured !== undefined) return configured;
    const { places, io } = this;
    const { askPassphrase, readPassphraseFile } = await import('./secrets.ts');
    if (url === places.defaultRepository) {
      if (existsSync(places.defaultPassphraseFile))
        return await readPassphraseFile(places.defaultPassphraseFile, (...about) => this.warn(...about));
    }
    const { terminal } = io;
    if (terminal === undefined) return undefined;
    return await this.monitor.aside(() => askPassphrase(terminal, `passphrase of ${url}: `));
  }

  async #configuredPassphrase(): Promise<string | undefined> {
    const { passwordFile, passwordCommand } = this.globals;
    const { readPassphraseFile, runPassphraseCommand } = await import('./secrets.ts');
    if (passwordFile !== undefined) {
      return await readPassphraseFile(this.absolute(passwordFile), (...about) => this.warn(...about));
    }
    if (passwordCommand === undefined) return undefined;
    return await this.monitor.aside(() => runPassphraseCommand(passwordCommand, this.io.signal));
  }

  async #checkKeyFile(path: string): Promise<void> {
    try {
      accessSync(path);
    } catch (error) {
      const why = errnoOf(error) === 'ENOENT' ? 'there is no such file' : 'permission denied';
      throw new IcecoreError('user', 'key-file', `cannot read the key file ${path}: ${why}`, { cause: error });
    }
    const { warnIfReadable } = await import('./secrets.ts');
    await warnIfReadable(path, 'key', (...about) => this.warn(...about));
  }
}

/** What users are told of clocks that differ. Requests go on, but snapshots are dated by this host. */
function skewProblem(aheadMs: number): Problem {
  const minutes = formatDuration(Math.round(Math.abs(aheadMs) / 60_000) * 60_000);
  return {
    severity: 'warning',
    code: 'clock-skew',
    message: `the clock of this host is ${minutes} ${aheadMs > 0 ? 'behind' : 'ahead of'} that of the store`,
    hint: 'set it (timedatectl set-ntp true): snapshots get their times from it, and retention goes by them',
  };
}

/** Colour only on a terminal that can show it, and never against the user's wish (no-color.org). */
export function usesColour(io: Pick<Io, 'stderr' | 'env'>): boolean {
  return io.stderr.isTTY === true && !io.env.NO_COLOR && io.env.TERM !== 'dumb';
}
