/** What the process that makes the load is told, and what it answers. */

/** Requests that each connection sends in turn, over and over, one at a time. */
export interface HttpLoad {
  readonly origin: string;
  readonly connections: number;
  readonly durationMs: number;
  readonly requests: readonly HttpLoadRequest[];
}

/** One request. */
export interface HttpLoadRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** What came back; `wrong` counts what was not 2xx and what broke. */
export interface HttpLoaded {
  readonly answers: number;
  readonly wrong: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Reads what the load answered. */
export function parseHttpLoaded(result: unknown): HttpLoaded {
  return result as HttpLoaded;
}
