-- Defining features. Rust checks every part as the caller and hands one object over; what is below only compares and numbers.

-- A definition is what models were trained on: only its status may change. A dump brings rows back by INSERT.
CREATE FUNCTION @extschema@.sira_definition_keep() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    free text[] := ARRAY['status', 'status_reason', 'deprecated_at', 'deprecated_by', 'lookback'];
BEGIN
    IF TG_TABLE_NAME = 'sira_feature_definitions' AND to_jsonb(NEW) - free = to_jsonb(OLD) - free THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
        MESSAGE = format('version %s of "%s" cannot change', OLD.version, OLD.name),
        HINT = 'Define it again: that makes the next version.';
END
$$;
COMMENT ON FUNCTION @extschema@.sira_definition_keep() IS 'Trigger: refuses to change what a definition or a set is.';
CREATE TRIGGER sira_definition_keep BEFORE UPDATE ON @extschema@.sira_feature_definitions
    FOR EACH ROW EXECUTE FUNCTION @extschema@.sira_definition_keep();
CREATE TRIGGER sira_definition_keep BEFORE UPDATE ON @extschema@.sira_feature_sets
    FOR EACH ROW EXECUTE FUNCTION @extschema@.sira_definition_keep();

-- Runs as the owner, called by the library after its checks; closed to everybody else.
CREATE FUNCTION @extschema@.sira_store_definition(tenant text, definition jsonb) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- What tells two versions apart is everything but these.
    free text[] := ARRAY['id', 'tenant_id', 'version', 'status', 'status_reason', 'deprecated_at', 'deprecated_by', 'lookback',
                         'created_at', 'created_by'];
    newest @extschema@.sira_feature_definitions;
    wanted @extschema@.sira_feature_definitions;
BEGIN
    wanted := jsonb_populate_record(NULL::@extschema@.sira_feature_definitions, definition);
    PERFORM pg_advisory_xact_lock(hashtextextended(tenant || '/' || wanted.name, 7));
    SELECT d.* INTO newest FROM @extschema@.sira_feature_definitions d
    WHERE d.tenant_id = tenant AND d.name = wanted.name ORDER BY d.version DESC LIMIT 1;
    -- A superuser that defines another's definition again answers for it: it runs no others (feature/trust.rs).
    IF newest.status = 'active' AND to_jsonb(newest) - free = to_jsonb(wanted) - free
       AND (newest.created_by = SESSION_USER OR NOT (SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = SESSION_USER)
            OR EXISTS (SELECT 1 FROM pg_roles r WHERE r.rolname = newest.created_by AND r.rolsuper)) THEN
        RETURN newest.version;
    END IF;
    INSERT INTO @extschema@.sira_feature_definitions (
        tenant_id, name, version, entity_type, kind, source_relation, entity_column, time_column, recorded_column, aggregate,
        value_expression, denominator, filter, window_size, delay, include_current, query, expression, inputs, source_columns,
        search_path, value_type, unit, category, description, owner, max_age, retention, rules)
    VALUES (
        tenant, wanted.name, coalesce(newest.version, 0) + 1, wanted.entity_type, wanted.kind, wanted.source_relation,
        wanted.entity_column, wanted.time_column, wanted.recorded_column, wanted.aggregate, wanted.value_expression,
        wanted.denominator, wanted.filter, wanted.window_size, wanted.delay, wanted.include_current, wanted.query,
        wanted.expression, wanted.inputs, wanted.source_columns, wanted.search_path, wanted.value_type, wanted.unit, wanted.category,
        wanted.description, wanted.owner, wanted.max_age, wanted.retention, wanted.rules);
    RETURN coalesce(newest.version, 0) + 1;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_store_definition(text, jsonb) IS
    'The next version of a definition that has been checked, or the newest where nothing has changed; for the library alone. Example: SELECT sira_store_definition(''default'', ''{"name": "risk_level", "entity_type": "customer", "kind": "stored", "delay": "0", "include_current": true, "value_type": "numeric", "owner": "me"}'');';

CREATE FUNCTION @extschema@.sira_define_window_feature(
    name text, entity_type text, source regclass, entity_column text, time_column text, aggregate text, window_size interval,
    value text DEFAULT NULL, filter text DEFAULT NULL, delay interval DEFAULT '0', include_current boolean DEFAULT true,
    denominator text DEFAULT NULL, recorded_column text DEFAULT NULL, value_type text DEFAULT NULL, unit text DEFAULT NULL,
    category text DEFAULT NULL, description text DEFAULT NULL, owner text DEFAULT SESSION_USER, max_age interval DEFAULT NULL,
    rules jsonb DEFAULT NULL, retention interval DEFAULT NULL)
RETURNS integer
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'sira_define_window_feature_wrapper';
COMMENT ON FUNCTION @extschema@.sira_define_window_feature(
    text, text, regclass, text, text, text, interval, text, text, interval, boolean, text, text, text, text, text, text, text,
    interval, jsonb, interval) IS
    'Defines an aggregate over the rows of a relation that lie in a window before the moment asked about, and answers the definition''s version. A window is (t - delay - size, t - delay]; NULL reads everything. Aggregates: count, sum, avg, min, max, stddev, count_distinct, first, last, time_since, ratio (value by denominator). Example: SELECT sira_define_window_feature(''spent_7d'', ''customer'', ''payments''::regclass, ''id'', ''paid_at'', ''sum'', interval ''7 days'', value => ''amount'');';

-- A bare literal comes here, so that a relation that does not exist is an error of ours, with a hint.
CREATE FUNCTION @extschema@.sira_define_window_feature(
    name text, entity_type text, source text, entity_column text, time_column text, aggregate text, window_size interval,
    value text DEFAULT NULL, filter text DEFAULT NULL, delay interval DEFAULT '0', include_current boolean DEFAULT true,
    denominator text DEFAULT NULL, recorded_column text DEFAULT NULL, value_type text DEFAULT NULL, unit text DEFAULT NULL,
    category text DEFAULT NULL, description text DEFAULT NULL, owner text DEFAULT SESSION_USER, max_age interval DEFAULT NULL,
    rules jsonb DEFAULT NULL, retention interval DEFAULT NULL)
RETURNS integer
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'sira_define_window_feature_wrapper';
COMMENT ON FUNCTION @extschema@.sira_define_window_feature(
    text, text, text, text, text, text, interval, text, text, interval, boolean, text, text, text, text, text, text, text,
    interval, jsonb, interval) IS
    'The same with the relation''s name as text. Example: SELECT sira_define_window_feature(''spent_7d'', ''customer'', ''payments'', ''id'', ''paid_at'', ''sum'', ''7 days'', value => ''amount'', filter => ''channel = ''''web'''''');';

CREATE FUNCTION @extschema@.sira_define_sql_feature(
    name text, entity_type text, query text, value_type text DEFAULT NULL, unit text DEFAULT NULL, category text DEFAULT NULL,
    description text DEFAULT NULL, owner text DEFAULT SESSION_USER, max_age interval DEFAULT NULL, rules jsonb DEFAULT NULL,
    retention interval DEFAULT NULL)
RETURNS integer
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'sira_define_sql_feature_wrapper';
COMMENT ON FUNCTION @extschema@.sira_define_sql_feature(
    text, text, text, text, text, text, text, text, interval, jsonb, interval) IS
    'Defines a feature by a query that gives one column and at most one row for $entity_id (text) at $as_of (timestamptz). It runs as whoever asks, with TimeZone UTC. Example: SELECT sira_define_sql_feature(''days_known'', ''customer'', ''SELECT extract(epoch FROM $as_of - min(paid_at)) / 86400 FROM payments WHERE id = $entity_id::bigint AND paid_at <= $as_of'');';

CREATE FUNCTION @extschema@.sira_define_stored_feature(
    name text, entity_type text, value_type text DEFAULT NULL, unit text DEFAULT NULL, category text DEFAULT NULL,
    description text DEFAULT NULL, owner text DEFAULT SESSION_USER, max_age interval DEFAULT NULL, rules jsonb DEFAULT NULL,
    retention interval DEFAULT NULL)
RETURNS integer
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'sira_define_stored_feature_wrapper';
COMMENT ON FUNCTION @extschema@.sira_define_stored_feature(text, text, text, text, text, text, text, interval, jsonb, interval) IS
    'Defines a feature whose values arrive in sira_features under its name; max_age says how old the newest may be to be served. Example: SELECT sira_define_stored_feature(''risk_level'', ''customer'', max_age => interval ''1 day'');';

CREATE FUNCTION @extschema@.sira_define_derived_feature(
    name text, entity_type text, expression text, value_type text DEFAULT NULL, unit text DEFAULT NULL, category text DEFAULT NULL,
    description text DEFAULT NULL, owner text DEFAULT SESSION_USER, max_age interval DEFAULT NULL, rules jsonb DEFAULT NULL,
    retention interval DEFAULT NULL)
RETURNS integer
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'sira_define_derived_feature_wrapper';
COMMENT ON FUNCTION @extschema@.sira_define_derived_feature(
    text, text, text, text, text, text, text, text, interval, jsonb, interval) IS
    'Defines a feature by an expression over other features, which are columns of its names. Example: SELECT sira_define_derived_feature(''amount_ratio'', ''customer'', ''amount / nullif(mean_amount_30d, 0)'');';

CREATE FUNCTION @extschema@.sira_define_request_feature(
    name text, entity_type text, value_type text DEFAULT NULL, unit text DEFAULT NULL, category text DEFAULT NULL,
    description text DEFAULT NULL, owner text DEFAULT SESSION_USER, max_age interval DEFAULT NULL, rules jsonb DEFAULT NULL,
    retention interval DEFAULT NULL)
RETURNS integer
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'sira_define_request_feature_wrapper';
COMMENT ON FUNCTION @extschema@.sira_define_request_feature(text, text, text, text, text, text, text, interval, jsonb, interval) IS
    'Defines a feature that is a column of the row being scored. Example: SELECT sira_define_request_feature(''amount'', ''transaction'');';

CREATE FUNCTION @extschema@.sira_deprecate_feature(name text, reason text DEFAULT NULL) RETURNS integer
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'sira_deprecate_feature_wrapper';
COMMENT ON FUNCTION @extschema@.sira_deprecate_feature(text, text) IS
    'Marks a definition as no longer to be used in new sets and answers its version; name means the newest, name/2 that one. Sets that pin it go on. Example: SELECT sira_deprecate_feature(''spent_7d'', ''counts refunds twice'');';
