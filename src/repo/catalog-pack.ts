/** Packs in the catalog: what a row says of one. Who asks for rows is catalog.ts. */

/** A pack as the index describes it, without its chunks. `id` is the catalog's own number. */
export interface CatalogPack {
  readonly id: number;
  readonly name: string;
  readonly kind: 'data' | 'meta';
  readonly size: number;
  readonly storageClass: string;
  readonly sha256: string;
  readonly checksum?: string;
  readonly etag?: string;
  readonly created: string;
  readonly header: Uint8Array;
}

/** Selects all that {@link toPack} takes; a condition follows. */
export const SELECT_PACK: string =
  'SELECT id, name, kind, size, class, sha256, checksum, etag, created, header FROM pack';

/** Makes a pack of a row. */
export function toPack(row: Record<string, unknown>): CatalogPack {
  return {
    id: Number(row.id),
    name: String(row.name),
    kind: row.kind as 'data' | 'meta',
    size: Number(row.size),
    storageClass: String(row.class),
    sha256: String(row.sha256),
    ...(row.checksum === null ? {} : { checksum: String(row.checksum) }),
    ...(row.etag === null ? {} : { etag: String(row.etag) }),
    created: String(row.created),
    header: row.header as Uint8Array,
  };
}
