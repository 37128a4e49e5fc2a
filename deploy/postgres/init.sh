#!/bin/sh
# Makes the roles of each application, once, when the database is made. APPS says which: name:owner's password:user's password, …
set -eu

for app in $(echo "$APPS" | tr ',' ' '); do
  name=${app%%:*}
  passwords=${app#*:}
  psql -v ON_ERROR_STOP=1 --no-psqlrc --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" \
    -v owner="${name}_owner" -v owner_password="${passwords%%:*}" \
    -v user="${name}_user" -v user_password="${passwords#*:}" \
    --file /keelson/roles.sql
done
