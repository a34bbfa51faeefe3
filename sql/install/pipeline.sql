-- The daily job: extract, compute, validate, store, statistics. Each step commits, and the long ones commit in batches, so a
-- crash costs a batch. What a run has computed waits in a table of its own until it is valid; the moment of a run is fixed by
-- its first step, so that a run that was resumed days later writes what it would have written at once.
CREATE TABLE @extschema@.sira_snapshot_work (
    tenant_id text NOT NULL DEFAULT @extschema@.sira_current_tenant(),
    job_id uuid NOT NULL,
    entity_id text COLLATE "C" NOT NULL,
    features jsonb,
    PRIMARY KEY (tenant_id, job_id, entity_id)
);
COMMENT ON TABLE @extschema@.sira_snapshot_work IS 'entities of the runs of the feature pipeline that are under way, and their values until they are stored';
COMMENT ON COLUMN @extschema@.sira_snapshot_work.tenant_id IS 'the tenant it belongs to';
COMMENT ON COLUMN @extschema@.sira_snapshot_work.job_id IS 'the run, in sira_jobs';
COMMENT ON COLUMN @extschema@.sira_snapshot_work.entity_id IS 'an entity to compute';
COMMENT ON COLUMN @extschema@.sira_snapshot_work.features IS 'its values, once they are computed';

CREATE FUNCTION @extschema@.sira_pipeline_steps() RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT '{extract,compute,validate,store,statistics}'::pg_catalog.text[] $$;
COMMENT ON FUNCTION @extschema@.sira_pipeline_steps() IS
    'The steps of the feature pipeline in their order. Example: SELECT sira_pipeline_steps();';

-- The set that a name means to the caller's tenant, name/2 that version.
CREATE FUNCTION @extschema@.sira_find_feature_set(name text) RETURNS @extschema@.sira_feature_sets
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    chosen @extschema@.sira_feature_sets;
    wanted text[] := regexp_match(name, '^([^/@]+)(?:/([0-9]{1,9}))?$');
BEGIN
    SELECT s.* INTO chosen FROM @extschema@.sira_feature_sets s
    WHERE s.tenant_id = (SELECT @extschema@.sira_current_tenant()) AND s.name = wanted[1]
      AND (wanted[2] IS NULL OR s.version = wanted[2]::integer)
    ORDER BY s.version DESC LIMIT 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('feature set "%s" does not exist', coalesce(name, 'NULL')),
            HINT = 'SELECT name, version FROM sira_feature_sets;';
    END IF;
    RETURN chosen;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_find_feature_set(text) IS
    'The set that a name means, its newest version or name/2. Example: SELECT version FROM sira_find_feature_set(''cards'');';

-- Held by whoever works on a run, from commit to commit: who gets it finds nobody at work.
CREATE FUNCTION @extschema@.sira_pipeline_lock(subject text) RETURNS boolean
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$ SELECT pg_try_advisory_xact_lock(hashtextextended(coalesce(@extschema@.sira_current_tenant(), '') || '/' || subject, 10)) $$;
COMMENT ON FUNCTION @extschema@.sira_pipeline_lock(text) IS
    'Keeps others from the runs of a set until the transaction ends; false where another has it. Example: SELECT sira_pipeline_lock(''cards/1'');';

-- A failure, or the end of patience: noted, told to those who listen, and tried again later where it may be.
CREATE FUNCTION @extschema@.sira_pipeline_failed(run uuid, failed uuid, state text, message text, may_retry boolean) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    job @extschema@.sira_jobs;
    retry boolean;
    later uuid;
BEGIN
    SELECT j.* INTO STRICT job FROM @extschema@.sira_jobs j WHERE j.id = failed;
    retry := may_retry AND job.attempt < job.max_attempts;
    PERFORM @extschema@.sira_job_end(failed, CASE WHEN retry THEN 'queued' ELSE 'failed' END, NULL, state, message);
    PERFORM @extschema@.sira_job_end(run, CASE WHEN retry THEN 'queued' ELSE 'failed' END, NULL, state, message);
    IF NOT retry THEN
        FOR later IN SELECT j.id FROM @extschema@.sira_jobs j WHERE j.parent_id = run AND j.status IN ('queued', 'running') LOOP
            PERFORM @extschema@.sira_job_end(later, 'cancelled', NULL, NULL, format('step "%s" failed', job.step));
        END LOOP;
        -- Nothing is lost: the watermark has not moved, so the next run finds the same entities.
        DELETE FROM @extschema@.sira_snapshot_work w WHERE w.job_id = run;
    END IF;
    PERFORM pg_notify('sira_alerts', jsonb_build_object(
        'alert_type', 'job_failed', 'job_id', run, 'kind', job.kind, 'subject', job.subject, 'step', job.step, 'sqlstate', state,
        'message', left(message, 1000), 'attempt', job.attempt, 'max_attempts', job.max_attempts, 'final', NOT retry,
        'retry_at', CASE WHEN retry THEN clock_timestamp() + job.retry_after END)::text);
END
$$;
COMMENT ON FUNCTION @extschema@.sira_pipeline_failed(uuid, uuid, text, text, boolean) IS
    'Notes that a step of a run failed and notifies sira_alerts; for the pipeline. Example: SELECT sira_pipeline_failed(parent_id, id, ''57014'', ''stopped'', false) FROM sira_jobs WHERE step = ''compute'' AND status = ''running'';';

CREATE FUNCTION @extschema@.sira_pipeline_overdue(job @extschema@.sira_jobs) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$ SELECT coalesce(clock_timestamp() > coalesce((job).started_at, (job).queued_at) + (job).deadline, false) $$;
COMMENT ON FUNCTION @extschema@.sira_pipeline_overdue(@extschema@.sira_jobs) IS
    'Whether a job has outlived its deadline. Example: SELECT id FROM sira_jobs j WHERE sira_pipeline_overdue(j);';

-- The run to go on with: one that was left behind and is due, else a new one; NULL where there is nothing to do now.
CREATE FUNCTION @extschema@.sira_pipeline_open(
    set text, gate boolean, max_attempts integer, retry_after interval, deadline interval, only_retries boolean, "full" boolean)
RETURNS uuid
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    wanted @extschema@.sira_feature_sets := @extschema@.sira_find_feature_set(set);
    what text := format('%s/%s', wanted.name, wanted.version);
    run @extschema@.sira_jobs;
    current @extschema@.sira_jobs;
    new_id uuid;
    one text;
    mine boolean;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_transaction_state',
            MESSAGE = format('the feature pipeline does not run under isolation level %s', current_setting('transaction_isolation')),
            DETAIL = 'Each of its statements must see what was committed before it.',
            HINT = 'SET default_transaction_isolation = ''read committed'';';
    END IF;
    -- Another may only have looked whether there is something to retry: a schedule calls both at the same second.
    FOR try IN 1..20 LOOP
        mine := @extschema@.sira_pipeline_lock(what);
        EXIT WHEN mine OR only_retries;
        PERFORM pg_sleep(0.05);
    END LOOP;
    IF NOT mine THEN
        RAISE NOTICE USING MESSAGE = format('the feature pipeline of "%s" runs in another session', what);
        RETURN NULL;
    END IF;
    SELECT j.* INTO run FROM @extschema@.sira_jobs j
    WHERE j.tenant_id = wanted.tenant_id AND j.kind = 'feature_pipeline' AND j.subject = what
      AND j.parent_id IS NULL AND j.status IN ('queued', 'running')
    ORDER BY j.queued_at LIMIT 1;
    IF FOUND THEN
        SELECT j.* INTO current FROM @extschema@.sira_jobs j WHERE j.parent_id = run.id AND j.status IN ('queued', 'running')
        ORDER BY array_position(@extschema@.sira_pipeline_steps(), j.step) LIMIT 1;
        IF current.id IS NULL THEN
            -- It ended between its last step and its own end.
            PERFORM @extschema@.sira_job_begin(run.id);
            RETURN run.id;
        END IF;
        IF @extschema@.sira_pipeline_overdue(run) THEN
            PERFORM @extschema@.sira_pipeline_failed(run.id, current.id, '57014', format('stopped after %s', run.deadline), false);
        ELSIF run.queued_by <> SESSION_USER THEN
            RAISE NOTICE USING MESSAGE = format('a run of the feature pipeline of "%s" is left to "%s", who began it', what, run.queued_by),
                HINT = format('SELECT sira_cancel_job(%L);', run.id);
            RETURN NULL;
        ELSIF current.status = 'queued' AND current.finished_at + current.retry_after > clock_timestamp() THEN
            RAISE NOTICE USING MESSAGE = format('the feature pipeline of "%s" tries step "%s" again at %s', what, current.step,
                                                current.finished_at + current.retry_after);
            RETURN NULL;
        ELSIF current.status = 'running' AND current.attempt >= current.max_attempts THEN
            PERFORM @extschema@.sira_pipeline_failed(run.id, current.id, '57P02', format('step "%s" crashed', current.step), false);
            RETURN run.id;
        ELSE
            IF sira_pipeline_open.full AND NOT coalesce((run.arguments ->> 'full')::boolean, false) THEN
                RAISE NOTICE USING MESSAGE = format('the feature pipeline of "%s" goes on with a run that is not full', what),
                    HINT = 'CALL it again with full => true when it is over.';
            END IF;
            PERFORM @extschema@.sira_job_begin(run.id);
            RETURN run.id;
        END IF;
    END IF;
    IF only_retries THEN
        RETURN NULL;
    END IF;
    -- What a cancelled run has left.
    DELETE FROM @extschema@.sira_snapshot_work w
    WHERE w.tenant_id = wanted.tenant_id AND NOT EXISTS (
        SELECT 1 FROM @extschema@.sira_jobs j WHERE j.id = w.job_id AND j.status IN ('queued', 'running'));
    new_id := @extschema@.sira_queue_job('feature_pipeline', what, jsonb_build_object('gate', gate, 'full', coalesce(sira_pipeline_open.full, false)),
                                         max_attempts => 1000, retry_after => retry_after, deadline => deadline);
    FOREACH one IN ARRAY @extschema@.sira_pipeline_steps() LOOP
        PERFORM @extschema@.sira_queue_job('feature_pipeline', what, '{}', one, new_id, max_attempts, retry_after);
    END LOOP;
    PERFORM @extschema@.sira_job_begin(new_id);
    RETURN new_id;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_pipeline_open(text, boolean, integer, interval, interval, boolean, boolean) IS
    'The run of the pipeline to go on with, left behind or new; for sira_run_feature_pipeline. Example: SELECT sira_pipeline_open(''cards'', false, 3, ''5 minutes'', ''2 hours'', false, false);';

-- Moves computed values, some or all, to where they are served: what moves leaves the one table and is in the other, or neither.
CREATE FUNCTION @extschema@.sira_pipeline_move(
    run @extschema@.sira_jobs, wanted @extschema@.sira_feature_sets, batch integer)
RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    moved bigint;
BEGIN
    WITH moved AS (
        DELETE FROM @extschema@.sira_snapshot_work w
        WHERE w.tenant_id = wanted.tenant_id AND w.job_id = run.id AND w.entity_id IN (
            SELECT n.entity_id FROM @extschema@.sira_snapshot_work n
            WHERE n.tenant_id = wanted.tenant_id AND n.job_id = run.id ORDER BY n.entity_id LIMIT batch)
        RETURNING w.entity_id, w.features)
    INSERT INTO @extschema@.sira_feature_snapshots (tenant_id, entity_type, entity_id, feature_set, feature_set_version, snapshot_ts, features)
    SELECT wanted.tenant_id, wanted.entity_type, m.entity_id, wanted.name, wanted.version, (run.progress ->> 'as_of')::timestamptz, m.features
    FROM moved m ORDER BY m.entity_id
    ON CONFLICT (tenant_id, entity_type, entity_id, feature_set, snapshot_ts) DO UPDATE
    SET features = excluded.features, feature_set_version = excluded.feature_set_version, updated_at = now();
    GET DIAGNOSTICS moved = ROW_COUNT;
    RETURN moved;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_pipeline_move(@extschema@.sira_jobs, @extschema@.sira_feature_sets, integer) IS
    'Moves what a run has computed to the snapshots and answers how many rows. For the pipeline. Example: SELECT sira_pipeline_move(j, sira_find_feature_set(j.subject), 1000) FROM sira_jobs j WHERE j.kind = ''feature_pipeline'' AND j.status = ''running'' AND j.parent_id IS NULL;';

-- One batch of one step; NULL as long as there is more of it, then what came of it.
CREATE FUNCTION @extschema@.sira_pipeline_work(run @extschema@.sira_jobs, step @extschema@.sira_jobs, batch integer) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    wanted @extschema@.sira_feature_sets := @extschema@.sira_find_feature_set(run.subject);
    since timestamptz;
    settled timestamptz;
    moment timestamptz := (run.progress ->> 'as_of')::timestamptz;
    everybody boolean := coalesce((run.arguments ->> 'full')::boolean, false);
    ids text[];
    done bigint := coalesce((step.progress ->> 'rows')::bigint, 0);
    made bigint;
    answer jsonb;
BEGIN
    CASE step.step
    WHEN 'extract' THEN
        -- In this order: what ends after the first statement is for the next run, and the last one sees all that ended before.
        settled := @extschema@.sira_settled_at();
        moment := clock_timestamp();
        SELECT w.watermark INTO since FROM @extschema@.sira_feature_watermarks w
        WHERE w.tenant_id = wanted.tenant_id AND w.feature_set = wanted.name AND w.feature_set_version = wanted.version AND NOT everybody;
        -- A full run also takes those of whom nothing is left but a snapshot.
        INSERT INTO @extschema@.sira_snapshot_work (tenant_id, job_id, entity_id)
        SELECT wanted.tenant_id, run.id, e.id FROM @extschema@.sira_changed_entities(run.subject, since, moment) AS e(id)
        UNION
        SELECT wanted.tenant_id, run.id, s.entity_id FROM @extschema@.sira_feature_snapshots s
        WHERE everybody AND s.tenant_id = wanted.tenant_id AND s.entity_type = wanted.entity_type
          AND s.feature_set = wanted.name AND s.feature_set_version = wanted.version AND s.snapshot_ts <= moment;
        GET DIAGNOSTICS made = ROW_COUNT;
        answer := jsonb_build_object('entities', made, 'as_of', moment, 'since', since, 'settled', least(settled, moment));
        PERFORM @extschema@.sira_job_beat(run.id, answer);
        RETURN answer;
    WHEN 'compute' THEN
        ids := ARRAY(
            SELECT w.entity_id FROM @extschema@.sira_snapshot_work w
            WHERE w.tenant_id = wanted.tenant_id AND w.job_id = run.id
              AND (step.progress ->> 'last' IS NULL OR w.entity_id > step.progress ->> 'last')
            ORDER BY w.entity_id LIMIT batch);
        IF cardinality(ids) = 0 THEN
            RETURN jsonb_build_object('rows', done);
        END IF;
        UPDATE @extschema@.sira_snapshot_work w SET features = h.features
        FROM @extschema@.sira_historical_features(run.subject, format(
            'SELECT e AS entity_id, %L::timestamptz AS as_of %s FROM unnest(%L::text[]) AS e', moment,
            (SELECT format(', e AS %I', k.value) FROM jsonb_each_text(wanted.keys) k WHERE k.key = wanted.entity_type AND k.value <> 'entity_id'),
            ids)) AS h
        WHERE w.tenant_id = wanted.tenant_id AND w.job_id = run.id AND w.entity_id = h.entity_id;
        PERFORM @extschema@.sira_job_beat(step.id, jsonb_build_object('rows', done + cardinality(ids), 'last', ids[cardinality(ids)]));
        RETURN NULL;
    WHEN 'validate' THEN
        -- A rule speaks of all that would be served, and a gate must be able to refuse it: so where there are rules, storing and
        -- validating are one transaction, and the next step finds nothing left to store.
        IF NOT EXISTS (SELECT 1 FROM @extschema@.sira_feature_definitions d
                       WHERE d.tenant_id = wanted.tenant_id AND d.id = ANY (wanted.definition_ids) AND d.rules <> '{}') THEN
            RETURN '{"findings": 0, "rows": 0}';
        END IF;
        made := @extschema@.sira_pipeline_move(run, wanted, NULL);
        SELECT jsonb_build_object('findings', count(*), 'rows', made, 'first', jsonb_agg(to_jsonb(v)) FILTER (WHERE v.place <= 20))
        INTO answer
        FROM (SELECT row_number() OVER () AS place, f.*
              FROM @extschema@.sira_validate_features(run.subject, moment, (run.arguments ->> 'gate')::boolean) f) v;
        RETURN answer;
    WHEN 'store' THEN
        made := @extschema@.sira_pipeline_move(run, wanted, batch);
        IF made > 0 THEN
            PERFORM @extschema@.sira_job_beat(step.id, jsonb_build_object('rows', done + made));
            RETURN NULL;
        END IF;
        SELECT done + coalesce(sum((j.result ->> 'rows')::bigint), 0) INTO done FROM @extschema@.sira_jobs j
        WHERE j.parent_id = run.id AND j.step = 'validate';
        settled := (run.progress ->> 'settled')::timestamptz;
        INSERT INTO @extschema@.sira_feature_watermarks AS w (tenant_id, feature_set, feature_set_version, watermark)
        VALUES (wanted.tenant_id, wanted.name, wanted.version, settled)
        ON CONFLICT (tenant_id, feature_set, feature_set_version) DO UPDATE
        SET watermark = excluded.watermark, updated_at = now() WHERE excluded.watermark > w.watermark;
        RETURN jsonb_build_object('rows', done, 'watermark', settled);
    WHEN 'statistics' THEN
        RETURN jsonb_build_object('rows', @extschema@.sira_record_feature_statistics(run.subject, moment));
    END CASE;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_pipeline_work(@extschema@.sira_jobs, @extschema@.sira_jobs, integer) IS
    'Does a batch of a step; NULL while there is more to do. For the pipeline. Example: SELECT sira_pipeline_work(r, s, 1000) FROM sira_jobs r JOIN sira_jobs s ON s.parent_id = r.id WHERE s.status = ''running'';';

-- Goes on with a run by one commit's worth; false where it is over, or in other hands.
CREATE FUNCTION @extschema@.sira_pipeline_step(id uuid, batch integer) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    run @extschema@.sira_jobs;
    step @extschema@.sira_jobs;
    answer jsonb;
    state text;
    message text;
    detail text;
BEGIN
    SELECT j.* INTO STRICT run FROM @extschema@.sira_jobs j WHERE j.id = sira_pipeline_step.id;
    IF NOT @extschema@.sira_pipeline_lock(run.subject) OR run.status <> 'running' OR run.worker_pid <> pg_backend_pid() THEN
        RETURN false;
    END IF;
    SELECT j.* INTO step FROM @extschema@.sira_jobs j WHERE j.parent_id = run.id AND j.status IN ('queued', 'running')
    ORDER BY array_position(@extschema@.sira_pipeline_steps(), j.step) LIMIT 1;
    IF NOT FOUND THEN
        PERFORM @extschema@.sira_job_end(run.id, 'done', (
            SELECT jsonb_object_agg(j.step, j.result) FROM @extschema@.sira_jobs j WHERE j.parent_id = run.id));
        RETURN false;
    END IF;
    IF @extschema@.sira_pipeline_overdue(run) THEN
        PERFORM @extschema@.sira_pipeline_failed(run.id, step.id, '57014', format('stopped after %s', run.deadline), false);
        RETURN false;
    END IF;
    IF step.status = 'queued' OR step.worker_pid <> pg_backend_pid() THEN
        -- Committed before the work begins, so that a crash counts.
        PERFORM @extschema@.sira_job_begin(step.id);
        RETURN true;
    END IF;
    BEGIN
        answer := @extschema@.sira_pipeline_work(run, step, batch);
        IF answer IS NOT NULL THEN
            PERFORM @extschema@.sira_job_end(step.id, 'done', answer);
        END IF;
        PERFORM @extschema@.sira_job_beat(run.id, NULL);
        RETURN true;
    EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
    END;
    PERFORM @extschema@.sira_pipeline_failed(run.id, step.id, state, concat_ws(' ', message, '(' || nullif(detail, '') || ')'), true);
    RETURN false;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_pipeline_step(uuid, integer) IS
    'Goes on with a run of the pipeline by a batch; false where there is nothing more to do. For sira_run_feature_pipeline. Example: SELECT sira_pipeline_step(id, 100000) FROM sira_jobs WHERE kind = ''feature_pipeline'' AND status = ''running'' AND parent_id IS NULL;';

-- What is said to the caller: an error where a run has failed for good, so that cron hears of it.
CREATE FUNCTION @extschema@.sira_pipeline_verdict(runs uuid[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    job record;
BEGIN
    FOR job IN
        SELECT r.id, r.subject, r.status, s.step, s.attempt, s.max_attempts, s.retry_after, s.error_sqlstate, s.error_message
        FROM @extschema@.sira_jobs r
        JOIN @extschema@.sira_jobs s ON s.parent_id = r.id AND s.error_sqlstate IS NOT NULL AND s.status IN ('queued', 'failed')
        WHERE r.id = ANY (runs) AND r.status IN ('queued', 'failed')
        ORDER BY r.status DESC, r.subject
    LOOP
        IF job.status = 'queued' THEN
            RAISE WARNING USING MESSAGE = format('step "%s" of the feature pipeline of "%s" failed: %s', job.step, job.subject, job.error_message),
                DETAIL = format('It was attempt %s of %s.', job.attempt, job.max_attempts),
                HINT = format('It is tried again by the first call after %s.', job.retry_after);
        ELSE
            RAISE EXCEPTION USING ERRCODE = job.error_sqlstate,
                MESSAGE = format('the feature pipeline of "%s" failed at step "%s"', job.subject, job.step),
                DETAIL = format('Attempt %s of %s: %s', job.attempt, job.max_attempts, job.error_message),
                HINT = format('SELECT * FROM sira_jobs WHERE parent_id = %L;', job.id);
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_pipeline_verdict(uuid[]) IS
    'A warning for each of the runs that waits for another attempt, and an error where one has failed for good. Example: SELECT sira_pipeline_verdict(array_agg(id)) FROM sira_jobs WHERE kind = ''feature_pipeline'' AND parent_id IS NULL;';

-- Whom a call is for: the named set, or all whose entities stand for themselves.
CREATE FUNCTION @extschema@.sira_pipeline_sets(set text) RETURNS text[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN set IS NOT NULL THEN ARRAY[set] ELSE ARRAY(
        -- The newest version is what a name means: an older one that could be materialised does not speak for it.
        SELECT s.name FROM (
            SELECT DISTINCT ON (v.name) v.* FROM @extschema@.sira_feature_sets v
            WHERE v.tenant_id = (SELECT @extschema@.sira_current_tenant())
            ORDER BY v.name, v.version DESC) s
        WHERE EXISTS (SELECT 1 FROM @extschema@.sira_feature_definitions d
                      WHERE d.tenant_id = s.tenant_id AND d.id = ANY (s.definition_ids) AND d.kind IN ('window', 'stored'))
          AND NOT EXISTS (SELECT 1 FROM @extschema@.sira_feature_definitions d
                          WHERE d.tenant_id = s.tenant_id AND d.id = ANY (s.definition_ids)
                            AND d.kind NOT IN ('derived', 'request') AND d.entity_type <> s.entity_type)
        ORDER BY s.name) END
$$;
COMMENT ON FUNCTION @extschema@.sira_pipeline_sets(text) IS
    'The named set, or for NULL all sets whose newest version can be materialised. Example: SELECT sira_pipeline_sets(NULL);';

-- It commits, so it is a plain procedure of the invoker without a SET clause; what it does is in functions that have one.
CREATE PROCEDURE @extschema@.sira_run_feature_pipeline(
    set text, gate boolean DEFAULT false, batch integer DEFAULT 100000, max_attempts integer DEFAULT 3,
    retry_after interval DEFAULT '5 minutes', deadline interval DEFAULT '2 hours', only_retries boolean DEFAULT false,
    at_hour integer DEFAULT NULL, time_zone text DEFAULT 'UTC', "full" boolean DEFAULT false)
LANGUAGE plpgsql AS $$
DECLARE
    sets pg_catalog.text[];
    runs pg_catalog.uuid[] := '{}';
    run pg_catalog.uuid;
    name pg_catalog.text;
    going pg_catalog.bool;
BEGIN
    -- A schedule that knows no time zones calls at each hour that may be the wanted one.
    IF at_hour OPERATOR(pg_catalog.<>) pg_catalog.date_part('hour', pg_catalog.timezone(time_zone, pg_catalog.now())) THEN
        RETURN;
    END IF;
    IF batch IS NULL OR batch OPERATOR(pg_catalog.<) 1 THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'batch is not positive',
            HINT = 'Give the number of entities to commit together.';
    END IF;
    sets := @extschema@.sira_pipeline_sets(set);
    FOREACH name IN ARRAY sets LOOP
        run := @extschema@.sira_pipeline_open(name, gate, max_attempts, retry_after, deadline, only_retries, sira_run_feature_pipeline.full);
        runs := pg_catalog.array_append(runs, run);
        COMMIT;
        going := run IS NOT NULL;
        WHILE going LOOP
            going := @extschema@.sira_pipeline_step(run, batch);
            COMMIT;
        END LOOP;
    END LOOP;
    PERFORM @extschema@.sira_pipeline_verdict(runs);
END
$$;
COMMENT ON PROCEDURE @extschema@.sira_run_feature_pipeline(text, boolean, integer, integer, interval, interval, boolean, integer, text, boolean) IS
    'Brings the snapshots of a set (NULL: all sets) up to now in steps that commit: extract, compute, validate, store, statistics. A run that a crash or a failure left behind is gone on with first; gate says whether invalid values stop it, full that all entities are computed and not only those that changed. A superuser''s run refuses (42501) definitions of roles that are none: call it as a role of its own. Example: CALL sira_run_feature_pipeline(''cards'');';
