/**
 * A worker's open data pack and its way to the main thread: starts packs, ends full ones, hands sealed pieces over, and
 * waits while too much of them is on the way to the store.
 */
import { packName } from '../format/layout.ts';
import { FRAME_BUFFER_BYTES, PackWriter } from '../repo/pack-writer.ts';
import type { BackupSetup, FromBackupWorker } from './backup-messages.ts';

/** Posts a message; the memory of `transfer` moves. */
export type SendMessage = (message: FromBackupWorker, transfer?: readonly ArrayBuffer[]) => void;

/** The packs of one worker, one after the other. */
export class PackOutput {
  readonly #setup: BackupSetup;
  readonly #send: SendMessage;
  #frame: Buffer | undefined;
  #pack: PackWriter | undefined;
  #outstanding = 0;
  #drained: (() => void) | undefined;

  constructor(setup: BackupSetup, send: SendMessage) {
    this.#setup = setup;
    this.#send = send;
  }

  /** Adds a chunk; resolves when there is room for more. */
  async add(id: Uint8Array, content: Uint8Array): Promise<void> {
    this.#pack ??= this.#start();
    this.#pack.add(id, content);
    await this.#drain(this.#pack);
    if (this.#pack.bytes >= this.#setup.packBytes || this.#pack.isFull) await this.#end(this.#pack, false);
  }

  /** Ends the open pack, padded, because it is the last of the run. */
  async finish(): Promise<void> {
    if (this.#pack) await this.#end(this.#pack, true);
  }

  /** The store took that many sealed bytes. */
  taken(bytes: number): void {
    this.#outstanding -= bytes;
    const drained = this.#drained;
    this.#drained = undefined;
    drained?.();
  }

  #start(): PackWriter {
    const { sid, header, signer, level, storageClass, created, packCounter } = this.#setup;
    const name = packName(sid, Atomics.add(new Int32Array(packCounter), 0, 1));
    this.#frame ??= Buffer.allocUnsafeSlow(FRAME_BUFFER_BYTES);
    this.#send({ type: 'pack-start', name });
    return new PackWriter({ name, kind: 'data', header, signer, level, storageClass, created }, this.#frame);
  }

  async #end(pack: PackWriter, pad: boolean): Promise<void> {
    const description = pack.finish(pad);
    await this.#drain(pack);
    this.#send({ type: 'pack-end', name: pack.name, pack: description });
    this.#pack = undefined;
  }

  async #drain(pack: PackWriter): Promise<void> {
    for (const piece of pack.takePieces()) {
      while (this.#outstanding > this.#setup.outputWindow) {
        await new Promise<void>((resolve) => {
          this.#drained = resolve;
        });
      }
      // A view is copied: moving it would take all of the memory that it looks at.
      const bytes = piece.byteLength === piece.buffer.byteLength ? piece : Uint8Array.from(piece);
      this.#outstanding += bytes.length;
      this.#send({ type: 'piece', name: pack.name, bytes }, [bytes.buffer as ArrayBuffer]);
    }
  }
}
