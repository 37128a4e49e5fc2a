/** Typed settings from the environment and `.env`: declared once, checked at once, explained. */
export { baseSettings } from './base.ts';
export type { BaseSettings } from './base.ts';
export type {
  AppEnvironment,
  CheckFinding,
  Declaration,
  Declarations,
  DependentDefault,
  SettingContext,
  SettingsOf,
} from './declaration.ts';
export { processEnvironment, workingDirectory } from './environment.ts';
export type { EnvironmentVariables } from './environment.ts';
export { renderEnvExample, renderSettingsTable } from './example.ts';
export { choice, databaseUrl, feature, flag, host, integer, list, port, secret, text, url } from './kinds.ts';
export { appEnvironments, defineSettings } from './definition.ts';
export type { SettingsDefinition } from './definition.ts';
export { loadSettings } from './load.ts';
export type { ExplainedSetting, LoadedSettings, LoadOptions, SettingProblem } from './load.ts';
export { developmentSecret } from './secret.ts';
