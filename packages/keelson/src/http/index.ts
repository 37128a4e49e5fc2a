/** The public face of `keelson/http`. */
export { defineApp } from './app.ts';
export type { App, AppDefinition, Ground, Standing } from './app.ts';
export { everyone } from './guard.ts';
export type { Guard, GuardContext, Identity, OpenGuard, SecurityScheme } from './guard.ts';
export { LiveFeed } from './live-feed.ts';
export type { LiveFeedOptions } from './live-feed.ts';
export type { ViewerLimits } from './viewers.ts';
export { routeFactory } from './route-factory.ts';
export type {
  Answer,
  Input,
  Method,
  Output,
  Responses,
  Route,
  RouteContext,
  RouteDefinition,
  RouteFactory,
  RouteFacts,
  Session,
  SessionContext,
} from './route.ts';
export { buildServer } from './server.ts';
export type { ServerParts } from './server.ts';
export { runUntilSignal } from './signals.ts';
export type { Signal, SignalSource, Stoppable } from './signals.ts';
export { startApp } from './start.ts';
export type { RunningApp, StartOptions } from './start.ts';
export { startWorkers } from './start-workers.ts';
export type { RunningWorkers } from './start-workers.ts';
