-- initial
-- There are no features, so there is nothing to keep; the namespace itself is made by the migrator.

-- up
comment on schema "base_application" is 'What every application has.';

-- down
comment on schema "base_application" is null;
