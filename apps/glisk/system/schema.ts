/** How the whole stands, on the wire. */
import * as Type from 'typebox';

const Count = Type.Integer({ minimum: 0 });

/** How many tokens and transactions are in which state. */
export const StatsPublic = Type.Object({
  tokens: Type.Object({
    detected: Count,
    generating: Count,
    uploading: Count,
    ready: Count,
    revealed: Count,
    failed: Count,
  }),
  total: Count,
  stuck: Type.Integer({
    minimum: 0,
    description: 'Tokens on their way that no worker holds, and that have waited for five minutes; counted up to 1,000.',
  }),
  authors: Count,
  reveals: Type.Object({ pending: Count, sent: Count, confirmed: Count, failed: Count }),
});
