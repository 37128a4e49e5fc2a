/** How a server is reached through TLS, in each of libpq's modes, past a real TLS end. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import tls from 'node:tls';
import { testServer } from '../testing/server.ts';
import { openTrial, portOf, unhandledRejections, unnamed } from './trial.fixture.ts';

after(() => assert.deepEqual(unhandledRejections(), []));

/** Made for this test, good for nothing else: an authority, and a server named localhost. */
const AUTHORITY = `-----BEGIN CERTIFICATE-----
MIIBajCCARCgAwIBAgIUCqfWtFKVut+rVz41Jnq+MH6xn5gwCgYIKoZIzj0EAwIw
GjEYMBYGA1UEAwwPdHJpYWwgYXV0aG9yaXR5MCAXDTIwMDEwMTAwMDAwMFoYDzIx
MjAwMTAxMDAwMDAwWjAaMRgwFgYDVQQDDA90cmlhbCBhdXRob3JpdHkwWTATBgcq
hkjOPQIBBggqhkjOPQMBBwNCAAQ+fxCOlew0953s7f/NEq0eY86CrvGptl8eHZEK
yWDorFt8gbEcuE1v9jnvJ3d92SoYrEKw+20HB/4szYWp+uscozIwMDAPBgNVHRMB
Af8EBTADAQH/MB0GA1UdDgQWBBTWmVfIpSSXW9XDmVcsnM4HyAgYHzAKBggqhkjO
PQQDAgNIADBFAiEAjobV/Lb9Ph1Epc2B1jAL9Nx49Nze7TbrOUIw6nQQfbMCICcK
ASqTOvP7OpMVncJpz8/WgZgkdPYmndZM447AAdMP
-----END CERTIFICATE-----`;
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBjTCCATOgAwIBAgIUUKG+BQC5Nf7oinSVyOY3JEepim8wCgYIKoZIzj0EAwIw
GjEYMBYGA1UEAwwPdHJpYWwgYXV0aG9yaXR5MCAXDTIwMDEwMTAwMDAwMFoYDzIx
MjAwMTAxMDAwMDAwWjAXMRUwEwYDVQQDDAx0cmlhbCBzZXJ2ZXIwWTATBgcqhkjO
PQIBBggqhkjOPQMBBwNCAARsJR4TPnjsbNPPyHFx6jccxcH58k3KXm+iaA2WCL81
jTVgF8ngz/MMFVsz4CV06NZAVJ5QUdWsS1orHSot4BLxo1gwVjAUBgNVHREEDTAL
gglsb2NhbGhvc3QwHQYDVR0OBBYEFCGX03ThBRhqEwC1biZ0/LwabQcyMB8GA1Ud
IwQYMBaAFNaZV8ilJJdb1cOZVyyczgfICBgfMAoGCCqGSM49BAMCA0gAMEUCIQCo
2X/KnQ8w+wiQG7cjoi37L4+gStNRlIMOU35JgAEXwwIgS7ydFi3sHmaNHaqSct6E
/wDPGAS5dVqp8iHCU1Y6Rww=
-----END CERTIFICATE-----`;
const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQglDhVBBSBn7Sw6fFr
6UMdCF6Oxszadq/I/GPrJlII9qOhRANCAARsJR4TPnjsbNPPyHFx6jccxcH58k3K
Xm+iaA2WCL81jTVgF8ngz/MMFVsz4CV06NZAVJ5QUdWsS1orHSot4BLx
-----END PRIVATE KEY-----`;

interface TlsFront extends AsyncDisposable {
  url(host: string, query: string): string;
  /** How many connections were encrypted. */
  readonly encrypted: number;
}

/** Answers the request for TLS as a server with TLS does, and passes what it deciphers on to the server of the run. */
async function startTlsFront(): Promise<TlsFront> {
  const { url } = await testServer();
  const target = new URL(url);
  const state = { encrypted: 0 };
  const sockets = new Set<net.Socket>();
  const server = net.createServer((client) => {
    sockets.add(client);
    client.on('error', () => client.destroy());
    client.once('data', () => {
      client.write('S');
      const secure = new tls.TLSSocket(client, { isServer: true, cert: CERTIFICATE, key: KEY });
      secure.on('error', () => client.destroy());
      secure.once('secure', () => (state.encrypted += 1));
      const upstream = net.connect(Number(target.port), target.hostname);
      sockets.add(upstream);
      upstream.on('error', () => client.destroy());
      secure.pipe(upstream).pipe(secure);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: (host, query) => {
      const front = new URL(url);
      front.hostname = host;
      front.port = String(portOf(server));
      front.search = query;
      return front.href;
    },
    get encrypted() {
      return state.encrypted;
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function withAuthority(run: (file: string) => Promise<void>): () => Promise<void> {
  return async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'keelson-tls-'));
    const file = path.join(folder, 'authority.pem');
    writeFileSync(file, AUTHORITY);
    try {
      await run(file);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  };
}

async function answers(url: string): Promise<void> {
  await using trial = await openTrial({ url });
  assert.deepEqual((await trial.readers.query(unnamed('select 1'))).rows, [['1']]);
}

test(
  'require encrypts without checking; verify-ca checks the authority; verify-full the name as well',
  withAuthority(async (authority) => {
    await using front = await startTlsFront();
    await answers(front.url('127.0.0.1', '?sslmode=require'));
    await answers(front.url('127.0.0.1', '?sslmode=prefer'));
    await answers(front.url('127.0.0.1', `?sslmode=verify-ca&sslrootcert=${authority}`));
    await answers(front.url('127.0.0.1', `?sslmode=require&sslrootcert=${authority}`));
    await answers(front.url('localhost', `?sslmode=verify-full&sslrootcert=${authority}`));
    // Each has a connection of the pool and one for reads at least.
    assert.ok(front.encrypted >= 10);
  }),
);

test(
  'an authority that is not known, and a name that is another, are refused at once',
  withAuthority(async (authority) => {
    await using front = await startTlsFront();
    const refused = { code: 'DATABASE_CONNECTION_FAILED', message: /its TLS certificate cannot be trusted\.$/u };
    const patient = { connectRetryMs: 60_000 };
    await assert.rejects(openTrial({ url: front.url('localhost', '?sslmode=verify-full'), ...patient }), refused);
    await assert.rejects(openTrial({ url: front.url('127.0.0.1', '?sslmode=verify-ca'), ...patient }), refused);
    await assert.rejects(openTrial({ url: front.url('127.0.0.1', `?sslmode=verify-full&sslrootcert=${authority}`), ...patient }), refused);
  }),
);
