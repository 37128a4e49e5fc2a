/** The limits of the edge: how much, how deep and how slowly a client may send. */

/** What a server takes from its clients. */
export interface EdgeLimits {
  /** The whole head of a request must be here within this time. */
  readonly headersMs: number;
  /** The whole request, its body with it, must be here within this time. */
  readonly requestMs: number;
  /** How often the two are looked after. */
  readonly checkMs: number;
  /** Bodies are small; a route that takes more says so to Fastify. */
  readonly bodyBytesMax: number;
  readonly parameterLengthMax: number;
}

/** What holds where nothing else is said. */
export const edgeLimits: EdgeLimits = {
  headersMs: 10_000,
  requestMs: 30_000,
  checkMs: 5_000,
  bodyBytesMax: 102_400,
  parameterLengthMax: 500,
};

/** Deeper than this nothing is nested that a person or a program of good will sends; PostgreSQL's own limit is a stack overflow. */
export const DEPTH_MAX = 64;

/** Members of all objects of a body together. */
export const KEYS_MAX = 1_000;
