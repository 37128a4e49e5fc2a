/** Plans, questions and findings as they are shown, and questions as they are asked. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Question } from '../migrate/plan/question.ts';
import type { Paint } from './output.ts';
import { answerQuestions } from './plan-questions.ts';
import { countFindings, hintFor, showFindings, showLines, showQuestions } from './plan-show.ts';
import { person } from './sample.fixture.ts';

const tagged: Paint = (colour, word) => `<${colour}>${word}</>`;
const plain: Paint = (_colour, word) => word;

function gone(name: string, renames: readonly string[]): Question {
  return {
    kind: 'column',
    object: `notes.${name}`,
    message: `notes.${name} is gone.`,
    drop: `--drop notes.${name}`,
    renames: renames.map((to) => `--rename notes.${name}:${to}`),
  };
}

test('a plan has a line for each change, its sign in colour and its table in a column', () => {
  const shown = showLines(
    [
      { sign: '+', table: 'notes', text: 'column title text' },
      { sign: '-', table: 'note_tags', text: 'the table' },
      { sign: '~', table: 'notes', text: 'check\n  (length(title) > 0)' },
    ],
    tagged,
  );
  assert.equal(
    shown,
    '<green>+</> notes      column title text\n<red>-</> note_tags  the table\n<yellow>~</> notes      check (length(title) > 0)',
  );
  assert.equal(showLines([], tagged), '');
});

test('what comes from a database cannot colour the terminal', () => {
  const evil = '\u001B[2Jgone';
  assert.equal(showLines([{ sign: '+', table: 'notes', text: evil }], plain), '+ notes  gone');
  assert.ok(!showQuestions([{ ...gone('a', []), message: evil, drop: `--drop ${evil}` }]).includes('\u001B'));
  const finding = { rule: 'table-rewrite', severity: 'error', file: '/m/a.sql', line: 3, message: evil, safeWay: evil } as const;
  assert.equal(showFindings([finding], plain), '/m/a.sql:3: error table-rewrite: gone\n    gone');
});

test('findings are counted in words', () => {
  const finding = { rule: 'lock-held', file: 'a', line: 1, message: '', safeWay: '' } as const;
  const error = { ...finding, severity: 'error' } as const;
  const warning = { ...finding, severity: 'warning' } as const;
  assert.equal(countFindings([]), 'Nothing was found.');
  assert.equal(countFindings([error]), '1 error.');
  assert.equal(countFindings([warning, error, warning]), '1 error and 2 warnings.');
});

test('a finding is answered by the safe way or by a reason, and what is plainly wrong by neither', () => {
  const finding = { file: 'a', line: 1, message: '', safeWay: '', severity: 'error' } as const;
  assert.match(
    hintFor([
      { ...finding, rule: 'replay' },
      { ...finding, rule: 'column-drop' },
    ]),
    /-- lint: column-drop and the reason/u,
  );
  assert.equal(hintFor([{ ...finding, rule: 'lock-file' }]), '');
  assert.equal(hintFor([]), '');
});

test('what one question has taken is not offered by the next', async () => {
  const input = person([
    ['Which, 1 to 3?', '2'],
    ['Which, 1 to 2?', '1'],
    ['Which, 1 to 1?', '1'],
  ]);
  const questions = [gone('first', ['x', 'y']), gone('second', ['x', 'y']), gone('third', ['y', 'x'])];
  const answers = await answerQuestions({ input }, questions);
  assert.deepEqual(answers, { renames: ['notes.first:y', 'notes.second:x'], drops: ['notes.third'] });
  assert.doesNotMatch(input.seen(), /notes\.second:y|notes\.third:/u);
});

test('names with quotes go back to the planner as they were meant', async () => {
  const input = person([['Which, 1 to 2?', '1']]);
  const question = { ...gone('a', []), renames: [`--rename 'notes."it''s":"a:b"'`.replace("''", "'\\''")] };
  assert.deepEqual(await answerQuestions({ input }, [question]), { renames: [`notes."it's":"a:b"`], drops: [] });
});
