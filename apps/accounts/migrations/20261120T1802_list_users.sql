-- list users
-- transaction: off

-- up
create index concurrently users_created_at_id_idx on accounts.users (created_at, id);
create index concurrently users_email_id_idx on accounts.users (email, id);
create index concurrently users_full_name_id_idx on accounts.users (full_name, id);

-- down
drop index concurrently accounts.users_created_at_id_idx;
drop index concurrently accounts.users_email_id_idx;
drop index concurrently accounts.users_full_name_id_idx;
