-- What is installed, what is missing and what to type.
CREATE FUNCTION @extschema@.sira_lightgbm_version() RETURNS text
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'sira_lightgbm_version_wrapper';
COMMENT ON FUNCTION @extschema@.sira_lightgbm_version() IS
    'The version of the LightGBM that trains. Example: SELECT sira_lightgbm_version();';

CREATE FUNCTION @extschema@.sira_cache_problem() RETURNS TABLE (problem text, remedy text)
LANGUAGE c VOLATILE ROWS 1 AS 'MODULE_PATHNAME', 'sira_cache_problem_wrapper';
COMMENT ON FUNCTION @extschema@.sira_cache_problem() IS
    'What keeps compiled models from being shared by all sessions, and what to do about it; no row where nothing does. Example: SELECT * FROM sira_cache_problem();';

CREATE FUNCTION @extschema@.sira_compiled_models()
RETURNS TABLE (digest text, bytes bigint, mapped boolean, uses bigint, last_used timestamptz, on_disk boolean)
LANGUAGE c VOLATILE ROWS 10 AS 'MODULE_PATHNAME', 'sira_compiled_models_wrapper';
COMMENT ON FUNCTION @extschema@.sira_compiled_models() IS
    'The compiled models of this database, by the digest of their artifact: those on disk, and those that this session holds. Example: SELECT * FROM sira_compiled_models();';

CREATE FUNCTION @extschema@.sira_collect_cache() RETURNS TABLE (file text, bytes bigint, reason text)
LANGUAGE c VOLATILE ROWS 10 AS 'MODULE_PATHNAME', 'sira_collect_cache_wrapper';
COMMENT ON FUNCTION @extschema@.sira_collect_cache() IS
    'Removes compiled models that no version of this database uses, those of databases that are gone, of older formats, and what crashes left. Sessions that have one mapped keep it. Example: SELECT * FROM sira_collect_cache();';

-- The names are read with the caller's rights, as a view's own tables are not before PostgreSQL 15.
CREATE FUNCTION @extschema@.sira_versions_of_artifact(digest text) RETURNS text[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT array_agg(m.name || '/' || v.version ORDER BY m.name, v.version)
    FROM @extschema@.sira_model_versions v
    JOIN @extschema@.sira_models m ON m.tenant_id = v.tenant_id AND m.id = v.model_id
    WHERE v.artifact_digest = decode($1, 'hex')
$$;
COMMENT ON FUNCTION @extschema@.sira_versions_of_artifact(text) IS
    'The versions that were made of an artifact, as model/number; NULL where the caller sees none. Example: SELECT digest, sira_versions_of_artifact(digest) FROM sira_compiled_models();';

CREATE VIEW @extschema@.sira_model_cache AS
    SELECT c.digest, @extschema@.sira_versions_of_artifact(c.digest) AS versions, c.bytes, c.mapped, c.uses, c.last_used, c.on_disk
    FROM @extschema@.sira_compiled_models() c;
COMMENT ON VIEW @extschema@.sira_model_cache IS 'the compiled models of this database: on disk, and in this session';
COMMENT ON COLUMN @extschema@.sira_model_cache.digest IS 'SHA-256 of the artifact, hexadecimal';
COMMENT ON COLUMN @extschema@.sira_model_cache.versions IS 'the versions made of it, as model/number; NULL where no version that one may see uses it';
COMMENT ON COLUMN @extschema@.sira_model_cache.bytes IS 'size of the compiled model';
COMMENT ON COLUMN @extschema@.sira_model_cache.mapped IS 'this session has mapped the file; false with uses: it holds a copy of its own';
COMMENT ON COLUMN @extschema@.sira_model_cache.uses IS 'how many statements of this session used it';
COMMENT ON COLUMN @extschema@.sira_model_cache.last_used IS 'when a session mapped it, or had used it another 1024 times';
COMMENT ON COLUMN @extschema@.sira_model_cache.on_disk IS 'there is a file for other sessions to map';

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
        SELECT 6, 'model cache', c.problem IS NULL, 'look',
               coalesce(c.problem, 'compiled models are kept beside the data, at most ' || current_setting('sira.cache_size')), c.remedy
        FROM (VALUES (1)) AS always LEFT JOIN @extschema@.sira_cache_problem() c ON true
        UNION ALL
        SELECT 12, 'counters', c.problem IS NULL, 'look',
               coalesce(c.problem, 'scoring is counted; sira.monitoring_enabled is ' || current_setting('sira.monitoring_enabled')), c.remedy
        FROM (VALUES (1)) AS always LEFT JOIN @extschema@.sira_counters_problem() c ON true
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
        UNION ALL
        SELECT 10, 'failed jobs', count(*) = 0, 'look',
               CASE WHEN count(*) = 0 THEN 'no job has failed in the last day'
                    ELSE format('%s failed in the last day, lately %s', count(*), (array_agg(
                        concat_ws(' ', j.kind, j.subject) || ': ' || left(j.error_message, 200) ORDER BY j.finished_at DESC))[1]) END,
               'SELECT * FROM sira_job_status WHERE status = ''failed'' ORDER BY finished_at DESC;'
        FROM @extschema@.sira_jobs j
        WHERE j.status = 'failed' AND j.parent_id IS NULL AND j.finished_at > clock_timestamp() - interval '1 day'
        UNION ALL
        -- Nobody is at them: no worker was free, none may be started, their role may not log in, or a crash left them.
        SELECT 11, 'waiting jobs', count(*) = 0, 'look',
               CASE WHEN count(*) = 0 THEN 'no job waits for a worker'
                    ELSE format('%s for more than 10 minutes, of %s', count(*), string_agg(DISTINCT j.queued_by, ', ')) END,
               'CALL sira_run_jobs();'
        FROM @extschema@.sira_jobs j
        WHERE j.status IN ('queued', 'running') AND j.kind IN (SELECT @extschema@.sira_job_kinds()) AND @extschema@.sira_job_is_due(j)
          AND coalesce(j.heartbeat_at, j.queued_at) < clock_timestamp() - interval '10 minutes'
    )
    SELECT f.check_name, CASE WHEN f.good THEN 'ok' ELSE f.otherwise END, f.detail, CASE WHEN f.good THEN NULL ELSE f.remedy END
    FROM facts f ORDER BY f.place
$$;
COMMENT ON FUNCTION @extschema@.sira_doctor() IS
    'What is installed, what is missing and what to type; status ok, note (worth knowing) or look (needs a hand). Example: SELECT * FROM sira_doctor();';
