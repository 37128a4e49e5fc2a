/** The public face of `keelson/resource`. */
export type {
  Action,
  ActionGuards,
  Hook,
  HookContext,
  NewRow,
  ResourceBody,
  ResourceDefinition,
  ResourceFactory,
  RouteOverride,
  RowAction,
  RowsHook,
  RowsHookContext,
} from './resource.ts';
export { resourceFactory } from './resource-factory.ts';
