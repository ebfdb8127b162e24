/**
 * Thaw: making archived objects readable for a while, where a store has classes that are not online. Types only;
 * s3-thaw.ts asks. What to ask for, when, and at what price is decided in plan/.
 */
/** How fast, where the provider has a choice. */
export type ThawTierName = 'expedited' | 'standard' | 'bulk';

/**
 * Whether an object can be read: `online` always; `cold` only after a request; `warming` asked for and not there yet;
 * `warm` until `until` (milliseconds, by the store's clock).
 */
export type ThawState =
  | { readonly type: 'online' | 'cold' | 'warming' }
  | { readonly type: 'warm'; readonly until: number };

/** What a look at an object tells. */
export type ThawLook = Pick<ThawInfo, 'state' | 'archiveTier' | 'storageClass'>;

/** An object of a listing, with what a read of it would find. */
export interface ThawInfo {
  readonly name: string;
  readonly size: number;
  readonly storageClass: string;
  /** The archive of its class that it was moved to by itself, where there is such a thing. */
  readonly archiveTier?: string;
  readonly state: ThawState;
}

/**
 * What a request led to. `started` now; `extended` it was warm, and is so for longer now; `in-progress` somebody asked
 * before; `online` there is nothing to thaw; `no-expedited` the fastest tier has no capacity at the moment;
 * `absent` there is no such object.
 */
export type ThawAnswer = 'started' | 'extended' | 'in-progress' | 'online' | 'no-expedited' | 'absent';

/** How an object is asked for. */
export interface ThawRequest {
  /** Providers without a choice ignore it. */
  readonly tier?: ThawTierName;
  readonly days: number;
  /** The object's class: it sets the price of the request, and some are asked for in another way. */
  readonly storageClass?: string;
}

/** A store's way to thaw. Every method throws IcecoreError of kind `store` on failure. */
export interface Thaw {
  /**
   * Asks for an object to be readable for `days`, counted from when it is. Asking again with a faster tier makes one
   * that is warming come faster.
   */
  request(name: string, request: ThawRequest, signal?: AbortSignal): Promise<ThawAnswer>;
  /** True when {@link states} is one listing, false when it looks at each archived object. */
  readonly listsStates: boolean;
  /** What a look at one object of a class tells; undefined when there is no such object. */
  look(name: string, storageClass: string, signal?: AbortSignal): Promise<ThawLook | undefined>;
  /** The objects below `prefix`, sorted by name; one listing where the store tells, else a look at each archived one. */
  states(prefix: string, signal?: AbortSignal): AsyncIterable<ThawInfo>;
}
