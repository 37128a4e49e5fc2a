/** What a store of content takes and gives. */

/** Content that is put. */
export interface Content {
  readonly bytes: Uint8Array;
  /** For people who look at the store; no part of the content. */
  readonly name: string;
  readonly mediaType: string;
}

/** A call to the store. */
export interface ContentCall {
  /** Ends the call, which then rejects with the signal's reason. */
  readonly signal: AbortSignal;
}

/** Content that lies in the store. */
export interface StoredContent {
  /** Its CIDv1, in base32. */
  readonly cid: string;
  readonly sizeBytes: number;
}

/** Stores content under what it is. */
export interface ContentStore {
  /** Which store this is, for the log. */
  readonly service: 'local' | 'pinata';
  /**
   * Puts content; putting the same again is without effect and gives the same CID.
   *
   * @throws OUTSIDE_UNAVAILABLE what passes: time-outs, 429, 5xx, half an answer
   * @throws OUTSIDE_REFUSED what another attempt does not heal: a key that is wrong, content that is too large
   */
  put(content: Content, call: ContentCall): Promise<StoredContent>;
  /**
   * Gives the bytes of content.
   *
   * @throws OUTSIDE_UNAVAILABLE what passes, and bytes that came over the network and are not those of the CID
   * @throws OUTSIDE_REFUSED when there is no such content, or what is kept of it is damaged
   */
  get(cid: string, call: ContentCall): Promise<Uint8Array>;
}
