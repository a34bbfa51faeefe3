-- What is due, done: by CALL sira_run_maintenance() from pg_cron or any other scheduler, as often as one likes.
--
-- Each task has its own transaction and its own lock: whoever comes second finds it done, or being done, and goes on to the next.
-- A task that fails is taken back, noted and reported, and does not keep the others from their turn. Tasks run with the rights
-- of the caller and for its tenant; what concerns all tenants is a definer function of its own.

-- Tasks are the extension's to name: a row of a table never becomes SQL. Each statement answers what went wrong and what was left
-- out, NULL where nothing was.
CREATE FUNCTION @extschema@.sira_maintenance_tasks()
RETURNS TABLE (place integer, task text, every interval, at time, needs text, statement text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    VALUES (1, 'hourly_metrics', interval '1 hour', NULL::time, 'sira_aggregate_hourly_metrics',
            'SELECT NULL, NULL FROM @extschema@.sira_aggregate_hourly_metrics()'),
           (2, 'storage', '1 day', '03:30', 'sira_book_storage', 'SELECT NULL, NULL FROM @extschema@.sira_book_storage()'),
           (3, 'budgets', '5 minutes', NULL, 'sira_check_budgets',
            'SELECT NULL, NULL FROM (SELECT pg_catalog.count(*) FROM @extschema@.sira_check_budgets()) AS t'),
           (4, 'sketches', '1 hour', NULL, 'sira_update_sketches', 'SELECT problems, left_out FROM @extschema@.sira_maintain_models(''sketches'')'),
           (5, 'drift', '1 day', '02:00', 'sira_detect_drift', 'SELECT problems, left_out FROM @extschema@.sira_maintain_models(''drift'')'),
           (6, 'retraining', '1 hour', NULL, 'sira_queue_due_retraining',
            'SELECT NULL, NULL FROM @extschema@.sira_queue_due_retraining()'),
           (7, 'feedback', '6 hours', NULL, 'sira_process_feedback',
            'SELECT NULL, NULL FROM (SELECT pg_catalog.count(*) FROM @extschema@.sira_process_feedback()) AS t'),
           (8, 'improvements', '1 day', '03:00', 'sira_suggest_improvements', 'SELECT problems, left_out FROM @extschema@.sira_maintain_models(''improvements'')'),
           (9, 'partitions', '1 day', '04:00', 'sira_maintain_partitions',
            'SELECT NULL, NULL FROM (SELECT pg_catalog.count(*) FROM @extschema@.sira_maintain_partitions()) AS t'),
           (10, 'old_jobs', '1 day', '05:00', 'sira_delete_old_jobs', 'SELECT NULL, NULL FROM @extschema@.sira_delete_old_jobs()'),
           (11, 'progress', '1 day', '05:00', 'sira_collect_progress', 'SELECT NULL, NULL FROM @extschema@.sira_collect_progress()'),
           (12, 'cache', '1 day', '05:00', 'sira_collect_cache',
            'SELECT NULL, NULL FROM (SELECT pg_catalog.count(*) FROM @extschema@.sira_collect_cache()) AS t')
$$;
COMMENT ON FUNCTION @extschema@.sira_maintenance_tasks() IS
    'What maintenance knows to do, with its usual schedule and the function that it needs. Example: SELECT task, every, at FROM sira_maintenance_tasks();';

CREATE TABLE @extschema@.sira_maintenance_schedule (
    tenant_id text NOT NULL DEFAULT @extschema@.sira_current_tenant(),
    task text NOT NULL,
    enabled boolean NOT NULL DEFAULT true,
    every interval NOT NULL CHECK (every >= interval '1 minute'),
    at time,
    time_zone text NOT NULL DEFAULT 'UTC',
    last_run timestamptz,
    last_seconds double precision,
    last_status text CHECK (last_status IN ('done', 'failed')),
    last_error text,
    last_left_out text,
    PRIMARY KEY (tenant_id, task),
    CHECK (at IS NULL OR every >= interval '1 day')
);
COMMENT ON TABLE @extschema@.sira_maintenance_schedule IS 'when each task of maintenance is due, and how it went';
COMMENT ON COLUMN @extschema@.sira_maintenance_schedule.tenant_id IS 'the tenant that it is done for';
COMMENT ON COLUMN @extschema@.sira_maintenance_schedule.task IS 'one of sira_maintenance_tasks()';
COMMENT ON COLUMN @extschema@.sira_maintenance_schedule.enabled IS 'whether it is done at all';
COMMENT ON COLUMN @extschema@.sira_maintenance_schedule.every IS 'how often';
COMMENT ON COLUMN @extschema@.sira_maintenance_schedule.at IS 'at what time of the day, for what is done daily or less often';
COMMENT ON COLUMN @extschema@.sira_maintenance_schedule.time_zone IS 'in which time zone';
COMMENT ON COLUMN @extschema@.sira_maintenance_schedule.last_run IS 'when it was done last, or tried';
COMMENT ON COLUMN @extschema@.sira_maintenance_schedule.last_seconds IS 'how long that took';
COMMENT ON COLUMN @extschema@.sira_maintenance_schedule.last_status IS 'done or failed';
COMMENT ON COLUMN @extschema@.sira_maintenance_schedule.last_error IS 'what went wrong';
COMMENT ON COLUMN @extschema@.sira_maintenance_schedule.last_left_out IS 'what was left out on purpose, and why';

-- A time zone that is none would end every run of the tenant's maintenance, for all tasks are looked at together.
CREATE FUNCTION @extschema@.sira_maintenance_check() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM now() AT TIME ZONE NEW.time_zone;
    RETURN NEW;
EXCEPTION WHEN invalid_parameter_value THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('"%s" is no time zone', NEW.time_zone),
        HINT = 'SELECT name FROM pg_timezone_names;';
END
$$;
COMMENT ON FUNCTION @extschema@.sira_maintenance_check() IS
    'Trigger of sira_maintenance_schedule: refuses a time zone that is none. Example: SELECT tgname FROM pg_trigger WHERE tgfoid = ''sira_maintenance_check''::regproc;';
CREATE TRIGGER sira_check BEFORE INSERT OR UPDATE OF time_zone ON @extschema@.sira_maintenance_schedule
    FOR EACH ROW EXECUTE FUNCTION @extschema@.sira_maintenance_check();

-- The latest moment not after now at which something is due: multiples of its interval since midnight of 2000-01-03, a Monday,
-- on the clocks of its time zone, moved to its time of day.
CREATE FUNCTION @extschema@.sira_due_since(every interval, at time, time_zone text, now timestamptz DEFAULT pg_catalog.now())
RETURNS timestamptz
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT (origin.t + make_interval(secs => step.s * floor(extract(epoch FROM (sira_due_since.now AT TIME ZONE time_zone) - origin.t) / step.s)))
           AT TIME ZONE time_zone
    FROM (SELECT timestamp '2000-01-03' + coalesce(at, time '00:00')) AS origin(t),
         (SELECT extract(epoch FROM every)::float8) AS step(s)
$$;
COMMENT ON FUNCTION @extschema@.sira_due_since(interval, time, text, timestamptz) IS
    'The latest moment at which something with this schedule was due. Example: SELECT sira_due_since(''1 day'', ''02:00'', ''Europe/Berlin'');';

CREATE FUNCTION @extschema@.sira_maintenance_due(now timestamptz DEFAULT pg_catalog.clock_timestamp())
RETURNS TABLE (task text, due_since timestamptz, is_due boolean)
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT s.task, d.since, s.last_run IS NULL OR s.last_run < d.since OR s.last_run > sira_maintenance_due.now + interval '1 minute'
    FROM @extschema@.sira_maintenance_schedule s
    JOIN @extschema@.sira_maintenance_tasks() t ON t.task = s.task
    CROSS JOIN LATERAL (SELECT @extschema@.sira_due_since(s.every, s.at, s.time_zone, sira_maintenance_due.now) AS since) d
    WHERE s.tenant_id = @extschema@.sira_current_tenant() AND s.enabled
      AND EXISTS (SELECT 1 FROM pg_proc p WHERE p.pronamespace = to_regnamespace('@extschema@') AND p.proname = t.needs
                  AND has_function_privilege(p.oid, 'EXECUTE'))
    ORDER BY t.place
$$;
COMMENT ON FUNCTION @extschema@.sira_maintenance_due(timestamptz) IS
    'The tasks that the caller may do, and whether they are due. Example: SELECT * FROM sira_maintenance_due();';

-- Something for each model of the tenant that has a version in production; one that fails does not keep the others from it. What
-- was imported or signed has nothing to be compared with until somebody gives it a baseline: that is no failure. Shared models are
-- watched where the tenant uses them: only it sees what it asked. What is to become of them is their owner's to suggest.
CREATE FUNCTION @extschema@.sira_maintain_models(work text, OUT problems text, OUT left_out text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tenant text := @extschema@.sira_current_tenant();
    home record;
BEGIN
    FOR home IN
        SELECT m.name AS model, v.version,
               EXISTS (SELECT 1 FROM @extschema@.sira_baselines b WHERE b.tenant_id = v.tenant_id AND b.model_version_id = v.id) AS has_baseline
        FROM @extschema@.sira_models m
        JOIN @extschema@.sira_model_versions v ON v.tenant_id = m.tenant_id AND v.model_id = m.id AND v.status = 'production'
        WHERE m.enabled AND (m.tenant_id = tenant
            OR m.tenant_id = '*' AND work IN ('sketches', 'drift')
               AND NOT EXISTS (SELECT 1 FROM @extschema@.sira_models o WHERE o.tenant_id = tenant AND o.name = m.name)
               AND EXISTS (SELECT 1 FROM @extschema@.sira_predictions p
                           WHERE p.tenant_id = tenant AND p.model_version_id = v.id AND p.created_at >= now() - interval '8 days'))
        ORDER BY m.name
    LOOP
        IF work IN ('sketches', 'drift') AND NOT home.has_baseline THEN
            left_out := concat_ws('; ', left_out, format('model "%s": version %s has no baseline', home.model, home.version));
            CONTINUE;
        END IF;
        BEGIN
            CASE work
                WHEN 'sketches' THEN PERFORM @extschema@.sira_update_sketches(home.model);
                WHEN 'drift' THEN PERFORM count(*) FROM @extschema@.sira_detect_drift(home.model);
                WHEN 'improvements' THEN PERFORM count(*) FROM @extschema@.sira_suggest_improvements(home.model);
            END CASE;
        EXCEPTION WHEN OTHERS THEN
            problems := concat_ws('; ', problems, format('model "%s": %s', home.model, SQLERRM));
        END;
    END LOOP;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_maintain_models(text) IS
    'Does sketches, drift or improvements for each model in production, sketches and drift also for shared ones that the tenant uses, and answers what went wrong and what was left out: versions without a baseline. For sira_run_maintenance. Example: SELECT * FROM sira_maintain_models(''drift'');';

CREATE FUNCTION @extschema@.sira_maintenance_open() RETURNS text[]
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF @extschema@.sira_current_tenant() IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = format('role "%s" belongs to no tenant', CURRENT_USER),
            HINT = format('INSERT INTO sira_tenant_members (tenant_id, member) VALUES (''...'', %L); as a superuser', CURRENT_USER);
    END IF;
    INSERT INTO @extschema@.sira_maintenance_schedule (task, every, at)
    SELECT t.task, t.every, t.at FROM @extschema@.sira_maintenance_tasks() t
    ON CONFLICT DO NOTHING;
    RETURN ARRAY(SELECT d.task FROM @extschema@.sira_maintenance_due() WITH ORDINALITY AS d(task, since, is_due, place)
                 WHERE d.is_due ORDER BY d.place);
END
$$;
COMMENT ON FUNCTION @extschema@.sira_maintenance_open() IS
    'The tasks that are due; a first call writes the schedule down. For sira_run_maintenance. Example: SELECT sira_maintenance_open();';

-- One task in one transaction. The lock ends with it; whoever waited for nothing looks at the next one.
CREATE FUNCTION @extschema@.sira_maintenance_step(task text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    began pg_catalog.timestamptz := pg_catalog.clock_timestamp();
    problem pg_catalog.text;
    left_out pg_catalog.text;
    ended pg_catalog.text := 'done';
BEGIN
    IF NOT pg_catalog.pg_try_advisory_xact_lock(pg_catalog.hashtextextended(
            pg_catalog.concat_ws('|', 'sira maintenance', @extschema@.sira_current_tenant(), task), 0)) THEN
        RETURN 'busy';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM @extschema@.sira_maintenance_due() d WHERE d.task OPERATOR(pg_catalog.=) sira_maintenance_step.task AND d.is_due) THEN
        RETURN 'not due';
    END IF;
    BEGIN
        EXECUTE (SELECT t.statement FROM @extschema@.sira_maintenance_tasks() t WHERE t.task OPERATOR(pg_catalog.=) sira_maintenance_step.task)
        INTO problem, left_out;
    EXCEPTION WHEN OTHERS THEN
        problem := SQLERRM;
    END;
    IF problem IS NOT NULL THEN
        ended := 'failed';
        BEGIN
            PERFORM @extschema@.sira_raise_alert('job_failed', 'high', pg_catalog.format('maintenance task "%s" failed: %s', task, problem),
                                                 subject => pg_catalog.concat('maintenance ', task));
        EXCEPTION WHEN OTHERS THEN
            RAISE WARNING USING MESSAGE = pg_catalog.format('no alert was raised about maintenance task "%s"', task), DETAIL = SQLERRM;
        END;
    END IF;
    UPDATE @extschema@.sira_maintenance_schedule s
    SET last_run = began, last_status = ended, last_error = problem, last_left_out = left_out,
        last_seconds = pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) began)
    WHERE s.tenant_id OPERATOR(pg_catalog.=) @extschema@.sira_current_tenant() AND s.task OPERATOR(pg_catalog.=) sira_maintenance_step.task;
    RETURN ended;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_maintenance_step(text) IS
    'Does one task if it is due and nobody else is at it: done, failed, busy or not due. For sira_run_maintenance. Example: SELECT sira_maintenance_step(''budgets'');';

-- No SET clause and no definer: a procedure that commits may have neither. Jobs come last, because they may take long.
CREATE PROCEDURE @extschema@.sira_run_maintenance(run_jobs boolean DEFAULT true)
LANGUAGE plpgsql AS $$
DECLARE
    tasks pg_catalog.text[] := @extschema@.sira_maintenance_open();
    task pg_catalog.text;
    ended pg_catalog.text;
BEGIN
    COMMIT;
    FOREACH task IN ARRAY tasks LOOP
        ended := @extschema@.sira_maintenance_step(task);
        COMMIT;
        IF ended OPERATOR(pg_catalog.=) 'failed' THEN
            RAISE WARNING USING MESSAGE = pg_catalog.format('maintenance task "%s" failed', task),
                HINT = 'SELECT task, last_error FROM sira_maintenance_schedule WHERE last_status = ''failed'';';
        END IF;
    END LOOP;
    IF run_jobs THEN
        CALL @extschema@.sira_run_jobs();
    END IF;
END
$$;
COMMENT ON PROCEDURE @extschema@.sira_run_maintenance(boolean) IS
    'Does what is due: metrics, budgets, sketches, drift, feedback, partitions, clean-up, and jobs that wait. Safe to call at any time and from several sessions; call it every five minutes. Example: CALL sira_run_maintenance();';
