-- harden
-- Failed log-ins are counted, and what touches an account's safety is written down.

-- up
create table "accounts"."auth_throttle" (
  "key" text not null constraint "auth_throttle_pkey" primary key,
  "failures" integer not null,
  "blocked_until" timestamptz not null,
  "expires_at" timestamptz not null,
  "counted_id" uuid not null
);

create table "accounts"."audit_log" (
  "id" uuid not null default uuidv7() constraint "audit_log_pkey" primary key,
  "occurred_at" timestamptz not null,
  "action" text not null,
  "user_id" uuid,
  "actor_id" uuid,
  "session_id" uuid,
  "address" text
);

create index "auth_throttle_expires_at_idx" on "accounts"."auth_throttle" ("expires_at");

create index "audit_log_user_id_occurred_at_idx" on "accounts"."audit_log" ("user_id", "occurred_at");

create index "audit_log_occurred_at_idx" on "accounts"."audit_log" ("occurred_at");

-- down
drop table "accounts"."audit_log";
drop table "accounts"."auth_throttle";
