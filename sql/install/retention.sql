-- Growth: months ahead, months behind, what has grown large, and a log of it.
CREATE TABLE @extschema@.sira_partition_log (
    id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    tenant_id text NOT NULL DEFAULT '*',
    at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    relation text,
    partition text,
    action text NOT NULL,
    rows_moved bigint NOT NULL DEFAULT 0,
    milliseconds double precision,
    detail text
);
CREATE INDEX sira_partition_log_at_idx ON @extschema@.sira_partition_log (at);
-- A partition holds all tenants' rows: every tenant reads what became of it, and only maintenance writes it.
ALTER TABLE @extschema@.sira_partition_log ENABLE ROW LEVEL SECURITY;
CREATE POLICY everybody ON @extschema@.sira_partition_log FOR SELECT USING (tenant_id = '*');
GRANT SELECT ON @extschema@.sira_partition_log TO sira_admin;

CREATE FUNCTION @extschema@.sira_in_transaction_block() RETURNS boolean
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'sira_in_transaction_block_wrapper';
COMMENT ON FUNCTION @extschema@.sira_in_transaction_block() IS
    'Whether the statement stands in a transaction block, whose locks outlive it. Example: SELECT sira_in_transaction_block();';

-- How long the rows of a table are kept: the setting, for raw features at least as long as any definition asks that is active or
-- that a set, of whatever version, has pinned: a deprecated feature goes on in the sets that have it.
CREATE FUNCTION @extschema@.sira_retention(relation text) RETURNS interval
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN c.relation = 'sira_features' THEN
        greatest(c.retention, (SELECT max(d.retention) FROM @extschema@.sira_feature_definitions d
                               WHERE d.kind = 'stored'
                                 AND (d.status = 'active' OR EXISTS (
                                     SELECT 1 FROM @extschema@.sira_feature_sets s
                                     WHERE s.tenant_id = d.tenant_id AND d.id = ANY (s.definition_ids)))))
        ELSE c.retention END
    FROM @extschema@.sira_partition_config c
    WHERE c.relation = sira_retention.relation AND c.tenant_id = '*' AND c.enabled AND c.retention IS NOT NULL
$$;

-- A row is kept for so long after it happened, and after it was recorded: history that was loaded yesterday is not gone today.
CREATE FUNCTION @extschema@.sira_partition_is_over(parent text, partition text, until timestamp, keep interval) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    recent boolean := false;
BEGIN
    IF until > (now() - keep) AT TIME ZONE 'UTC' THEN
        RETURN false;
    END IF;
    IF parent = 'sira_features' THEN
        EXECUTE format('SELECT EXISTS (SELECT 1 FROM ONLY @extschema@.%I WHERE recorded_at > $1)', partition) INTO recent USING now() - keep;
    END IF;
    RETURN NOT recent;
END
$$;

-- DETACH … CONCURRENTLY is not to be had beside a default partition, so the parent is locked against everybody: for as long as
-- it takes to detach, and after a wait of max_block at most.
CREATE FUNCTION @extschema@.sira_expire_partition(
    parent text, partition text, until timestamp, keep interval, expire_by text, patient boolean, OUT action text, OUT detail text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- A request id is good for as long as its answer is kept. Before the lock: it takes as long as there are requests.
    IF parent = 'sira_predictions' THEN
        DELETE FROM @extschema@.sira_prediction_requests r
        WHERE r.created_at >= (until - interval '1 month') AT TIME ZONE 'UTC' AND r.created_at < until AT TIME ZONE 'UTC';
    END IF;
    EXECUTE format('LOCK TABLE ONLY @extschema@.%I IN ACCESS EXCLUSIVE MODE', parent) || CASE WHEN patient THEN '' ELSE ' NOWAIT' END;
    EXECUTE format('LOCK TABLE ONLY @extschema@.%I IN ACCESS EXCLUSIVE MODE', partition);
    -- A late row may have come while we waited.
    IF NOT @extschema@.sira_partition_is_over(parent, partition, until, keep) THEN
        action := 'kept';
        detail := 'rows were recorded meanwhile';
        RETURN;
    END IF;
    EXECUTE format('ALTER TABLE @extschema@.%I DETACH PARTITION @extschema@.%I', parent, partition);
    IF expire_by = 'drop' THEN
        EXECUTE format('DROP TABLE @extschema@.%I', partition);
        action := 'dropped';
    ELSE
        action := 'detached';
    END IF;
    detail := format('kept for %s', keep);
EXCEPTION
    WHEN lock_not_available OR object_in_use OR deadlock_detected THEN
        action := 'postponed';
        detail := SQLERRM;
    WHEN dependent_objects_still_exist THEN
        action := 'skipped';
        detail := SQLERRM;
END
$$;
REVOKE ALL ON FUNCTION @extschema@.sira_expire_partition(text, text, timestamp, interval, text, boolean) FROM PUBLIC;

-- The months of one table that are over, by the name and the bounds that maintenance gave them; others are not ours to drop.
-- PostgreSQL writes bounds in the session's time zone and style.
CREATE FUNCTION @extschema@.sira_months_behind(parent text, keep interval, OUT partition text, OUT until timestamp)
RETURNS SETOF record
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO'
AS $$
    SELECT m.partition, m.until
    FROM (SELECT c.relname::text AS partition, pg_get_expr(c.relpartbound, c.oid) AS bounds,
                 to_date(right(c.relname, 6), 'YYYYMM')::timestamp AS month,
                 to_date(right(c.relname, 6), 'YYYYMM') + interval '1 month' AS until
          FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
          WHERE i.inhparent = to_regclass('@extschema@.' || quote_ident(parent)) AND c.relnamespace = to_regnamespace('@extschema@')
            AND c.relname ~ ('^' || parent || '_[0-9]{4}(0[1-9]|1[0-2])$')) m
    WHERE m.bounds = format('FOR VALUES FROM (%L) TO (%L)', to_char(m.month, 'YYYY-MM-DD HH24:MI:SS+00'), to_char(m.until, 'YYYY-MM-DD HH24:MI:SS+00'))
      AND @extschema@.sira_partition_is_over(parent, m.partition, m.until, keep)
    ORDER BY m.until
$$;

-- SECURITY DEFINER: only the owner of a parent may attach to it, and the administrators are not the owner. The statements are
-- built from sira_partitioned_tables() alone; nothing that a caller or a row says becomes part of one.
--
-- It waits for a lock at most max_block, and stops where others have waited so long for it: what is left, the next call does.
-- Locks stand until the transaction ends: call it by itself, and with a table's name where others must wait even less.
CREATE FUNCTION @extschema@.sira_maintain_partitions(
    table_name text DEFAULT NULL, max_block interval DEFAULT '2 seconds',
    OUT relation text, OUT partition text, OUT action text, OUT rows_moved bigint, OUT detail text)
RETURNS SETOF record
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s'
AS $$
DECLARE
    kind record;
    month timestamp;
    first timestamp := date_trunc('month', now() AT TIME ZONE 'UTC');
    months timestamp[];
    expired record;
    keep interval;
    began timestamptz;
    -- Since when others may be waiting for what we hold.
    held_since timestamptz;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
                   WHERE p.pronamespace = to_regnamespace('@extschema@') AND p.proname = 'sira_current_tenant'
                     AND l.lanname = 'c') THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = format('the extension is no longer in schema "%s"', (parse_ident('@extschema@'))[1]),
            HINT = 'ALTER SCHEMA ... RENAME TO @extschema@;';
    END IF;
    IF table_name IS NOT NULL AND NOT EXISTS (SELECT 1 FROM @extschema@.sira_partitioned_tables() t WHERE t.relation = table_name) THEN
        RAISE EXCEPTION USING ERRCODE = 'undefined_table', MESSAGE = format('"%s" is no table that SIRA partitions', table_name),
            HINT = 'SELECT relation FROM sira_partitioned_tables();';
    END IF;
    max_block := coalesce(max_block, '2 seconds');
    IF max_block < interval '1 millisecond' OR max_block > interval '1 day' THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('max_block %s is out of range', max_block),
            HINT = 'Give a millisecond to a day.';
    END IF;
    PERFORM set_config('lock_timeout', ceil(1000 * extract(epoch FROM max_block))::integer::text, true);
    BEGIN
        PERFORM pg_advisory_xact_lock(hashtextextended('@extschema@.sira_maintain_partitions', 0));
    EXCEPTION WHEN lock_not_available THEN
        RAISE WARNING USING MESSAGE = 'another session is making partitions',
            HINT = 'SELECT * FROM sira_maintain_partitions();';
        relation := NULL; partition := NULL; action := 'postponed'; rows_moved := 0; detail := SQLERRM;
        RETURN NEXT;
        RETURN;
    END;
    INSERT INTO @extschema@.sira_partition_config (relation, row_threshold, size_threshold_gb, retention)
        SELECT t.relation, t.row_threshold, t.size_threshold_gb, t.retention FROM @extschema@.sira_partitioned_tables() t
        ON CONFLICT DO NOTHING;

    FOR kind IN
        SELECT t.*, c.months_ahead, c.months_behind
        FROM @extschema@.sira_partitioned_tables() t
        JOIN @extschema@.sira_partition_config c ON c.relation = t.relation AND c.tenant_id = '*' AND c.enabled
        WHERE table_name IS NULL OR t.relation = table_name
    LOOP
        relation := kind.relation;
        -- The current month, those ahead, and those of late rows that landed in the default partition.
        EXECUTE format(
            'SELECT array_agg(m ORDER BY m) FROM ('
            '   SELECT generate_series($1, $2, interval ''1 month'') AS m'
            '   UNION SELECT date_trunc(''month'', %1$I AT TIME ZONE ''UTC'') FROM ONLY @extschema@.%2$I'
            '   WHERE %1$I >= $3 AT TIME ZONE ''UTC'' AND %1$I < $1 AT TIME ZONE ''UTC'') x',
            kind.time_column, kind.relation || '_default')
            INTO months
            USING first, first + make_interval(months => kind.months_ahead), first - make_interval(months => kind.months_behind);

        FOREACH month IN ARRAY months LOOP
            partition := kind.relation || '_' || to_char(month, 'YYYYMM');
            CONTINUE WHEN EXISTS (
                SELECT 1 FROM pg_inherits i
                WHERE i.inhrelid = to_regclass(format('@extschema@.%I', partition))
                  AND i.inhparent = to_regclass(format('@extschema@.%I', kind.relation)));
            began := clock_timestamp();
            IF held_since < began - max_block AND @extschema@.sira_is_waited_for() THEN
                action := 'postponed'; rows_moved := 0; detail := 'others wait';
            ELSIF to_regclass(format('@extschema@.%I', partition)) IS NOT NULL THEN
                action := 'skipped'; rows_moved := 0; detail := 'a relation of that name is there and is not a partition of it';
                RAISE WARNING USING MESSAGE = format('partition "%s" was not made', partition), DETAIL = detail,
                    HINT = format('ALTER TABLE %I RENAME TO ...; then SELECT * FROM sira_maintain_partitions();', partition);
            ELSE
                SELECT m.action, m.rows_moved, m.detail INTO action, rows_moved, detail
                FROM @extschema@.sira_make_partition(kind.relation, month, max_block, held_since IS NULL) m;
            END IF;
            IF action = 'created' THEN
                held_since := coalesce(held_since, began);
            ELSIF action = 'postponed' THEN
                RAISE WARNING USING MESSAGE = format('partition "%s" was not made', partition), DETAIL = detail,
                    HINT = 'SELECT * FROM sira_maintain_partitions();';
            END IF;
            INSERT INTO @extschema@.sira_partition_log (relation, partition, action, rows_moved, milliseconds, detail)
            VALUES (relation, partition, action, rows_moved, 1000 * extract(epoch FROM clock_timestamp() - began), detail);
            RETURN NEXT;
            -- The lock that this month did not get, the next would wait for again.
            EXIT WHEN action = 'postponed';
        END LOOP;
    END LOOP;

    -- Behind, and last: dropping locks whole tables.
    FOR kind IN
        SELECT t.*, c.expire_by, @extschema@.sira_retention(t.relation) AS keep
        FROM @extschema@.sira_partitioned_tables() t
        JOIN @extschema@.sira_partition_config c ON c.relation = t.relation AND c.tenant_id = '*' AND c.enabled
        WHERE (table_name IS NULL OR t.relation = table_name) AND @extschema@.sira_retention(t.relation) IS NOT NULL
    LOOP
        relation := kind.relation;
        -- What is over and lies in the default partition: too old for a month of its own. Predictions go by months only.
        IF kind.expire_by = 'drop' AND kind.relation <> 'sira_predictions' THEN
            began := clock_timestamp();
            EXECUTE format('DELETE FROM ONLY @extschema@.%1$I WHERE %2$I < $1 %3$s', kind.relation || '_default', kind.time_column,
                           CASE kind.relation WHEN 'sira_features' THEN 'AND recorded_at < $1' ELSE '' END) USING now() - kind.keep;
            GET DIAGNOSTICS rows_moved = ROW_COUNT;
            IF rows_moved > 0 THEN
                partition := kind.relation || '_default'; action := 'deleted'; detail := format('kept for %s', kind.keep);
                INSERT INTO @extschema@.sira_partition_log (relation, partition, action, rows_moved, milliseconds, detail)
                VALUES (relation, partition, action, rows_moved, 1000 * extract(epoch FROM clock_timestamp() - began), detail);
                RETURN NEXT;
            END IF;
        END IF;
        rows_moved := 0;
        FOR expired IN SELECT * FROM @extschema@.sira_months_behind(kind.relation, kind.keep) LOOP
            partition := expired.partition;
            began := clock_timestamp();
            IF held_since < began - max_block AND @extschema@.sira_is_waited_for() THEN
                action := 'postponed'; detail := 'others wait';
            ELSE
                SELECT e.action, e.detail INTO action, detail
                FROM @extschema@.sira_expire_partition(kind.relation, expired.partition, expired.until, kind.keep, kind.expire_by, held_since IS NULL) e;
            END IF;
            IF action IN ('dropped', 'detached') THEN
                held_since := coalesce(held_since, began);
            END IF;
            INSERT INTO @extschema@.sira_partition_log (relation, partition, action, milliseconds, detail)
            VALUES (relation, partition, action, 1000 * extract(epoch FROM clock_timestamp() - began), detail);
            RETURN NEXT;
            EXIT WHEN action = 'postponed';
        END LOOP;
    END LOOP;

    -- What has grown beyond its thresholds, by the planner's own count.
    FOR relation, detail IN
        SELECT c.relation, format('%s rows of %s, %s GB of %s', s.row_count, coalesce(c.row_threshold::text, 'any'),
                                  round(s.gb::numeric, 2), coalesce(c.size_threshold_gb::text, 'any'))
        FROM @extschema@.sira_partition_config c
        JOIN @extschema@.sira_partitioned_tables() t ON t.relation = c.relation
        CROSS JOIN LATERAL (
            SELECT sum(greatest(p.reltuples, 0))::bigint AS row_count, sum(pg_total_relation_size(p.oid)) / 1e9 AS gb
            FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhrelid
            WHERE i.inhparent = to_regclass('@extschema@.' || quote_ident(c.relation))) s
        WHERE c.tenant_id = '*' AND c.enabled AND (table_name IS NULL OR c.relation = table_name)
          AND (s.row_count > c.row_threshold OR s.gb > c.size_threshold_gb)
        ORDER BY c.relation
    LOOP
        partition := NULL; action := 'large'; rows_moved := 0;
        INSERT INTO @extschema@.sira_partition_log (relation, action, detail) VALUES (relation, action, detail);
        RETURN NEXT;
    END LOOP;
END
$$;
REVOKE ALL ON FUNCTION @extschema@.sira_maintain_partitions(text, interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION @extschema@.sira_maintain_partitions(text, interval) TO sira_admin;

COMMENT ON TABLE @extschema@.sira_partition_log IS 'what maintenance did to the growing tables';
COMMENT ON COLUMN @extschema@.sira_partition_log.id IS 'identity of the entry';
COMMENT ON COLUMN @extschema@.sira_partition_log.tenant_id IS 'always "*": a partition holds the rows of all tenants';
COMMENT ON COLUMN @extschema@.sira_partition_log.at IS 'when it was done';
COMMENT ON COLUMN @extschema@.sira_partition_log.relation IS 'the partitioned table';
COMMENT ON COLUMN @extschema@.sira_partition_log.partition IS 'its partition';
COMMENT ON COLUMN @extschema@.sira_partition_log.action IS 'created, dropped, detached, deleted, kept, postponed (a lock was not to be had), skipped or large';
COMMENT ON COLUMN @extschema@.sira_partition_log.rows_moved IS 'late rows that moved there, or were deleted';
COMMENT ON COLUMN @extschema@.sira_partition_log.milliseconds IS 'how long it took, waiting included';
COMMENT ON COLUMN @extschema@.sira_partition_log.detail IS 'figures, or why not';
COMMENT ON COLUMN @extschema@.sira_partition_config.expire_by IS 'what becomes of a month after its retention: drop or detach';
COMMENT ON FUNCTION @extschema@.sira_maintain_partitions(text, interval) IS
    'Makes the missing months of the growing tables, moves rows there from the default partition, drops or detaches what is over, reports what is large; a row for each of these, also in sira_partition_log. Waits, and lets others wait, about max_block. Example: SELECT * FROM sira_maintain_partitions();';
COMMENT ON FUNCTION @extschema@.sira_make_partition(text, timestamp, interval, boolean) IS
    'One month of one table, made, filled and attached. Example: SELECT * FROM sira_make_partition(''sira_features'', ''2026-01-01'', ''2 s'', true);';
COMMENT ON FUNCTION @extschema@.sira_expire_partition(text, text, timestamp, interval, text, boolean) IS
    'Drops or detaches one month that is over. Example: SELECT * FROM sira_expire_partition(''sira_features'', ''sira_features_202601'', ''2026-02-01'', ''90 days'', ''detach'', true);';
COMMENT ON FUNCTION @extschema@.sira_months_behind(text, interval) IS
    'The months of a table whose rows are over. Example: SELECT * FROM sira_months_behind(''sira_features'', ''90 days'');';
COMMENT ON FUNCTION @extschema@.sira_partition_is_over(text, text, timestamp, interval) IS
    'Whether all rows of a month happened and were recorded longer ago than they are kept. Example: SELECT sira_partition_is_over(''sira_features'', ''sira_features_202601'', ''2026-02-01'', ''90 days'');';
COMMENT ON FUNCTION @extschema@.sira_retention(text) IS
    'How long the rows of a growing table are kept, NULL for ever. Example: SELECT sira_retention(''sira_features'');';
COMMENT ON FUNCTION @extschema@.sira_is_waited_for() IS
    'Whether another session waits for a lock that this one holds. Example: SELECT sira_is_waited_for();';
