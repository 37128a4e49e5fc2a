/** The CPU time that a PostgreSQL on this machine has taken: unlike a rate it says the same however busy the machine is. */
import { readdirSync, readFileSync } from 'node:fs';

/** Of a tick of the kernel, on every Linux that Node runs on. */
const TICK_MICROS = 10_000;

interface Times {
  readonly parent: number;
  readonly own: number;
  readonly children: number;
}

/** Microseconds of the server that a backend belongs to, all its processes together; NaN where the system does not tell. */
export function serverCpuMicros(backendPid: number): number {
  const server = read(backendPid)?.parent;
  const main = server === undefined ? undefined : read(server);
  if (main === undefined) return Number.NaN;
  const living = readdirSync('/proc').flatMap((name) => {
    const times = /^\d+$/u.test(name) ? read(Number(name)) : undefined;
    return times !== undefined && times.parent === server ? [times.own] : [];
  });
  return (main.own + main.children + living.reduce((sum, own) => sum + own, 0)) * TICK_MICROS;
}

/** Microseconds of the processes that this one has started and that have ended. */
export function childrenCpuMicros(): number {
  return (read(process.pid)?.children ?? Number.NaN) * TICK_MICROS;
}

function read(pid: number): Times | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in brackets may hold anything; what follows is numbers.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [user = 0, system = 0, childrenUser = 0, childrenSystem = 0] = fields.slice(11, 15).map(Number);
    return { parent: Number(fields[1]), own: user + system, children: childrenUser + childrenSystem };
  } catch {
    return undefined;
  }
}
