-- Stored values: how they come in. A value has an event time (sample_ts) and a time of recording, which is the clock's and not
-- the transaction's, so that two values of one transaction keep their order. What the newest record of the same moment says
-- already is dropped; what differs is added beside it, and both stay: that is what was known when.
--
-- Two sessions that write the same value at once may both add it, for neither sees the other's: one value recorded twice
-- changes no answer.
CREATE FUNCTION @extschema@.sira_store_value(
    entity_type text, entity_id text, feature_key text, feature_value double precision, value_text text, value_json jsonb,
    sample_ts timestamptz, source text)
RETURNS boolean
-- One plan for all moments finds its month when it runs: planning anew for each value takes ten times as long.
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
AS $$
BEGIN
    INSERT INTO @extschema@.sira_features AS f (entity_type, entity_id, feature_key, feature_value, value_text, value_json, sample_ts, source)
    SELECT $1, $2, $3, $4, $5, $6, $7, $8
    WHERE NOT EXISTS (
        SELECT 1 FROM (
            SELECT v.feature_value, v.value_text, v.value_json FROM @extschema@.sira_features v
            WHERE v.tenant_id = (SELECT @extschema@.sira_current_tenant()) AND v.entity_type = $1 AND v.entity_id = $2
              AND v.feature_key = $3 AND v.sample_ts = $7
            ORDER BY v.recorded_at DESC, v.id DESC LIMIT 1) AS last
        WHERE (last.feature_value, last.value_text, last.value_json) IS NOT DISTINCT FROM ($4, $5, $6));
    RETURN FOUND;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_store_value(text, text, text, double precision, text, jsonb, timestamptz, text) IS
    'Adds one stored value unless the newest record of that moment is the same; answers whether it did. Example: SELECT sira_store_value(''customer'', ''42'', ''income'', 52000, NULL, NULL, now(), ''crm'');';

CREATE FUNCTION @extschema@.sira_write_features(
    entity_type text, entity_id text, features jsonb, sample_ts timestamptz DEFAULT pg_catalog.now(), source text DEFAULT NULL)
RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    kind text := lower(sira_write_features.entity_type);
    at timestamptz := coalesce(sira_write_features.sample_ts, now());
    feature record;
    written integer := 0;
BEGIN
    IF kind IS NULL OR sira_write_features.entity_id IS NULL OR sira_write_features.features IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed',
            MESSAGE = 'stored values need an entity type, an entity id and features',
            HINT = 'SELECT sira_write_features(''customer'', ''42'', ''{"income": 52000}'');';
    END IF;
    IF jsonb_typeof(sira_write_features.features) <> 'object' THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('features are %s, not an object', jsonb_typeof(sira_write_features.features)),
            HINT = 'Give {"name": value, ...}.';
    END IF;
    IF NOT isfinite(at) THEN
        RAISE EXCEPTION USING ERRCODE = 'datetime_field_overflow', MESSAGE = 'the time of a stored value is infinite',
            HINT = 'Give the time at which the values held.';
    END IF;
    IF @extschema@.sira_current_tenant() IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = format('role "%s" belongs to no tenant', CURRENT_USER),
            HINT = format('INSERT INTO sira_tenant_members (tenant_id, member) VALUES (''...'', %L); as the owner of the extension', CURRENT_USER);
    END IF;
    -- Numbers go to feature_value, and so do true and false, as 1 and 0; texts to value_text; objects and arrays to value_json;
    -- null is a value too: it is known that there is none.
    FOR feature IN
        SELECT e.key, jsonb_typeof(e.value) AS type, e.value, e.value #>> '{}' AS written_out FROM jsonb_each(sira_write_features.features) e
    LOOP
        BEGIN
            IF @extschema@.sira_store_value(
                kind, sira_write_features.entity_id, feature.key,
                CASE feature.type WHEN 'number' THEN feature.written_out::double precision
                                  WHEN 'boolean' THEN feature.written_out::boolean::integer END,
                CASE feature.type WHEN 'string' THEN feature.written_out END,
                CASE WHEN feature.type IN ('object', 'array') THEN feature.value END,
                at, sira_write_features.source)
            THEN
                written := written + 1;
            END IF;
        EXCEPTION WHEN numeric_value_out_of_range THEN
            RAISE EXCEPTION USING ERRCODE = 'numeric_value_out_of_range',
                MESSAGE = format('feature "%s" has a number beyond double precision', feature.key),
                DETAIL = left(feature.written_out, 100);
        END;
    END LOOP;
    RETURN written;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_write_features(text, text, jsonb, timestamptz, text) IS
    'Stores the values that an entity had at a moment and answers how many were new; booleans become 1 and 0. Example: SELECT sira_write_features(''customer'', ''42'', ''{"income": 52000, "segment": "gold"}'', now());';

CREATE FUNCTION @extschema@.sira_write_features(
    entity_type text, entity_id anynonarray, features jsonb, sample_ts timestamptz DEFAULT pg_catalog.now(), source text DEFAULT NULL)
RETURNS integer
LANGUAGE sql VOLATILE AS $$ SELECT @extschema@.sira_write_features($1, $2::pg_catalog.text, $3, $4, $5) $$;
COMMENT ON FUNCTION @extschema@.sira_write_features(text, anynonarray, jsonb, timestamptz, text) IS
    'The same for entity ids that are uuid or integers. Example: SELECT sira_write_features(''customer'', 42, ''{"income": 52000}'');';

-- COPY FROM is refused to roles under row-level security, but not into a view whose trigger inserts on their behalf.
CREATE VIEW @extschema@.sira_feature_ingest AS
    SELECT f.entity_type, f.entity_id, f.feature_key, f.feature_value, f.value_text, f.value_json, f.sample_ts, f.source
    FROM @extschema@.sira_features f
    WHERE f.tenant_id = (SELECT @extschema@.sira_current_tenant());
COMMENT ON VIEW @extschema@.sira_feature_ingest IS 'stored values on their way in: COPY or INSERT into it; what is known already is dropped';
COMMENT ON COLUMN @extschema@.sira_feature_ingest.entity_type IS 'what the value is about';
COMMENT ON COLUMN @extschema@.sira_feature_ingest.entity_id IS 'which one';
COMMENT ON COLUMN @extschema@.sira_feature_ingest.feature_key IS 'name of the feature';
COMMENT ON COLUMN @extschema@.sira_feature_ingest.feature_value IS 'numeric value';
COMMENT ON COLUMN @extschema@.sira_feature_ingest.value_text IS 'value of a text feature';
COMMENT ON COLUMN @extschema@.sira_feature_ingest.value_json IS 'value of a structured feature';
COMMENT ON COLUMN @extschema@.sira_feature_ingest.sample_ts IS 'when it was true; NULL for now';
COMMENT ON COLUMN @extschema@.sira_feature_ingest.source IS 'where it came from';

CREATE FUNCTION @extschema@.sira_feature_ingest() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NEW.entity_type IS NULL OR NEW.entity_id IS NULL OR NEW.feature_key IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'not_null_violation', MESSAGE = 'a stored value needs entity_type, entity_id and feature_key';
    END IF;
    IF num_nonnulls(NEW.feature_value, NEW.value_text, NEW.value_json) > 1 THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('feature "%s" comes with several values', NEW.feature_key),
            HINT = 'Fill one of feature_value, value_text and value_json.';
    END IF;
    IF NOT isfinite(NEW.sample_ts) THEN
        RAISE EXCEPTION USING ERRCODE = 'datetime_field_overflow', MESSAGE = 'the time of a stored value is infinite',
            HINT = 'Give the time at which the value held.';
    END IF;
    IF NOT @extschema@.sira_store_value(lower(NEW.entity_type), NEW.entity_id, NEW.feature_key, NEW.feature_value, NEW.value_text,
                                        NEW.value_json, coalesce(NEW.sample_ts, now()), NEW.source)
    THEN
        -- Not counted as written.
        RETURN NULL;
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_feature_ingest() IS 'Trigger: stores what comes through the view, unless it is known already.';
CREATE TRIGGER sira_feature_ingest INSTEAD OF INSERT ON @extschema@.sira_feature_ingest
    FOR EACH ROW EXECUTE FUNCTION @extschema@.sira_feature_ingest();

DO $view$
BEGIN
    EXECUTE pg_catalog.format('ALTER VIEW @extschema@.sira_feature_ingest SET (%s)',
        CASE WHEN pg_catalog.current_setting('server_version_num')::integer >= 150000 THEN 'security_invoker' ELSE 'security_barrier' END);
END
$view$;
GRANT SELECT, INSERT ON @extschema@.sira_feature_ingest TO sira_admin;
