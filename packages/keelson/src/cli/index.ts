/** The public face of `keelson/cli`. */
export { mainOf, mainOfProject } from './keelson.ts';
export { main } from './main.ts';
