-- Months of the growing tables. The parent has neither key nor index and the DEFAULT partition comes with the extension; the
-- months are made after CREATE EXTENSION, as ordinary tables that pg_dump dumps and pg_restore attaches again. A month made by
-- the install script would be a member of the extension and would be missing after a restore.
CREATE TABLE @extschema@.sira_partition_config (
    tenant_id text NOT NULL DEFAULT '*',
    relation text NOT NULL,
    enabled boolean NOT NULL DEFAULT true,
    months_ahead integer NOT NULL DEFAULT 12 CHECK (months_ahead BETWEEN 0 AND 120),
    months_behind integer NOT NULL DEFAULT 24 CHECK (months_behind >= 0),
    retention interval,
    expire_by text NOT NULL DEFAULT 'drop' CHECK (expire_by IN ('drop', 'detach')),
    row_threshold bigint,
    size_threshold_gb double precision,
    updated_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    PRIMARY KEY (tenant_id, relation)
);

CREATE TRIGGER sira_touch BEFORE UPDATE ON @extschema@.sira_partition_config
    FOR EACH ROW EXECUTE FUNCTION @extschema@.sira_touch();

-- What each growing table is partitioned by, and the keys and indexes that every one of its partitions bears. Unique keys hold
-- the time and, where there is one, entity_id, so that a cluster can be sharded by entity.
CREATE FUNCTION @extschema@.sira_partitioned_tables(
    OUT relation text, OUT time_column text, OUT primary_key text, OUT indexes text[],
    OUT row_threshold bigint, OUT size_threshold_gb double precision, OUT retention interval)
RETURNS SETOF record
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    -- The newest value of a feature not later than a moment is one probe from the end of the first index.
    VALUES
        ('sira_features', 'sample_ts', 'id, sample_ts, entity_id',
         ARRAY['(tenant_id, entity_type, entity_id, feature_key, sample_ts, recorded_at)', '(sample_ts)', 'USING brin (recorded_at)'],
         NULL::bigint, NULL::double precision, interval '90 days'),
        ('sira_predictions', 'created_at', 'id, created_at, entity_id',
         ARRAY['(entity_id, entity_type, created_at)', '(model_version_id, created_at) INCLUDE (tenant_id)'], NULL, NULL, NULL),
        ('sira_feedback', 'created_at', 'id, created_at, entity_id',
         ARRAY['(prediction_id)', '(suggestion_id)', '(entity_id, entity_type, created_at)'], 500000, 5, NULL),
        ('sira_suggestions', 'created_at', 'id, created_at, entity_id',
         ARRAY['(entity_id, entity_type, created_at)'], NULL, NULL, NULL),
        ('sira_model_performance', 'created_at', 'id, created_at',
         ARRAY['(model_id, period_start)'], 1000000, 10, NULL),
        ('sira_system_metrics', 'created_at', 'id, created_at',
         ARRAY['(metric, hour)', '(model_id, hour)'], 5000000, 20, NULL),
        ('sira_cost_tracking', 'created_at', 'id, created_at',
         ARRAY['(tenant_id, model_id, created_at)'], 1000000, 10, NULL)
$$;

CREATE FUNCTION @extschema@.sira_equip_partition(parent text, partition text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    kind record;
    columns text;
BEGIN
    SELECT * INTO STRICT kind FROM @extschema@.sira_partitioned_tables() t WHERE t.relation = parent;
    EXECUTE format('ALTER TABLE @extschema@.%I ADD PRIMARY KEY (%s)', partition, kind.primary_key);
    FOREACH columns IN ARRAY kind.indexes LOOP
        EXECUTE format('CREATE INDEX ON @extschema@.%I %s', partition, columns);
    END LOOP;
    -- The parent's row security does not reach a partition that is named directly: it gets its own, without any policy.
    EXECUTE format('ALTER TABLE @extschema@.%I ENABLE ROW LEVEL SECURITY', partition);
    -- Row triggers come from the parent; the one against TRUNCATE each partition bears itself.
    IF parent = 'sira_predictions' THEN
        EXECUTE format('CREATE TRIGGER sira_prediction_whole BEFORE TRUNCATE ON @extschema@.%I'
                       ' FOR EACH STATEMENT EXECUTE FUNCTION @extschema@.sira_prediction_keep()', partition);
    END IF;
END
$$;

DO $defaults$
DECLARE
    parent text;
BEGIN
    FOR parent IN SELECT relation FROM @extschema@.sira_partitioned_tables() LOOP
        EXECUTE pg_catalog.format('CREATE TABLE @extschema@.%I PARTITION OF @extschema@.%I DEFAULT', parent || '_default', parent);
        PERFORM @extschema@.sira_equip_partition(parent, parent || '_default');
    END LOOP;
END
$defaults$;

-- Whether another session waits for a lock that this one holds.
CREATE FUNCTION @extschema@.sira_is_waited_for() RETURNS boolean
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$ SELECT EXISTS (SELECT 1 FROM pg_locks l WHERE NOT l.granted AND pg_backend_pid() = ANY (pg_blocking_pids(l.pid))) $$;

-- One month of one table: made, filled from the default partition, attached.
--
-- Writers wait at the parent while that happens, readers do not (CREATE … PARTITION OF would keep both out). Locking the default
-- partition alone would let a writer choose it, wait for it, and fail with 23514 when it gets it: its row has a month by then.
--
-- The rows of the month move in portions, and between two portions it looks whether somebody has waited for longer than
-- max_block: then all of it is undone and left to a quieter hour. Nobody loses a row, and nobody waits longer than that and
-- one portion. Whoever holds such a lock already does not wait for a second one: others might wait for both.
CREATE FUNCTION @extschema@.sira_make_partition(
    parent text, month timestamp, max_block interval, patient boolean, OUT action text, OUT rows_moved bigint, OUT detail text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    partition text := parent || '_' || to_char(month, 'YYYYMM');
    default_name text := parent || '_default';
    time_column text := (SELECT t.time_column FROM @extschema@.sira_partitioned_tables() t WHERE t.relation = parent);
    nowait text := CASE WHEN patient THEN '' ELSE ' NOWAIT' END;
    locked_at timestamptz;
    moved bigint;
BEGIN
    rows_moved := 0;
    -- Parent before partition, as every query does.
    EXECUTE format('LOCK TABLE ONLY @extschema@.%I IN SHARE ROW EXCLUSIVE MODE', parent) || nowait;
    -- Someone who reads the default may want to write to the parent next. We give up before they would be told of a deadlock.
    PERFORM set_config('lock_timeout', least(ceil(1000 * extract(epoch FROM max_block)),
        (SELECT 0.8 * s.setting::integer FROM pg_settings s WHERE s.name = 'deadlock_timeout'))::integer::text, true);
    EXECUTE format('LOCK TABLE ONLY @extschema@.%I IN ACCESS EXCLUSIVE MODE', default_name) || nowait;
    PERFORM set_config('lock_timeout', ceil(1000 * extract(epoch FROM max_block))::integer::text, true);
    locked_at := clock_timestamp();
    EXECUTE format('CREATE TABLE @extschema@.%I (LIKE @extschema@.%I INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING COMMENTS)',
                   partition, parent);
    PERFORM @extschema@.sira_equip_partition(parent, partition);
    -- A move is no deletion. Nobody else is at the table, and an error brings the trigger back with all else.
    IF parent = 'sira_predictions' THEN
        EXECUTE format('ALTER TABLE @extschema@.%I DISABLE TRIGGER sira_prediction_stay', default_name);
    END IF;
    LOOP
        EXECUTE format(
            'WITH moved AS (DELETE FROM ONLY @extschema@.%1$I WHERE ctid = ANY (ARRAY('
            '   SELECT ctid FROM ONLY @extschema@.%1$I'
            '   WHERE %2$I >= $1 AT TIME ZONE ''UTC'' AND %2$I < $2 AT TIME ZONE ''UTC'' LIMIT 10000)) RETURNING *)'
            ' INSERT INTO @extschema@.%3$I SELECT * FROM moved', default_name, time_column, partition)
            USING month, month + interval '1 month';
        GET DIAGNOSTICS moved = ROW_COUNT;
        EXIT WHEN moved = 0;
        rows_moved := rows_moved + moved;
        IF clock_timestamp() - locked_at > max_block AND @extschema@.sira_is_waited_for() THEN
            RAISE EXCEPTION USING ERRCODE = 'lock_not_available',
                MESSAGE = format('others wait while rows of %s move', to_char(month, 'YYYY-MM'));
        END IF;
    END LOOP;
    IF parent = 'sira_predictions' THEN
        EXECUTE format('ALTER TABLE @extschema@.%I ENABLE TRIGGER sira_prediction_stay', default_name);
    END IF;
    EXECUTE format('COMMENT ON TABLE @extschema@.%I IS %L', partition, format('%s of %s (UTC)', parent, to_char(month, 'YYYY-MM')));
    -- Bounds carry their offset, so that a restore under another time zone means the same months.
    EXECUTE format('ALTER TABLE @extschema@.%I ATTACH PARTITION @extschema@.%I FOR VALUES FROM (%L) TO (%L)', parent, partition,
                   to_char(month, 'YYYY-MM-DD HH24:MI:SS+00'), to_char(month + interval '1 month', 'YYYY-MM-DD HH24:MI:SS+00'));
    action := 'created';
EXCEPTION
    -- Rows go on landing in the default partition until the next call: a delay is no failure.
    WHEN lock_not_available OR object_in_use OR deadlock_detected THEN
        action := 'postponed';
        rows_moved := 0;
        detail := SQLERRM;
    -- Someone attached the same month under another name.
    WHEN invalid_object_definition THEN
        action := 'skipped';
        rows_moved := 0;
        detail := SQLERRM;
END
$$;
REVOKE ALL ON FUNCTION @extschema@.sira_make_partition(text, timestamp, interval, boolean),
    @extschema@.sira_equip_partition(text, text) FROM PUBLIC;
