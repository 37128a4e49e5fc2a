/** The port of a data folder: the same on every start where possible, so that a client outlives a restart. */
import { createHash } from 'node:crypto';
import { createServer } from 'node:net';
import { embeddedFailure } from './failure.ts';

// Below the range from which systems take the ports of outgoing connections (32768 on Linux, 49152 elsewhere).
const firstPort = 20_000;
const portCount = 10_000;
const attemptsMax = 100;

/** The ports to try for a data folder, the one it should have first. */
export function portsFor(home: string): number[] {
  const start = createHash('sha256').update(home).digest().readUInt32BE(0) % portCount;
  return Array.from({ length: attemptsMax }, (_, step) => firstPort + ((start + step) % portCount));
}

/** Whether nothing listens on a port of this machine now. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ port, host: '127.0.0.1' }, () => probe.close(() => resolve(true)));
  });
}

/** The error of a port that was asked for and is taken. */
export function portTaken(port: number): Error {
  return embeddedFailure(`Port ${port} of 127.0.0.1, asked for by name, is in use.`, {
    hint: 'End what listens there, ask for another port, or leave the port out: a free one is found then.',
  });
}

/** The error of a data folder none of whose ports is free. */
export function noPortFree(): Error {
  return embeddedFailure(`None of ${attemptsMax} ports from ${firstPort} on is free.`, {
    hint: 'End what holds them, or ask for a free port by name.',
  });
}
