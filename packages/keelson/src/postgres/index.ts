/** PostgreSQL: connections, pool, shared readers, what its errors mean, and its values. */
export { connectPostgres, type Postgres, type PostgresOptions } from './postgres.ts';
export { Connection, type TransactionStatus, type ServerParameters } from './connection.ts';
export { type Field, type Result, type Row } from './exchange.ts';
export { Pool } from './pool.ts';
export { type PoolOptions } from './pool-member.ts';
export { type Holder, type PoolStats } from './pool-stats.ts';
export { Readers, type ReadersOptions } from './readers.ts';
export { type StatementEnd, type UnitOutcome, Watch } from './watch.ts';
export { type SessionSettings } from './connector.ts';
export { type Address, type SslMode, describeAddress, parseAddress } from './address.ts';
export { fromDatabase, isConnectionLost, isSerializationFailure, sqlState } from './sqlstate.ts';
export { toObjects } from './values.ts';
export { type EmbeddedOptions, type EmbeddedServer, startEmbedded } from './embedded.ts';
