-- What is installed, what is missing and what to type.
CREATE FUNCTION @extschema@.sira_lightgbm_version() RETURNS text
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'sira_lightgbm_version_wrapper';
COMMENT ON FUNCTION @extschema@.sira_lightgbm_version() IS
    'The version of the LightGBM that trains. Example: SELECT sira_lightgbm_version();';

CREATE FUNCTION @extschema@.sira_cache_problem() RETURNS text
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'sira_cache_problem_wrapper';
COMMENT ON FUNCTION @extschema@.sira_cache_problem() IS
    'NULL where compiled models can be kept beside the data, else why not. Example: SELECT sira_cache_problem();';

CREATE FUNCTION @extschema@.sira_mapped_models()
RETURNS TABLE (digest text, bytes bigint, mapped boolean, uses bigint)
LANGUAGE c VOLATILE ROWS 10 AS 'MODULE_PATHNAME', 'sira_mapped_models_wrapper';
COMMENT ON FUNCTION @extschema@.sira_mapped_models() IS
    'The compiled models that this session has mapped, by the digest of their artifact. Example: SELECT * FROM sira_mapped_models();';

CREATE VIEW @extschema@.sira_model_cache AS
    SELECT digest, bytes, mapped, uses FROM @extschema@.sira_mapped_models();
COMMENT ON VIEW @extschema@.sira_model_cache IS 'the compiled models that this session has mapped';
COMMENT ON COLUMN @extschema@.sira_model_cache.digest IS 'SHA-256 of the artifact, hexadecimal';
COMMENT ON COLUMN @extschema@.sira_model_cache.bytes IS 'size of the compiled model';
COMMENT ON COLUMN @extschema@.sira_model_cache.mapped IS 'shared with other sessions through a file; false: a copy of this session alone';
COMMENT ON COLUMN @extschema@.sira_model_cache.uses IS 'how often this session has asked for it';

-- The growing tables whose rows of next month would go to the default partition.
CREATE FUNCTION @extschema@.sira_missing_partitions() RETURNS SETOF text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT t.relation FROM @extschema@.sira_partitioned_tables() t
    WHERE NOT EXISTS (
        SELECT 1 FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = ('@extschema@.' || t.relation)::regclass
          AND c.relname = t.relation || to_char(timezone('UTC', now()) + interval '1 month', '_YYYYMM'))
$$;
COMMENT ON FUNCTION @extschema@.sira_missing_partitions() IS
    'The growing tables that have no partition for next month. Example: SELECT * FROM sira_missing_partitions();';

CREATE FUNCTION @extschema@.sira_doctor()
RETURNS TABLE (check_name text, status text, detail text, remedy text)
LANGUAGE sql VOLATILE ROWS 10 SET search_path = pg_catalog, pg_temp AS $$
    WITH installed AS (
        SELECT extversion AS catalog, @extschema@.sira_version() AS library FROM pg_extension WHERE extname = 'sira'
    ), missing AS (
        SELECT string_agg(relation, ', ' ORDER BY relation) AS relations FROM @extschema@.sira_missing_partitions() AS relation
    ), idle AS (
        SELECT string_agg(m.name, ', ' ORDER BY m.name) AS models FROM @extschema@.sira_models m
        WHERE NOT EXISTS (SELECT 1 FROM @extschema@.sira_model_versions v WHERE v.model_id = m.id AND v.status = 'production')
    ), facts AS (
        SELECT 1 AS place, 'version' AS check_name, i.catalog = i.library AS good, 'look' AS otherwise,
               format('library %s, catalog %s', i.library, i.catalog) AS detail, 'ALTER EXTENSION sira UPDATE;' AS remedy
        FROM installed i
        UNION ALL
        SELECT 2, 'server', current_setting('server_version_num')::int BETWEEN 130000 AND 189999, 'look',
               'PostgreSQL ' || current_setting('server_version'), 'use PostgreSQL 13 to 18'
        UNION ALL
        SELECT 3, 'scoring', current_setting('sira.enabled')::boolean, 'look',
               'sira.enabled is ' || current_setting('sira.enabled'), 'SET sira.enabled = on;'
        UNION ALL
        SELECT 4, 'audit', current_setting('sira.log_predictions')::boolean, 'look',
               'sira.log_predictions is ' || current_setting('sira.log_predictions'), 'SET sira.log_predictions = on;'
        UNION ALL
        SELECT 5, 'training', true, 'note', 'trains with ' || @extschema@.sira_lightgbm_version() || ', at most '
               || current_setting('sira.training_memory') || ' and ' || current_setting('sira.training_threads') || ' thread(s)', NULL
        UNION ALL
        SELECT 6, 'model cache', @extschema@.sira_cache_problem() IS NULL, 'look',
               coalesce(@extschema@.sira_cache_problem(), 'compiled models are kept beside the data, at most ' || current_setting('sira.cache_size')),
               'make the data directory writable for the server, or free disk space'
        UNION ALL
        SELECT 7, 'partitions', relations IS NULL, 'look',
               coalesce('no partition for next month: ' || relations, 'next month has its partitions'),
               'SELECT * FROM sira_maintain_partitions();'
        FROM missing
        UNION ALL
        SELECT 8, 'models', models IS NULL, 'note',
               coalesce('no version in production: ' || models, 'every model has a version in production'),
               'SELECT * FROM sira_promote(''model'');'
        FROM idle
        UNION ALL
        SELECT 9, 'schedule', EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'pg_cron'), 'note',
               CASE WHEN EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'pg_cron') THEN 'pg_cron is installed'
                    ELSE 'pg_cron is not installed' END,
               'call SELECT sira_maintain_partitions(); monthly from any scheduler'
    )
    SELECT f.check_name, CASE WHEN f.good THEN 'ok' ELSE f.otherwise END, f.detail, CASE WHEN f.good THEN NULL ELSE f.remedy END
    FROM facts f ORDER BY f.place
$$;
COMMENT ON FUNCTION @extschema@.sira_doctor() IS
    'What is installed, what is missing and what to type; status ok, note (worth knowing) or look (needs a hand). Example: SELECT * FROM sira_doctor();';
