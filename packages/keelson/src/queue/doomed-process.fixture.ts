/** A process with leased rows that is there to be killed: says its number when it is ready, and ends when its input does. */
import { openTrial } from './liveness.fixture.ts';

const [url = '', rows = '0'] = process.argv.slice(2);
const trial = await openTrial({ url });
const registration = await trial.register({ name: 'doomed' });
for (let n = 0; n < Number(rows); n += 1) await trial.lease(registration.owner);
process.stdout.write(`${registration.owner}\n`);
process.stdin.resume().once('end', () => process.exit(0));
