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
    OUT row_threshold bigint, OUT size_threshold_gb double precision)
RETURNS SETOF record
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    VALUES
        ('sira_features', 'sample_ts', 'id, sample_ts, entity_id',
         ARRAY['entity_type, entity_id, feature_key, sample_ts', 'sample_ts'], NULL::bigint, NULL::double precision),
        ('sira_predictions', 'created_at', 'id, created_at, entity_id',
         ARRAY['entity_id, entity_type, created_at', 'model_version_id, created_at'], NULL, NULL),
        ('sira_feedback', 'created_at', 'id, created_at, entity_id',
         ARRAY['prediction_id', 'entity_id, entity_type, created_at'], 500000, 5),
        ('sira_suggestions', 'created_at', 'id, created_at, entity_id',
         ARRAY['entity_id, entity_type, created_at'], NULL, NULL),
        ('sira_model_performance', 'created_at', 'id, created_at',
         ARRAY['model_id, period_start'], 1000000, 10)
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
        EXECUTE format('CREATE INDEX ON @extschema@.%I (%s)', partition, columns);
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

-- SECURITY DEFINER: only the owner of a parent may attach to it, and the administrators are not the owner. The statements are
-- built from sira_partitioned_tables() alone; nothing that a caller or a row says becomes part of one.
CREATE FUNCTION @extschema@.sira_maintain_partitions(
    OUT relation text, OUT partition text, OUT action text, OUT rows_moved bigint, OUT detail text)
RETURNS SETOF record
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s'
AS $$
DECLARE
    kind record;
    month timestamp;
    first timestamp := date_trunc('month', now() AT TIME ZONE 'UTC');
    months timestamp[];
    default_name text;
    span text;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
                   WHERE p.pronamespace = to_regnamespace('@extschema@') AND p.proname = 'sira_current_tenant'
                     AND l.lanname = 'c') THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = 'the extension is no longer in schema "@extschema@"',
            HINT = 'ALTER SCHEMA ... RENAME TO @extschema@;';
    END IF;
    BEGIN
        PERFORM pg_advisory_xact_lock(hashtextextended('@extschema@.sira_maintain_partitions', 0));
    EXCEPTION WHEN lock_not_available THEN
        RAISE WARNING USING MESSAGE = 'another session is making partitions',
            HINT = 'SELECT * FROM sira_maintain_partitions();';
        relation := NULL; partition := NULL; action := 'postponed'; rows_moved := 0; detail := SQLERRM;
        RETURN NEXT;
        RETURN;
    END;
    INSERT INTO @extschema@.sira_partition_config (relation, row_threshold, size_threshold_gb)
        SELECT t.relation, t.row_threshold, t.size_threshold_gb FROM @extschema@.sira_partitioned_tables() t
        ON CONFLICT DO NOTHING;

    FOR kind IN
        SELECT t.*, c.months_ahead, c.months_behind
        FROM @extschema@.sira_partitioned_tables() t
        JOIN @extschema@.sira_partition_config c ON c.relation = t.relation AND c.tenant_id = '*' AND c.enabled
    LOOP
        default_name := kind.relation || '_default';
        -- The current month, those ahead, and those of late rows that landed in the default partition.
        EXECUTE format(
            'SELECT array_agg(m ORDER BY m) FROM ('
            '   SELECT generate_series($1, $2, interval ''1 month'') AS m'
            '   UNION SELECT date_trunc(''month'', %1$I AT TIME ZONE ''UTC'') FROM ONLY @extschema@.%2$I'
            '   WHERE %1$I >= $3 AT TIME ZONE ''UTC'' AND %1$I < $1 AT TIME ZONE ''UTC'') x',
            kind.time_column, default_name)
            INTO months
            USING first, first + make_interval(months => kind.months_ahead), first - make_interval(months => kind.months_behind);

        FOREACH month IN ARRAY months LOOP
            relation := kind.relation;
            partition := kind.relation || '_' || to_char(month, 'YYYYMM');
            rows_moved := 0;
            detail := NULL;
            IF to_regclass(format('@extschema@.%I', partition)) IS NOT NULL THEN
                CONTINUE WHEN EXISTS (
                    SELECT 1 FROM pg_inherits i
                    WHERE i.inhrelid = to_regclass(format('@extschema@.%I', partition))
                      AND i.inhparent = to_regclass(format('@extschema@.%I', kind.relation)));
                action := 'skipped';
                detail := 'a relation of that name is there and is not a partition of it';
                RAISE WARNING USING MESSAGE = format('partition "%s" was not made', partition), DETAIL = detail,
                    HINT = format('ALTER TABLE %I RENAME TO ...; then SELECT * FROM sira_maintain_partitions();', partition);
                RETURN NEXT;
                CONTINUE;
            END IF;
            BEGIN
                -- Bounds carry their offset, so that a restore under another time zone means the same months.
                span := format('FROM (%L) TO (%L)', to_char(month, 'YYYY-MM-DD HH24:MI:SS+00'),
                               to_char(month + interval '1 month', 'YYYY-MM-DD HH24:MI:SS+00'));
                -- Parent before partition, as every query does. Nobody may write to the default between emptying and attaching.
                EXECUTE format('LOCK TABLE ONLY @extschema@.%I IN SHARE UPDATE EXCLUSIVE MODE', kind.relation);
                EXECUTE format('LOCK TABLE ONLY @extschema@.%I IN ACCESS EXCLUSIVE MODE', default_name);
                EXECUTE format('CREATE TABLE @extschema@.%I (LIKE @extschema@.%I'
                               ' INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING COMMENTS)', partition, kind.relation);
                -- A move is no deletion. Nobody else is at the table, and an error brings the trigger back with all else.
                IF kind.relation = 'sira_predictions' THEN
                    EXECUTE format('ALTER TABLE @extschema@.%I DISABLE TRIGGER sira_prediction_stay', default_name);
                END IF;
                EXECUTE format(
                    'WITH moved AS (DELETE FROM ONLY @extschema@.%1$I'
                    '   WHERE %2$I >= $1 AT TIME ZONE ''UTC'' AND %2$I < $2 AT TIME ZONE ''UTC'' RETURNING *)'
                    ' INSERT INTO @extschema@.%3$I SELECT * FROM moved', default_name, kind.time_column, partition)
                    USING month, month + interval '1 month';
                GET DIAGNOSTICS rows_moved = ROW_COUNT;
                IF kind.relation = 'sira_predictions' THEN
                    EXECUTE format('ALTER TABLE @extschema@.%I ENABLE TRIGGER sira_prediction_stay', default_name);
                END IF;
                PERFORM @extschema@.sira_equip_partition(kind.relation, partition);
                EXECUTE format('COMMENT ON TABLE @extschema@.%I IS %L', partition,
                               format('%s of %s (UTC)', kind.relation, to_char(month, 'YYYY-MM')));
                EXECUTE format('ALTER TABLE @extschema@.%I ATTACH PARTITION @extschema@.%I FOR VALUES %s',
                               kind.relation, partition, span);
                action := 'created';
            EXCEPTION
                -- Rows go on landing in the default partition until the next call: a delay is no failure.
                WHEN lock_not_available OR object_in_use OR deadlock_detected THEN
                    action := 'postponed';
                    rows_moved := 0;
                    detail := SQLERRM;
                    RAISE WARNING USING MESSAGE = format('partition "%s" was not made', partition), DETAIL = detail,
                        HINT = 'SELECT * FROM sira_maintain_partitions();';
                -- Someone attached the same month under another name.
                WHEN invalid_object_definition THEN
                    action := 'skipped';
                    rows_moved := 0;
                    detail := SQLERRM;
            END;
            RETURN NEXT;
            -- The lock that this month did not get, the next would wait for again.
            EXIT WHEN action = 'postponed';
        END LOOP;
    END LOOP;
END
$$;
REVOKE ALL ON FUNCTION @extschema@.sira_maintain_partitions() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION @extschema@.sira_maintain_partitions() TO sira_admin;
REVOKE ALL ON FUNCTION @extschema@.sira_equip_partition(text, text) FROM PUBLIC;
