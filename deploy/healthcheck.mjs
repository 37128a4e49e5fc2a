/** Asks the application of this container whether traffic may come: ends with 0 when it may, with 1 otherwise. */
import { get } from 'node:http';
import { env, exit } from 'node:process';

const request = get({ host: '127.0.0.1', port: env.PORT, path: '/health/ready', timeout: 2_000 }, (response) => {
  exit(response.statusCode === 200 ? 0 : 1);
});
request.on('timeout', () => exit(1));
request.on('error', () => exit(1));
