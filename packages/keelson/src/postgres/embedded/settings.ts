/** The settings the embedded server runs with: small in memory, private, and for tests without care for a crash. */
import { KeelsonError } from '../../errors.ts';

// Measured idle: 15 MB in 6 processes, against 26 MB in 9 with PostgreSQL's defaults.
const lean = {
  shared_buffers: '16MB',
  max_connections: '100',
  // Dropping a table takes some thirty locks: with the usual 64 an app of 250 tables could not go down to base in one transaction.
  max_locks_per_transaction: '128',
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_logical_replication_workers: '0',
  max_worker_processes: '2',
  max_parallel_workers: '0',
  autovacuum_max_workers: '1',
  autovacuum_worker_slots: '1',
  jit: 'off',
  io_method: 'sync',
  min_wal_size: '32MB',
  max_wal_size: '256MB',
};

const common = {
  listen_addresses: '127.0.0.1',
  // No socket file: its path may have 107 bytes at most, and a project's folder is often longer.
  unix_socket_directories: '',
  shared_preload_libraries: 'pg_stat_statements',
  timezone: 'UTC',
  log_timezone: 'UTC',
  lc_messages: 'C',
  log_checkpoints: 'off',
  // The detail of a broken rule repeats the row's values, which may be personal.
  log_error_verbosity: 'terse',
};

const careless = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  autovacuum: 'off',
  shared_buffers: '64MB',
  max_connections: '200',
};

/** What decides the server's settings. */
export interface SettingsChoice {
  readonly port: number;
  readonly durable: boolean;
  readonly settings: Readonly<Record<string, string>>;
}

const settingName = /^[a-z_][a-z0-9_.]*$/i;

/**
 * Makes sure that settings have names that can be settings'.
 *
 * @throws MISUSE for one that cannot
 */
export function assertSettingNames(settings: Readonly<Record<string, string>>): void {
  const wrong = Object.keys(settings).find((name) => !settingName.test(name));
  if (wrong !== undefined) throw new KeelsonError('MISUSE', { message: `'${wrong}' is not the name of a PostgreSQL setting.` });
}

/** The server's command line, after the data folder. */
export function settingArguments(choice: SettingsChoice): string[] {
  const all = { ...lean, ...common, ...(choice.durable ? {} : careless), ...choice.settings, port: String(choice.port) };
  return Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}
