/** What a developer finds after `keelson db seed`: two games that look real, the same every time, and a superuser if the settings name one. */
import { createHash } from 'node:crypto';
import { KeelsonError } from 'keelson/errors';
import type { Standing } from 'keelson/http';
import type { Database, Unit } from 'keelson/work';
import { Character } from './characters/entity.ts';
import { Game } from './games/entity.ts';
import { Gm } from './gms/entity.ts';
import { CharacterGroup } from './groups/entity.ts';
import { relink } from './links.ts';
import type { Repositories } from './model.ts';
import { Player } from './players/entity.ts';
import { Plot } from './plots/entity.ts';
import { people, seededGames, type Words } from './seed-words.ts';
import type { Services } from './services.ts';
import type { Declarations } from './settings.ts';
import { User } from './users/entity.ts';

/** No hash of any password: nobody signs in with it until `keelson user set-password` gives them one. */
const NO_PASSWORD = 'none';
const PEOPLE_COUNT = 168;
const FIRST_KEY_MS = Date.UTC(2026, 0, 1);
const DIETS = ['none', 'none', 'vegetarian', 'vegan', 'no gluten'];

/** What the seed works with. */
type Seeded = Pick<Standing<Repositories, Services, Declarations>, 'database' | 'services' | 'settings'>;

/**
 * Fills the database. What is there already stays as it is: a user who has the e-mail, a game that was seeded before.
 *
 * @throws CONFIG_INVALID when the settings name a superuser without a password
 */
export async function seed({ database, services, settings }: Seeded): Promise<void> {
  await addSuperuser(services, { email: settings.SEED_SUPERUSER_EMAIL, password: settings.SEED_SUPERUSER_PASSWORD });
  const view = database.for({ settings: { 'app.is_superuser': 'on' } });
  const ids = await addPeople(view);
  for (const words of seededGames) {
    await view.work(
      async (unit) => {
        if (await unit.games.exists({ id: keyOf(`game ${words.key}`) })) return;
        await addGame(unit, words, ids);
      },
      { name: 'seed' },
    );
  }
}

async function addSuperuser(
  { users, administration }: Services,
  { email, password }: { email?: string | undefined; password?: string | undefined },
): Promise<void> {
  if (email === undefined) return;
  if (password === undefined) {
    throw new KeelsonError('CONFIG_INVALID', {
      message: 'SEED_SUPERUSER_EMAIL is set, and SEED_SUPERUSER_PASSWORD is not.',
      hint: 'Set both, or neither.',
    });
  }
  if ((await users.findByEmail(email)) === null) await administration.createSuperuser(email, password);
}

/** The keys of the seed's people by their names. */
async function addPeople(view: Database<Repositories>): Promise<ReadonlyMap<string, string>> {
  const names = [
    ...new Set([...seededGames.flatMap(({ gms }) => gms), ...Array.from({ length: PEOPLE_COUNT }, (_, number) => personName(number))]),
  ];
  return view.work(
    async ({ users }) => {
      const emails = new Map(names.map((name) => [emailOf(name), name]));
      const known = await users.list({ email: [...emails.keys()] }, { limit: names.length });
      const ids = new Map(known.map(({ email, id }) => [emails.get(email) ?? '', id]));
      for (const [number, name] of names.entries()) {
        if (ids.has(name)) continue;
        const phone = number % 3 === 0 ? null : `+49 151 ${String(5_550_000 + number * 37)}`;
        ids.set(name, users.add(new User({ id: keyOf(`user ${name}`), email: emailOf(name), passwordHash: NO_PASSWORD, name, phone })).id);
      }
      return ids;
    },
    { name: 'seed' },
  );
}

async function addGame(unit: Unit<Repositories>, words: Words, ids: ReadonlyMap<string, string>): Promise<void> {
  const { key, name, description, startDate, endDate, detailsSchema: additionalDetailsSchema } = words;
  const game = unit.games.add(new Game({ id: keyOf(`game ${key}`), name, description, startDate, endDate, additionalDetailsSchema }));
  const of = { gameId: game.id };
  unit.gms.addMany(words.gms.map((gm) => new Gm({ ...of, id: keyOf(`gm ${key} ${gm}`), userId: idOf(ids, gm) })));
  const players = unit.players.addMany(
    Array.from({ length: words.playersCount }, (_, number) =>
      newPlayer({ ...of, userId: idOf(ids, personName(number)) }, { words, number }),
    ),
  );
  const characters = unit.characters.addMany(
    Array.from({ length: words.charactersCount }, (_, number) =>
      newCharacter({ ...of, playerId: players[number]?.id ?? null }, { words, number }),
    ),
  );
  const groups = words.groups.map((group, number) => ({
    number,
    entity: unit.characterGroups.add(
      new CharacterGroup({
        ...of,
        id: keyOf(`group ${key} ${group}`),
        name: group,
        description: `${group}, as everybody in ${name} knows them.`,
        minCharacters: 2,
        maxCharacters: 40,
      }),
    ),
  }));
  const plots = words.plots.map((plot, number) => ({
    number,
    entity: unit.plots.add(new Plot({ ...of, id: keyOf(`plot ${key} ${plot}`), name: plot, description: plotText(words, number) })),
  }));
  for (const { entity, number } of groups) {
    // Everybody is in one group, and every seventh in a second one.
    const members = characters.filter(
      (_, index) => index % groups.length === number || (index % 7 === 0 && (index * 3 + 1) % groups.length === number),
    );
    await relink(unit, entity, { characterIds: members.map(({ id }) => id) });
  }
  for (const { entity, number } of plots) {
    const about = characters.filter((_, index) => (index * 5 + number) % (plots.length * 2) < 3);
    const group = groups[number % groups.length];
    await relink(unit, entity, {
      characterIds: about.map(({ id }) => id),
      characterGroupIds: group === undefined ? [] : [group.entity.id],
    });
  }
}

interface Numbered {
  readonly words: Words;
  readonly number: number;
}

function newPlayer(of: { readonly gameId: string; readonly userId: string }, { words, number }: Numbered): Player {
  const extra: Readonly<Record<string, unknown>> =
    words.key === 'winter'
      ? { shoe_size: 36 + (number % 12), fights: at(['yes', 'only with soft weapons', 'no'], number) }
      : { speaks_russian: number % 5 === 0 };
  return new Player({
    ...of,
    id: keyOf(`player ${words.key} ${number}`),
    paymentStatus:
      number % 4 === 0 ? { paid: false, due_cents: 18_000 } : { paid: true, paid_cents: 18_000, method: at(['transfer', 'cash'], number) },
    additionalDetails: {
      diet: at(DIETS, number),
      emergency_contact: `${personName(number + 7)}, +49 151 ${String(5_660_000 + number * 41)}`,
      first_aider: number % 9 === 0,
      ...extra,
    },
  });
}

function newCharacter(of: { readonly gameId: string; readonly playerId: string | null }, { words, number }: Numbered): Character {
  const description = `A ${at(words.trades, number)} who ${at(words.traits, number * 5)}, and ${at(words.secrets, number * 3)}.`;
  return new Character({ ...of, id: keyOf(`character ${words.key} ${number}`), name: characterName(words, number), description });
}

function plotText(words: Words, number: number): string {
  const [first, second] = [characterName(words, number * 5), characterName(words, number * 7 + 3)];
  return `${first} ${at(words.secrets, number)}. Sooner or later ${second} will ask about it, and ${at(words.groups, number)} would rather nobody did.`;
}

// Each number gives another pair, as long as the numbers of words have no divisor in common but small ones.
function pair(firsts: readonly string[], seconds: readonly string[], number: number): string {
  return `${at(firsts, number)} ${at(seconds, number + Math.floor(number / firsts.length) * 5)}`;
}

function characterName(words: Words, number: number): string {
  return pair(words.firstNames, words.lastNames, number % words.charactersCount);
}

function personName(number: number): string {
  return pair(people.firstNames, people.lastNames, number % PEOPLE_COUNT);
}

function emailOf(name: string): string {
  return `${name.toLowerCase().replaceAll(' ', '.')}@example.com`;
}

function at(words: readonly string[], number: number): string {
  return words[number % words.length] ?? '';
}

function idOf(ids: ReadonlyMap<string, string>, name: string): string {
  const id = ids.get(name);
  if (id === undefined) throw new KeelsonError('MISUSE', { message: `The seed has nobody who is called ${name}.` });
  return id;
}

/** A key that is the same whenever the seed is run: a UUIDv7 of a fixed day, its random part made of what it is of. */
function keyOf(what: string): string {
  const digest = createHash('sha256').update(`larp-manager ${what}`).digest('hex');
  const time = FIRST_KEY_MS.toString(16).padStart(12, '0');
  return [time.slice(0, 8), time.slice(8), `7${digest.slice(0, 3)}`, `8${digest.slice(3, 6)}`, digest.slice(6, 18)].join('-');
}
