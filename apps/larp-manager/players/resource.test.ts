/** The details of players, through the whole app: checked by the schema of their game, which cannot leave them behind. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Answered, type RunningLarp, signInTwoGames, startLarp } from '../calls.fixture.ts';
import { newUser, viewOf } from '../rows.fixture.ts';

let larp: RunningLarp;
let games: Awaited<ReturnType<typeof signInTwoGames>>;

before(async () => {
  larp = await startLarp();
  games = await signInTwoGames(larp);
});

after(() => larp[Symbol.asyncDispose]());

const schema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    diet: { enum: ['everything', 'vegetarian', 'vegan'] },
    phone: { type: 'string', pattern: '^[0-9 ]{5,20}$' },
    allergies: { type: 'array', items: { type: 'string', maxLength: 40 }, maxItems: 20 },
  },
};

function saveSchema(value: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Answered> {
  const body = { additional_details_schema: value };
  return larp.call('PATCH', `/games/${games.north.game.id}`, { token: games.tokens.gerd, body, headers });
}

function saveDetails(details: unknown, token = games.tokens.ann): Promise<Answered> {
  return larp.call('PATCH', `/players/${games.north.annPlays.id}`, { token, body: { additional_details: details } });
}

function fieldsOf({ body }: Answered): readonly string[] {
  const problems = body['validation_errors'];
  assert.ok(Array.isArray(problems), JSON.stringify(body));
  return problems.map((problem: unknown) => {
    assert.ok(typeof problem === 'object' && problem !== null && 'field' in problem);
    return String(problem.field);
  });
}

// LRP-15
test('players say of themselves what their game asks, and are told what does not fit', async () => {
  const saved = await saveSchema(schema);
  assert.equal(saved.status, 200, saved.text);
  assert.deepEqual(saved.body['additional_details_schema'], schema);
  const fitting = { diet: 'vegan', phone: '040 1234', allergies: ['nuts'] };
  const answer = await saveDetails(fitting);
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual(answer.body['additional_details'], fitting);
  const refused = await saveDetails({ diet: 'stones', phone: 'none', allergies: [7], height: 2 });
  assert.equal(refused.status, 422);
  assert.deepEqual(fieldsOf(refused).toSorted(), [
    'body.additional_details.allergies[0]',
    'body.additional_details.diet',
    'body.additional_details.height',
    'body.additional_details.phone',
  ]);
  assert.equal((await saveDetails([])).status, 422);
  assert.equal((await saveDetails(null)).status, 422);
  const seen = await larp.call('GET', `/players/${games.north.annPlays.id}`, { token: games.tokens.gerd });
  assert.deepEqual(seen.body['additional_details'], fitting);
});

test('a new player fits the game, alone and in a bulk', async () => {
  const { north, users, tokens } = games;
  const player = { game_id: north.game.id, user_id: users.cat.id, additional_details: { diet: 'mud' } };
  const one = await larp.call('POST', '/players', { token: tokens.gerd, body: player });
  assert.deepEqual(fieldsOf(one), ['body.additional_details.diet']);
  const items = [{ ...player, user_id: users.dora.id, additional_details: { diet: 'vegan' } }, player];
  const many = await larp.call('POST', '/players/bulk', { token: tokens.gerd, body: { items } });
  assert.equal(many.status, 422, many.text);
  const { body } = await larp.call('GET', `/players?game_id=${north.game.id}&total=true`, { token: tokens.gerd });
  assert.equal(body['total'], 2);
});

// LRP-15
test('a schema that players do not fit is refused with how many they are, and one that they fit is taken', async () => {
  const { north } = games;
  assert.equal((await saveDetails({ diet: 'vegan' })).status, 200);
  const narrow = { ...schema, properties: { ...schema.properties, diet: { enum: ['everything'] } } };
  const refused = await saveSchema(narrow);
  assert.equal(refused.status, 409, refused.text);
  assert.equal(
    refused.body['message'],
    'The details of 1 of the 2 players of this game do not fit this schema: additional_details.diet must be one of "everything".',
  );
  const kept = await larp.call('GET', `/games/${north.game.id}`, { token: games.tokens.ann });
  assert.deepEqual(kept.body['additional_details_schema'], schema);
  const wide = { ...schema, properties: { ...schema.properties, height: { type: 'number' } } };
  assert.equal((await saveSchema(wide)).status, 200);
  assert.equal((await saveSchema(schema)).status, 200);
});

// LRP-15
test('a hostile schema is refused when the game is saved, with its place', async () => {
  const property = (value: unknown): unknown => ({ type: 'object', properties: { a: value } });
  const hostile: readonly (readonly [unknown, string])[] = [
    [property({ $ref: 'http://169.254.169.254/latest' }), '.properties.a.$ref'],
    [property({ pattern: '(a+)+\\1' }), '.properties.a.pattern'],
    [property({ type: 'function' }), '.properties.a.type'],
    [{ type: 'object', $ref: '#' }, '.$ref'],
    [{ type: 'array' }, '.type'],
    [{ type: 'object', 'x-code': 'process.exit()' }, '.x-code'],
  ];
  for (const [value, place] of hostile) {
    const answer = await saveSchema(value);
    assert.equal(answer.status, 422, answer.text);
    assert.deepEqual(fieldsOf(answer), [`body.additional_details_schema${place}`]);
  }
  for (const value of [null, [], 'text']) assert.equal((await saveSchema(value)).status, 422);
  const made = await larp.call('POST', '/games', {
    token: games.tokens.root,
    body: { name: 'West', additional_details_schema: { type: 'object', patternProperties: {} } },
  });
  assert.deepEqual(fieldsOf(made), ['body.additional_details_schema.patternProperties']);
});

// LRP-15
test('whoever writes details, and whoever writes the schema, do not pass each other', async () => {
  const { north, users, tokens } = games;
  const admin = viewOf(larp.database, { userId: users.root.id, isSuperuser: true });
  const extra = Array.from({ length: 12 }, (_, number) => newUser(`racer${number}`));
  await admin.work((unit) => void unit.users.addMany(extra));
  const property = (type: string): unknown => ({ ...schema, properties: { ...schema.properties, round: { type } } });
  for (const [round, user] of extra.entries()) {
    assert.equal((await saveDetails({})).status, 200);
    assert.equal((await saveSchema(property('number'))).status, 200);
    const { etag } = (await larp.call('GET', `/games/${north.game.id}`, { token: tokens.gerd })).headers;
    const body = { game_id: north.game.id, user_id: user.id, additional_details: { round } };
    const [changed, added, said] = await Promise.all([
      saveSchema(property('string'), { 'if-match': String(etag) }),
      larp.call('POST', '/players', { token: tokens.gerd, body }),
      saveDetails({ round }),
    ]);
    assert.ok([200, 409, 412].includes(changed.status), changed.text);
    assert.ok([201, 422].includes(added.status), added.text);
    assert.ok([200, 422].includes(said.status), said.text);
    // Whichever came first: the schema that was kept is one that all players fit.
    const kept = (await larp.call('GET', `/games/${north.game.id}`, { token: tokens.gerd })).body['additional_details_schema'];
    const again = await saveSchema(kept);
    assert.equal(again.status, 200, again.text);
    if (added.status !== 201) continue;
    assert.equal((await larp.call('DELETE', `/players/${String(added.body['id'])}`, { token: tokens.gerd })).status, 204);
  }
});

test('dates in the wrong order are named', async () => {
  const { north, tokens } = games;
  const body = { start_date: '2027-05-04', end_date: '2027-05-01' };
  const answer = await larp.call('PATCH', `/games/${north.game.id}`, { token: tokens.gerd, body });
  assert.deepEqual(fieldsOf(answer), ['body.end_date']);
  const alone = await larp.call('PATCH', `/games/${north.game.id}`, { token: tokens.gerd, body: { end_date: '2027-04-01' } });
  assert.deepEqual(fieldsOf(alone), ['body.end_date']);
});
