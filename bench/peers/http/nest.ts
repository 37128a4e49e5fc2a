/** The NestJS contender, from what `tsc` made of it. */
import { POOL_SIZE, serveHttpContender } from '../../http-contender.ts';
import { start } from '../dist/app.js';

serveHttpContender((databaseUrl) => start(databaseUrl, POOL_SIZE));
