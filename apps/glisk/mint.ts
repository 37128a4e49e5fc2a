/** Mints a batch into the service that runs here, through its signed webhook, for whoever wants to watch: `npm run mint -w apps/glisk`. */
import { createHmac } from 'node:crypto';
import { systemClock } from 'keelson/clock';
import { developmentSecret, loadSettings } from 'keelson/config';
import { KeelsonError } from 'keelson/errors';
import { delivery, mintLog, promptLog, sign, wallet } from './mints/deliveries.fixture.ts';
import { settings as definition } from './settings.ts';

const AUTHORS = [
  'A lighthouse on a cliff in a storm at night',
  'A quiet harbour in autumn, gold and orange',
  'Neon towers of a city in the rain, cyberpunk',
  'A forest lake at dawn, moss and mist',
];
const TOKENS_EACH = 10;
const NEWEST = 100;

async function main(): Promise<void> {
  // Where the service keeps its `.env` and its secret.
  const directory = import.meta.dirname;
  const { values: settings } = loadSettings(definition, { directory });
  if (settings.APP_ENV === 'production' || settings.APP_ENV === 'staging') {
    throw new KeelsonError('FORBIDDEN', { message: 'Here the contract mints, and nobody else.' });
  }
  const service = `http://127.0.0.1:${settings.PORT}`;
  const key = settings.SECRET_KEY ?? (await developmentSecret(directory));
  const secret = settings.ALCHEMY_WEBHOOK_SECRET ?? createHmac('sha256', key).update('glisk webhook').digest('hex');
  const first = await nextTokenId(`${service}${settings.API_V1_PREFIX}`);
  const timestamp = Math.floor(systemClock.now().getTime() / 1_000);
  for (const [at, prompt] of AUTHORS.entries()) {
    const author = wallet(0xa0 + at);
    const account = { address: settings.NFT_CONTRACT_ADDRESS ?? mintLog({ first: 1, quantity: 1 }).account.address };
    const start = first + at * TOKENS_EACH;
    // The prompt goes with every batch; from the second on it is taken for the duplicate that it is.
    const logs = [promptLog(author, prompt), mintLog({ first: start, quantity: TOKENS_EACH, author })];
    const body = delivery(
      logs.map((log, index) => ({ ...log, index, account })),
      { number: start, timestamp: timestamp + at },
    );
    await call(`${service}/webhooks/alchemy`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-alchemy-signature': sign(body, secret) },
      body,
    });
  }
  const last = first + AUTHORS.length * TOKENS_EACH - 1;
  process.stdout.write(`Minted the tokens ${first} to ${last}. Watch them at ${service}/\n`);
}

/** The number after the largest of the newest tokens. */
async function nextTokenId(api: string): Promise<number> {
  const { items = [] } = parsePage(await call(`${api}/tokens?size=${NEWEST}`));
  return Math.max(0, ...items.map((token) => token.token_id)) + 1;
}

async function call(url: string, init: RequestInit = {}): Promise<unknown> {
  let response: Response;
  try {
    response = await fetch(url, init);
  } catch (error) {
    throw new KeelsonError('SERVICE_UNAVAILABLE', {
      message: `Nobody answers at ${new URL(url).origin}.`,
      hint: 'Start the service first: npm start -w apps/glisk.',
      cause: error,
    });
  }
  const text = await response.text();
  if (!response.ok) throw new KeelsonError('SERVICE_UNAVAILABLE', { message: `${url} answered ${response.status}: ${text}` });
  return JSON.parse(text);
}

function parsePage(page: unknown): { readonly items?: readonly { readonly token_id: number }[] } {
  return page as { readonly items?: readonly { readonly token_id: number }[] };
}

try {
  await main();
} catch (error) {
  if (!(error instanceof KeelsonError)) throw error;
  process.stderr.write(`${error.message}\n${error.hint}\n`);
  process.exitCode = 1;
}
