/** The public face of `keelson/resource`. */
export type {
  Action,
  ActionGuards,
  Hook,
  HookContext,
  ResourceBody,
  ResourceDefinition,
  ResourceFactory,
  RouteOverride,
  RowAction,
} from './resource.ts';
export { resourceFactory } from './resource-factory.ts';
