/** Text is cut where PostgreSQL would end a statement, and nowhere else. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cut } from './statements.ts';

function texts(text: string): string[] {
  return cut(text).statements.map((statement) => statement.text);
}

test('a semicolon ends a statement, the last one needs none, and empty ones are nothing', () => {
  assert.deepEqual(texts('select 1;\n\n;; select 2 -- done;\n'), ['select 1;', 'select 2']);
  assert.deepEqual(texts('  -- nothing\n/* at all; */ ;'), []);
});

test('semicolons in quotes, names and comments end nothing', () => {
  for (const statement of [
    `select 'a;b', 'it''s; fine';`,
    `select E'a\\';b', e'\\\\';`,
    `select U&'d\\0061;t', B'0', X'1F', N';';`,
    `create table "a;b" ("c"";d" int);`,
    `select 1 /* a; /* nested; */ b; */ + 1;`,
    `select 1 -- a; b\n + 1;`,
    `select 5 ---3; not\n;`,
  ]) {
    assert.deepEqual(texts(`${statement} select 2;`), [statement, 'select 2;'], statement);
  }
});

test('a constant that goes on after a line break keeps its escapes', () => {
  const statement = `select E'a' -- why\n  'b\\';c';`;
  assert.deepEqual(texts(`${statement} select 2;`), [statement, 'select 2;']);
});

test('dollar quotes end at their own tag, and a dollar inside a name begins none', () => {
  const body = `do $a$ begin perform $b$;$b$; perform '$a'; end $a$;`;
  assert.deepEqual(texts(`${body} select 2;`), [body, 'select 2;']);
  assert.deepEqual(texts(`select a$b$c, $1; select 2;`), ['select a$b$c, $1;', 'select 2;']);
  assert.deepEqual(texts(`select $ä$ ; $ä$; select $$;$$;`), ['select $ä$ ; $ä$;', 'select $$;$$;']);
});

test('a rule with several actions and a function with an SQL body are one statement', () => {
  for (const statement of [
    `create rule r as on insert to t do also (delete from a; delete from b);`,
    `create or replace function f() returns int begin atomic select case when true then 1 else 2 end; select 2; end;`,
    `CREATE PROCEDURE p(x int) BEGIN ATOMIC insert into t values (x); END;`,
    `create function g("begin" int, x int default (1)) returns int language sql as 'select 1; select 2';`,
  ]) {
    assert.deepEqual(texts(`${statement} select 2;`), [statement, 'select 2;'], statement);
  }
});

test('begin and case mean nothing outside such a function', () => {
  assert.deepEqual(texts(`select case when 1 = 1 then 2 end; begin; end; select 3;`), [
    'select case when 1 = 1 then 2 end;',
    'begin;',
    'end;',
    'select 3;',
  ]);
});

test('each statement knows its line and its first words', () => {
  const { statements } = cut('-- one\n\nselect\n1;\r\n/* a\nb */ create UNIQUE index "x" on t (a);');
  assert.deepEqual(
    statements.map(({ line, words }) => ({ line, words })),
    [
      { line: 3, words: ['select'] },
      { line: 6, words: ['create', 'unique', 'index', 'on', 't', 'a'] },
    ],
  );
});

test('what is never closed is told with the line on which it begins', () => {
  for (const [text, what] of [
    [`select 1;\nselect 'a;\n`, 'text'],
    [`select 1;\nselect E'a\\';`, 'text'],
    [`select 1;\nselect "a;`, 'quoted name'],
    [`select 1;\ndo $$ begin $x$`, 'text'],
    [`select 1;\n/* /* */ select 2;`, 'block comment'],
  ] as const) {
    assert.deepEqual(cut(text).unclosed, { line: 2, what }, text);
  }
});

test('only a comment that has its line for itself counts as one, and none inside quotes', () => {
  const { comments } = cut(`select 1; -- up\n  -- down\nselect $$\n-- commit\n$$, '\n-- commit\n';\n/* x\n*/ -- also beside\n-- last`);
  assert.deepEqual(
    comments.map(({ text, line }) => ({ text, line })),
    [
      { text: '-- down', line: 2 },
      { text: '-- last', line: 10 },
    ],
  );
});

test('a text of two megabytes is cut in one pass', () => {
  const rows = Array.from({ length: 40_000 }, (_, index) => `insert into t values (${index}, 'a;b', $$c;d$$);`);
  assert.equal(cut(rows.join('\n')).statements.length, rows.length);
});
