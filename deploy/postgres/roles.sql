-- The roles of one application: an owner, as whom migrations run, and a user, as whom it serves and whom its policies bind.
-- Variables of psql: DBNAME (which it sets), owner, owner_password, user, user_password.
create role :"owner" login password :'owner_password' nosuperuser nocreatedb nocreaterole nobypassrls;
create role :"user" login password :'user_password' nosuperuser nocreatedb nocreaterole nobypassrls;

-- The owner makes the schema of the application, and the extensions that every owner of a database may.
grant create on database :"DBNAME" to :"owner";

-- What the owner makes, later revisions included, the user may use and not change.
alter default privileges for role :"owner" grant usage on schemas to :"user";
alter default privileges for role :"owner" grant select, insert, update, delete on tables to :"user";
alter default privileges for role :"owner" grant usage, select on sequences to :"user";
