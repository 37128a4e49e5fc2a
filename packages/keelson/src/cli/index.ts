/** The public face of `keelson/cli`. */
export { mainOf } from './keelson.ts';
export { main } from './main.ts';
