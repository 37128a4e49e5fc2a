/** What runs inside a contender's process: callers in a loop, their latencies, and the CPU time that they took. */

/** How long or how often to run. */
export interface Load {
  readonly callers: number;
  /** Runs this long … */
  readonly durationMs?: number;
  /** … or this many times in all. */
  readonly operationsMax?: number;
}

/** One measurement of one contender. */
export interface Measurement {
  readonly operations: number;
  readonly cpuMicros: number;
  readonly operationsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Latencies kept; when there are more, the later ones take the place of the earlier. */
const LATENCIES_MAX = 1 << 18;

const latencies = new Float64Array(LATENCIES_MAX);

/** Runs an operation by several callers at once; `operation` is told which caller asks. */
export async function measure(operation: (caller: number) => Promise<unknown>, load: Load): Promise<Measurement> {
  const operationsMax = load.operationsMax ?? Number.POSITIVE_INFINITY;
  const startedMs = performance.now();
  const endMs = load.durationMs === undefined ? Number.POSITIVE_INFINITY : startedMs + load.durationMs;
  const before = process.cpuUsage();
  let operations = 0;
  const call = async (caller: number): Promise<void> => {
    let fromMs = performance.now();
    while (fromMs < endMs && operations < operationsMax) {
      const slot = operations % LATENCIES_MAX;
      operations += 1;
      await operation(caller);
      const toMs = performance.now();
      latencies[slot] = toMs - fromMs;
      fromMs = toMs;
    }
  };
  await Promise.all(Array.from({ length: load.callers }, (_, caller) => call(caller)));
  const tookMs = performance.now() - startedMs;
  const cpu = process.cpuUsage(before);
  const sorted = latencies.slice(0, Math.min(operations, LATENCIES_MAX)).sort();
  return {
    operations,
    cpuMicros: (cpu.user + cpu.system) / operations,
    operationsPerSecond: (operations / tookMs) * 1_000,
    p50Ms: sorted[Math.floor(sorted.length * 0.5)] ?? 0,
    p99Ms: sorted[Math.floor(sorted.length * 0.99)] ?? 0,
  };
}

/** Reads what `measure` answered in another process. */
export function parseMeasurement(result: unknown): Measurement {
  return result as Measurement;
}

/** Reads what `measure` was asked for. */
export function parseLoad(argument: unknown): Load {
  return argument as Load;
}
