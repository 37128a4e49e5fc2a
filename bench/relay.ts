/** A relay in front of PostgreSQL that counts what a client sends, and can put a network's delay in between. */
import { createServer, connect, type AddressInfo, type Socket } from 'node:net';
import { once } from 'node:events';

/** What went through since the last reset. */
export interface Counted {
  /** Pieces in which the client's bytes arrived. */
  readonly packets: number;
  /** Times that the client spoke again after an answer: what a distance costs. */
  readonly roundTrips: number;
}

/** A relay on 127.0.0.1 to one server. */
export interface Relay {
  readonly url: string;
  reset(): void;
  counted(): Counted;
  /** Holds back what the client sends by this much. */
  delay(delayMs: number): void;
  close(): Promise<void>;
}

/** Starts a relay to the server of a connection URL. */
export async function startRelay(databaseUrl: string): Promise<Relay> {
  const target = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  let packets = 0;
  let roundTrips = 0;
  let delayMs = 0;
  const server = createServer({ noDelay: true }, (client) => {
    const upstream = connect({ host: target.hostname, port: Number(target.port), noDelay: true });
    let answered = true;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.on('data', (bytes) => {
      packets += 1;
      if (answered) roundTrips += 1;
      answered = false;
      if (delayMs === 0) upstream.write(bytes);
      else setTimeout(() => upstream.write(bytes), delayMs);
    });
    upstream.on('data', (bytes) => {
      answered = true;
      client.write(bytes);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(databaseUrl);
  url.hostname = '127.0.0.1';
  url.port = String(parseAddress(server.address()).port);
  return {
    url: url.href,
    reset: () => {
      packets = 0;
      roundTrips = 0;
    },
    counted: () => ({ packets, roundTrips }),
    delay: (ms) => {
      delayMs = ms;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function parseAddress(address: unknown): AddressInfo {
  return address as AddressInfo;
}
