/** A proxy in front of PostgreSQL that sees what leaves the client: packets, messages, and where to cut. */
import net from 'node:net';

/** What the proxy saw, and how to end it. */
export interface Wire extends AsyncDisposable {
  readonly url: string;
  /** The types of the messages of each packet that left the client after the log-in, such as `QPBES`. */
  readonly packets: string[];
  /** Cuts every connection when so many further messages have left the client. */
  cutAfter(messages: number): void;
  readonly wasCut: boolean;
}

const LENGTH_BYTES = 4;

/** Starts a proxy to the server of a URL. */
export async function startWire(url: string): Promise<Wire> {
  const target = new URL(url);
  const packets: string[] = [];
  const sockets = new Set<net.Socket>();
  let remaining = Number.POSITIVE_INFINITY;
  let wasCut = false;
  const cut = (): void => {
    wasCut = true;
    remaining = Number.POSITIVE_INFINITY;
    for (const socket of sockets) socket.destroy();
  };
  const server = net.createServer((client) => {
    const upstream = net.connect(Number(target.port), target.hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    let isLoggedIn = false;
    client.on('data', (chunk: Buffer) => {
      if (!isLoggedIn) {
        upstream.write(chunk);
        return;
      }
      const messages = splitMessages(chunk);
      packets.push(messages.map(({ type }) => type).join(''));
      const cutting = messages[remaining];
      remaining -= messages.length;
      if (cutting === undefined) upstream.write(chunk);
      else upstream.write(chunk.subarray(0, cutting.offset), cut);
    });
    upstream.on('data', (chunk: Buffer) => {
      // ReadyForQuery: the log-in is over.
      isLoggedIn ||= chunk.includes(Buffer.from([0x5a, 0, 0, 0, 5]));
      client.write(chunk);
    });
  });
  const port = await listen(server);
  const proxied = new URL(url);
  proxied.port = String(port);
  return {
    url: proxied.href,
    packets,
    cutAfter: (messages) => {
      remaining = messages;
    },
    get wasCut() {
      return wasCut;
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function listen(server: net.Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The proxy has no port.');
  return address.port;
}

/** The messages of a packet; one that is cut in two by packets counts in the first. */
function splitMessages(packet: Buffer): { readonly type: string; readonly offset: number }[] {
  const messages: { readonly type: string; readonly offset: number }[] = [];
  for (let offset = 0; offset + LENGTH_BYTES < packet.length; offset += 1 + packet.readUInt32BE(offset + 1)) {
    messages.push({ type: String.fromCharCode(packet[offset] ?? 0), offset });
  }
  return messages;
}
