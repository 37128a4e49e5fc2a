/** A crowd for the proof that games are kept apart: two games of fifty people each, signed in over HTTP at an app that runs as it does in production. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as Type from 'typebox';
import { defineApp, startApp } from 'keelson/http';
import { silentLog } from 'keelson/log';
import { sql } from 'keelson/schema';
import { startTestPooler } from 'keelson/testing';
import { larpManager } from './app.ts';
import { Character } from './characters/entity.ts';
import { characters } from './characters/table.ts';
import { Game } from './games/entity.ts';
import { Gm } from './gms/entity.ts';
import { CharacterGroup } from './groups/entity.ts';
import { relink } from './links.ts';
import { Player } from './players/entity.ts';
import { Plot } from './plots/entity.ts';
import { plotCharacters } from './plots/table.ts';
import { route, signedIn } from './route.ts';
import { type LarpDatabase, openLarp, viewOf } from './rows.fixture.ts';
import { User } from './users/entity.ts';

/** The games, by the word that every row of theirs carries. */
export const sides = ['north', 'south'] as const;
export type Side = (typeof sides)[number];

export const GMS = 5;
export const PLAYERS = 45;
export const POOL_SIZE = 4;

const password = 'correct horse battery';
const SECRET = 'Vq3n8Xw1Lr6Zt0Yb5Kc9Hd2Gf7Js4Pm6AeUx';

/** Gives everything of every table that the caller's transactions see: not one of its questions says whose. */
const forgetful = route({
  method: 'GET',
  url: '/forgetful',
  summary: 'Forgets every filter',
  guard: signedIn,
  responses: { 200: Type.Object({ rows: Type.String() }) },
  handler: async ({ database }) => {
    const all = { limit: 1_000 };
    const read = await database.read((reader) =>
      Promise.all([
        reader.users.list({}, all),
        reader.games.list({}, all),
        reader.gms.list({}, all),
        reader.players.list({}, all),
        reader.characterGroups.list({}, all),
        reader.plots.list({}, all),
      ]),
    );
    const written = await database.work(async (unit) => [
      await unit.sql(sql`select * from ${characters}`),
      await unit.sql(sql`select * from ${plotCharacters}`),
      await unit.sql(sql`update ${characters} set updated_at = updated_at returning name`),
    ]);
    return { rows: JSON.stringify([...read, ...written]) };
  },
});

const app = defineApp({ ...larpManager, routes: [...larpManager.routes, forgetful] });

/** One game with its rows. */
export interface Staged {
  readonly gameId: string;
  readonly characterIds: readonly string[];
  readonly plotIds: readonly string[];
}

/** Adds a game of five GMs and forty-five players, each with a character; every row carries the word of the game. */
async function addGame(database: LarpDatabase, side: Side, passwordHash: string): Promise<Staged> {
  return viewOf(database, { isSuperuser: true }).work(async (unit) => {
    const game = unit.games.add(new Game({ name: `${side} game` }));
    const gameId = game.id;
    const crew = unit.characterGroups.add(new CharacterGroup({ gameId, name: `${side} crew` }));
    const plots = Array.from({ length: 10 }, (_, n) => unit.plots.add(new Plot({ gameId, name: `${side} plot ${n}` })));
    const cast: Character[] = [];
    for (let n = 0; n < GMS + PLAYERS; n += 1) {
      const user = unit.users.add(new User({ email: emailOf(side, n), passwordHash, name: `${side} ${n}` }));
      if (n < GMS) unit.gms.add(new Gm({ gameId, userId: user.id }));
      else {
        const player = unit.players.add(new Player({ gameId, userId: user.id, additionalDetails: { from: side } }));
        cast.push(unit.characters.add(new Character({ gameId, playerId: player.id, name: `${side} character ${n}` })));
      }
    }
    await relink(unit, crew, { characterIds: cast.slice(0, 20).map(({ id }) => id) });
    for (const [n, plot] of plots.entries()) await relink(unit, plot, { characterIds: cast.slice(n * 4, n * 4 + 4).map(({ id }) => id) });
    return { gameId, characterIds: cast.map(({ id }) => id), plotIds: plots.map(({ id }) => id) };
  });
}

function emailOf(side: Side, n: number): string {
  return `${side}-${n}@${side}.example`;
}

/** An answer, read. */
export interface Heard {
  readonly status: number;
  readonly text: string;
}

/** A call over HTTP. */
export interface Said {
  readonly method?: 'GET' | 'PATCH' | 'POST';
  readonly path: string;
  readonly token?: string;
  readonly body?: object;
}

/** Starts the app on a database of its own, logged in as a role that policies bind; `isPooled`: through PgBouncer with four connections. */
export async function startCrowd({ isPooled }: { readonly isPooled: boolean }) {
  await using steps = new AsyncDisposableStack();
  const owner = steps.use(await openLarp({ isolation: 'database', role: 'owner' }));
  const url = await logInRole(owner, steps);
  const pooler = isPooled ? steps.use(await startTestPooler({ url, poolSize: POOL_SIZE })) : undefined;
  const directory = mkdtempSync(path.join(tmpdir(), 'keelson-crowd-'));
  steps.defer(() => rmSync(directory, { recursive: true, force: true }));
  const running = await startApp(app, {
    directory,
    log: silentLog,
    port: 0,
    environment: {
      APP_ENV: 'test',
      SECRET_KEY: SECRET,
      DATABASE_URL: pooler?.url ?? url,
      DIRECT_DATABASE_URL: owner.postgres.url,
      DATABASE_POOLER: isPooled ? 'transaction' : 'none',
      // Twice as many as the pooler has: the server's connections change hands all the time.
      DATABASE_POOL_SIZE: String(isPooled ? 2 * POOL_SIZE : POOL_SIZE),
      DATABASE_POOL_WAIT_MS: '120000',
      DATABASE_STATEMENT_TIMEOUT_MS: '60000',
    },
  });
  steps.defer(() => running.stop());
  const agent = new http.Agent({ keepAlive: true, maxSockets: 100 });
  steps.defer(() => agent.destroy());
  const ask = (said: Said): Promise<Heard> => send(`${running.url}/api/v1`, agent, said);
  // The superuser, whose hash the others share: they all sign in with one password.
  await running.services.users.register({ email: 'root@example.com', password, name: 'root' }, { isSuperuser: true });
  const [root] = await owner.read((reader) => reader.users.list());
  const passwordHash = root?.passwordHash ?? '';
  const games = { north: await addGame(owner, 'north', passwordHash), south: await addGame(owner, 'south', passwordHash) };
  const login = async (email: string): Promise<string> => {
    const { status, text } = await ask({ method: 'POST', path: '/auth/login', body: { email, password } });
    assert.equal(status, 200, text);
    return parseToken(text);
  };
  const undo = steps.move();
  return {
    owner,
    games,
    ask,
    tokenOfSuperuser: () => login('root@example.com'),
    /** The access token of the n-th of a game; the first are its GMs. */
    tokenOf: (side: Side, n: number) => login(emailOf(side, n)),
    postgres: running.database.postgres,
    [Symbol.asyncDispose]: () => undo.disposeAsync(),
  };
}

/** The app and its crowd. */
export type Crowd = Awaited<ReturnType<typeof startCrowd>>;

/** A role that can log in and has the rights of the app's, as the operator of a database would make it; gives the URL for it. */
async function logInRole(owner: LarpDatabase, steps: AsyncDisposableStack): Promise<string> {
  const role = `keelson_crowd_${process.pid}`;
  const name = sql.identifier(role);
  await owner.work((unit) => unit.sql(sql`create role ${name} login password 'sesame' in role larp_manager_user`));
  steps.defer(async () => void (await owner.work((unit) => unit.sql(sql`drop role ${name}`))));
  const url = new URL(owner.postgres.url);
  url.username = role;
  url.password = 'sesame';
  return url.href;
}

function send(origin: string, agent: http.Agent, { method = 'GET', path: url, token, body }: Said): Promise<Heard> {
  const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
  const headers = {
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(payload === undefined ? {} : { 'content-type': 'application/json', 'content-length': payload.length }),
  };
  const { promise, resolve, reject } = Promise.withResolvers<Heard>();
  const request = http.request(`${origin}${url}`, { method, headers, agent }, (response) => {
    const chunks: Buffer[] = [];
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }));
    response.on('error', reject);
  });
  request.on('error', reject);
  request.end(payload);
  return promise;
}

function parseToken(text: string): string {
  return (JSON.parse(text) as { readonly access_token: string }).access_token;
}
