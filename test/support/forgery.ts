/**
 * What somebody who holds the keys of a writer can store, and this program never would: any text as a manifest, any
 * frame as a frame, any line as an index. Sealed and signed with the real functions, so that only what is in it is wrong.
 */
import { randomBytes } from 'node:crypto';
import { type ChunkId, makeSessionId, type SessionId } from '../../src/base/ids.ts';
import type { Raw } from '../../src/base/raw.ts';
import { encodeIndexObject, type PackRecord } from '../../src/format/index-object.ts';
import { indexName, metaPackName, packName, snapshotName } from '../../src/format/layout.ts';
import { encodeRoot, type SegmentRef } from '../../src/format/manifest-root.ts';
import {
  type ChunkPlace,
  encodeSignatureFrame,
  encodeToc,
  type FrameInfo,
  packStatement,
} from '../../src/format/pack.ts';
import { encodePackTail } from '../../src/format/pack-tail.ts';
import { encodeSnapshot, type SnapshotTotals } from '../../src/format/snapshot.ts';
import {
  TAR_BLOCK,
  TAR_END_LENGTH,
  TOC_MEMBER,
  tarMemberLength,
  writeChunkHeader,
  writeMemberHeader,
} from '../../src/format/tar.ts';
import type { Repository } from '../../src/repo/repository.ts';
import { sealFile } from '../../src/seal/age-file.ts';
import { createHeader, type SealHeader } from '../../src/seal/age-header.ts';
import { signerOf } from '../../src/seal/keys.ts';
import { hmac, sha256, signStatement } from '../../src/seal/signatures.ts';
import { compressFrame } from '../../src/seal/zstd.ts';

/** A chunk to be packed; `claims` is the id that it is given, its own by default. */
export interface ForgedChunk {
  readonly content: Uint8Array;
  readonly claims?: ChunkId;
}

/** How a pack is spoilt before it is sealed. */
export interface PackLies {
  /** Changes the tar of the frame before it is compressed. */
  readonly tar?: (tar: Buffer) => Uint8Array;
  /** Changes the frame after it was compressed. */
  readonly frame?: (frame: Uint8Array) => Uint8Array;
  /** Changes what toc and index say of the frame. */
  readonly info?: (frame: FrameInfo) => FrameInfo;
  /** Changes the pack's record in the index. */
  readonly record?: (record: PackRecord) => PackRecord;
}

/** One session of a forger. Packs first, then {@link publish}, then {@link commit}. */
export class Forger {
  readonly sid: SessionId;
  readonly #repo: Repository;
  readonly #data: SealHeader;
  readonly #meta: SealHeader;
  readonly #records: PackRecord[] = [];
  #packs = 0;

  private constructor(repo: Repository, data: SealHeader, meta: SealHeader) {
    this.#repo = repo;
    this.#data = data;
    this.#meta = meta;
    this.sid = makeSessionId(repo.clock.now(), randomBytes(10));
  }

  static async create(repo: Repository): Promise<Forger> {
    const { data, meta } = repo.config.recipients;
    return new Forger(repo, await createHeader(data), await createHeader(meta));
  }

  idOf(content: Uint8Array): ChunkId {
    return hmac(this.#repo.derived.chunkId, content).toString('hex') as ChunkId;
  }

  /** Stores a pack of one frame. @returns its name */
  async pack(kind: 'data' | 'meta', chunks: readonly ForgedChunk[], lies: PackLies = {}): Promise<string> {
    const name = (kind === 'data' ? packName : metaPackName)(this.sid, this.#packs++);
    const tar = Buffer.alloc(chunks.reduce((sum, { content }) => sum + tarMemberLength(content.length), 0));
    const places: ChunkPlace[] = [];
    let at = 0;
    for (const { content, claims } of chunks) {
      const id = claims ?? this.idOf(content);
      writeChunkHeader(tar, at, id, content.length);
      tar.set(content, at + TAR_BLOCK);
      places.push([id, at + TAR_BLOCK, content.length]);
      at += tarMemberLength(content.length);
    }
    const compressed = compressFrame(lies.tar?.(tar) ?? tar, 3);
    const frame = lies.frame?.(compressed) ?? compressed;
    const info = { offset: 0, length: frame.length, rawLength: tar.length, chunks: places };
    const frames = [lies.info?.(info) ?? info];
    const toc = encodeToc(frames);
    const tail = Buffer.alloc(tarMemberLength(toc.length) + TAR_END_LENGTH);
    writeMemberHeader(tail, 0, TOC_MEMBER, toc.length);
    tail.set(toc, TAR_BLOCK);
    const tocFrame = compressFrame(tail, 3);
    const signer = signerOf(this.#repo.keyring, this.#repo.derived);
    const statement = packStatement({ repo: signer.repo, name, writer: signer.writer, tocHash: sha256(toc) });
    const listed = [...frames, { length: tocFrame.length, rawLength: tail.length }];
    const end = encodePackTail(listed, encodeSignatureFrame(signStatement(signer, statement)), false);
    const file = sealFile(Buffer.concat([frame, tocFrame, end]), this.#data);
    await this.#repo.store.put(name, file, { ifAbsent: true });
    const record: PackRecord = {
      name,
      size: file.length,
      sha256: sha256(file).toString('hex'),
      class: 'STANDARD',
      header: file.subarray(0, this.#data.header.length + 16),
      kind,
      created: '2026-11-17T12:00:00.000Z',
      frames,
    };
    this.#records.push(lies.record?.(record) ?? record);
    return name;
  }

  /** Stores the index object. @returns its name */
  async publish(change: (lines: Buffer) => Uint8Array = (lines) => lines): Promise<string> {
    const name = indexName(this.sid, 0);
    const payload = change(encodeIndexObject(this.#records));
    await this.#repo.objects.save('index', name, payload, this.#meta, { cache: false });
    return name;
  }

  /** Commits a snapshot of a root. @returns its name */
  async commit(
    root: { readonly id: ChunkId; readonly level: number },
    totals: Partial<SnapshotTotals> = {},
  ): Promise<string> {
    const name = snapshotName(this.sid);
    const payload = encodeSnapshot({
      id: this.sid,
      time: '2026-11-17T12:00:00.000Z',
      host: 'host',
      user: 'user',
      paths: ['/' as Raw],
      tags: [],
      excludes: [],
      root,
      totals: { files: 0, dirs: 0, symlinks: 0, others: 0, entries: 1, bytes: 0, ...totals },
      writer: this.#repo.keyring.writer!.id,
      seq: 1,
      prev: null,
      seen: new Map(),
      partial: false,
      complete: true,
      errors: 0,
      index: [indexName(this.sid, 0)],
      program: 'forger',
    });
    await this.#repo.objects.save('snapshot', name, payload, this.#meta, { cache: false });
    return name;
  }

  /**
   * Stores segments (as text) and a root that describes them as it is told, and commits.
   * @param data contents of files
   */
  async snapshot(
    segments: readonly { readonly text: string; readonly first: string; readonly entries: number }[],
    data: readonly Uint8Array[] = [],
    totals: Partial<SnapshotTotals> = {},
  ): Promise<string> {
    if (data.length > 0)
      await this.pack(
        'data',
        data.map((content) => ({ content })),
      );
    const chunks = segments.map(({ text }) => Buffer.from(text));
    const refs: SegmentRef[] = segments.map(({ first, entries }, i) => ({
      id: this.idOf(chunks[i]!),
      first: first as Raw,
      entries,
      bytes: chunks[i]!.length,
    }));
    const root = encodeRoot({ level: 0, refs });
    await this.pack(
      'meta',
      [...chunks, root].map((content) => ({ content })),
    );
    await this.publish();
    const entries = segments.reduce((sum, segment) => sum + segment.entries, 0);
    return await this.commit({ id: this.idOf(root), level: 0 }, { files: entries, entries, ...totals });
  }
}
