-- What the tables' defaults and policies call, and the check of bands: declared before any table.
CREATE FUNCTION @extschema@.sira_version() RETURNS text
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'sira_version_wrapper';
COMMENT ON FUNCTION @extschema@.sira_version() IS
    'The version of the library that is loaded. Example: SELECT sira_version();';

CREATE FUNCTION @extschema@.sira_current_tenant() RETURNS text
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'sira_current_tenant_wrapper';
COMMENT ON FUNCTION @extschema@.sira_current_tenant() IS
    'The tenant that the current role works for; NULL where sira_tenant_members lists it for none. Example: SELECT sira_current_tenant();';

CREATE FUNCTION @extschema@.sira_own_hand() RETURNS boolean
LANGUAGE c STABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'sira_own_hand_wrapper';
COMMENT ON FUNCTION @extschema@.sira_own_hand() IS
    'Whether the statement is the session''s own: neither inside a function with its definer''s rights nor one that the server calls for a table, where session_user would be somebody who has not asked for it. Example: SELECT sira_own_hand();';

CREATE FUNCTION @extschema@.sira_uuid_v7(at timestamptz DEFAULT pg_catalog.transaction_timestamp()) RETURNS uuid
LANGUAGE c VOLATILE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'sira_uuid_v7_wrapper';
COMMENT ON FUNCTION @extschema@.sira_uuid_v7(timestamptz) IS
    'A new UUID version 7 that carries the given time to the microsecond. Example: SELECT sira_uuid_v7();';

CREATE FUNCTION @extschema@.sira_uuid_v7_time(id uuid) RETURNS timestamptz
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'sira_uuid_v7_time_wrapper';
COMMENT ON FUNCTION @extschema@.sira_uuid_v7_time(uuid) IS
    'The time that a UUID version 7 carries; NULL for another version. Example: SELECT sira_uuid_v7_time(sira_uuid_v7());';

CREATE FUNCTION @extschema@.sira_check_bands(bands jsonb) RETURNS void
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'sira_check_bands_wrapper';
COMMENT ON FUNCTION @extschema@.sira_check_bands(jsonb) IS
    'Raises an error unless the bands cover the line once with known decisions. Example: SELECT sira_check_bands(''[{"decision": "review"}]'');';

CREATE FUNCTION @extschema@.sira_check_decision(decision text) RETURNS void
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'sira_check_decision_wrapper';
COMMENT ON FUNCTION @extschema@.sira_check_decision(text) IS
    'Raises an error unless the decision is a known one. Example: SELECT sira_check_decision(''review'');';
