/** Asks the application of this container whether traffic may come: ends with 0 when it may, with 1 otherwise. */
const { get } = require('node:http');

const request = get({ host: '127.0.0.1', port: process.env.PORT, path: '/health/ready', timeout: 2_000 }, (response) => {
  process.exit(response.statusCode === 200 ? 0 : 1);
});
request.on('timeout', () => process.exit(1));
request.on('error', () => process.exit(1));
