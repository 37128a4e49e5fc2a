/** The same promises with every statement waiting for the one before: pipelining must not be what makes them true. */
import { mode } from './tokens.fixture.ts';

mode.isPipelined = false;
await import('./nested.test.ts');
await import('./flush.test.ts');
await import('./unit-of-work.test.ts');
await import('./concurrency.test.ts');
