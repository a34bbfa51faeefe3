-- Jobs: long work in steps that commit, with a row for each that says how far it is. A row outlives the transaction that works
-- on it, so a crash leaves it behind for whoever goes on.
CREATE TABLE @extschema@.sira_jobs (
    id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    tenant_id text NOT NULL DEFAULT @extschema@.sira_current_tenant(),
    kind text NOT NULL CHECK (kind <> ''),
    subject text,
    step text,
    arguments jsonb NOT NULL DEFAULT '{}',
    search_path text,
    status text NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'running', 'done', 'failed', 'cancelled')),
    queued_by name NOT NULL DEFAULT SESSION_USER,
    queued_role oid,
    queued_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    started_at timestamptz,
    finished_at timestamptz,
    attempt integer NOT NULL DEFAULT 0,
    max_attempts integer NOT NULL DEFAULT 1 CHECK (max_attempts > 0),
    retry_after interval NOT NULL DEFAULT '5 minutes' CHECK (retry_after >= '0'),
    deadline interval CHECK (deadline > '0'),
    progress jsonb,
    result jsonb,
    error_sqlstate text,
    error_message text,
    parent_id uuid,
    heartbeat_at timestamptz,
    worker_pid integer
);
CREATE INDEX sira_jobs_open_idx ON @extschema@.sira_jobs (tenant_id, kind, subject) WHERE status IN ('queued', 'running');
CREATE INDEX sira_jobs_queued_at_idx ON @extschema@.sira_jobs (queued_at);
CREATE INDEX sira_jobs_parent_idx ON @extschema@.sira_jobs (parent_id);
COMMENT ON TABLE @extschema@.sira_jobs IS 'long work, and each of its steps: what was asked, how far it is, what came of it';
COMMENT ON COLUMN @extschema@.sira_jobs.id IS 'identity of the job';
COMMENT ON COLUMN @extschema@.sira_jobs.tenant_id IS 'the tenant it works for';
COMMENT ON COLUMN @extschema@.sira_jobs.kind IS 'what is done, such as feature_pipeline';
COMMENT ON COLUMN @extschema@.sira_jobs.subject IS 'to what, such as a feature set and its version';
COMMENT ON COLUMN @extschema@.sira_jobs.step IS 'the step of the parent job; NULL for a job as a whole';
COMMENT ON COLUMN @extschema@.sira_jobs.arguments IS 'what was asked';
COMMENT ON COLUMN @extschema@.sira_jobs.search_path IS 'where the names in its query are looked for: the search_path of whoever asked';
COMMENT ON COLUMN @extschema@.sira_jobs.status IS 'queued, running, done, failed or cancelled; queued also while a retry is waited for';
COMMENT ON COLUMN @extschema@.sira_jobs.queued_by IS 'who logged in and asked for it; it runs with the rights of that role alone';
COMMENT ON COLUMN @extschema@.sira_jobs.queued_role IS 'the oid of that role: another that later bears its name does not run it';
COMMENT ON COLUMN @extschema@.sira_jobs.queued_at IS 'when it was asked for';
COMMENT ON COLUMN @extschema@.sira_jobs.started_at IS 'when work on it began first';
COMMENT ON COLUMN @extschema@.sira_jobs.finished_at IS 'when it ended, or failed last';
COMMENT ON COLUMN @extschema@.sira_jobs.attempt IS 'how often it was begun, crashes included';
COMMENT ON COLUMN @extschema@.sira_jobs.max_attempts IS 'how often it may be';
COMMENT ON COLUMN @extschema@.sira_jobs.retry_after IS 'how long after a failure it is taken up again';
COMMENT ON COLUMN @extschema@.sira_jobs.deadline IS 'how long after its first start it is given up';
COMMENT ON COLUMN @extschema@.sira_jobs.progress IS 'how far it is: what a resumed run goes on from';
COMMENT ON COLUMN @extschema@.sira_jobs.result IS 'what came of it';
COMMENT ON COLUMN @extschema@.sira_jobs.error_sqlstate IS 'SQLSTATE of the last failure';
COMMENT ON COLUMN @extschema@.sira_jobs.error_message IS 'its message';
COMMENT ON COLUMN @extschema@.sira_jobs.parent_id IS 'the job whose step it is';
COMMENT ON COLUMN @extschema@.sira_jobs.heartbeat_at IS 'when work last went on';
COMMENT ON COLUMN @extschema@.sira_jobs.worker_pid IS 'the backend that works, or worked, on it';

-- Nobody writes the table by hand. The functions below run as its owner because the administrators may not: who queued a job
-- must be true, for later it runs as that role, and what a job did must stay. They ask who logged in; that is whoever asks only
-- where the session acts by itself, not in an index function that another's ANALYZE calls, in a function of a definer or after
-- SET ROLE. So each is an entry of the library, which looks with its caller's rights, refuses, or calls as the owner what bears
-- the same name with _by_owner after it. Where the extension has been moved they refuse, for what now bears the schema's name may be anybody's.

-- Whether who logged in may work for a tenant: whoever could become a role that is listed for it.
CREATE FUNCTION @extschema@.sira_session_serves(tenant text) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT (SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = SESSION_USER)
        OR CASE WHEN EXISTS (SELECT 1 FROM @extschema@.sira_tenant_members)
                THEN EXISTS (SELECT 1 FROM @extschema@.sira_tenant_members m JOIN pg_roles r ON r.rolname = m.member
                             WHERE m.tenant_id = tenant AND pg_has_role(SESSION_USER, r.oid, 'MEMBER'))
                ELSE tenant = 'default' END
$$;
COMMENT ON FUNCTION @extschema@.sira_session_serves(text) IS
    'Whether the role that logged in may work for a tenant. Example: SELECT sira_session_serves(''default'');';

-- The job, locked, if who logged in queued it or administers its tenant.
CREATE FUNCTION @extschema@.sira_job_claim(id uuid) RETURNS @extschema@.sira_jobs
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    job @extschema@.sira_jobs;
BEGIN
    SELECT j.* INTO job FROM @extschema@.sira_jobs j WHERE j.id = sira_job_claim.id FOR UPDATE;
    IF NOT FOUND OR NOT @extschema@.sira_session_serves(job.tenant_id) THEN
        RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('job %s does not exist', coalesce(id::text, 'NULL')),
            HINT = 'SELECT id, kind, subject, status FROM sira_jobs ORDER BY queued_at DESC;';
    END IF;
    IF job.queued_by <> SESSION_USER AND NOT pg_has_role(SESSION_USER, 'sira_admin', 'MEMBER') THEN
        RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = format('no right to change job %s', id),
            DETAIL = format('It was queued by "%s".', job.queued_by), HINT = 'Log in as that role, or as a member of sira_admin.';
    END IF;
    RETURN job;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_job_claim(uuid) IS
    'The job, locked until the transaction ends, for whoever may change it. Example: SELECT sira_job_claim(''01890a5d-ac96-774b-bcce-b302099a8057'');';

-- Tonight's search_path, tried now. One statement sets it and sets it back: nothing is looked up by it.
CREATE FUNCTION @extschema@.sira_job_check_path(path text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM pg_catalog.set_config('search_path', path, true), pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true)
    WHERE path IS NOT NULL;
EXCEPTION WHEN data_exception THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'argument "search_path" is no list of schemas',
        DETAIL = pg_catalog.format('It is "%s".', path), HINT = 'Write search_path => ''sales, public''.';
END
$$;
COMMENT ON FUNCTION @extschema@.sira_job_check_path(text) IS
    'Refuses what cannot be a search_path. For sira_queue_job. Example: SELECT sira_job_check_path(''sales, public'');';

CREATE FUNCTION @extschema@.sira_queue_job_by_owner(
    kind text, subject text, arguments jsonb, step text, parent_id uuid,
    max_attempts integer, retry_after interval, deadline interval,
    tenant text,
    search_path text)
RETURNS uuid
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    new_id uuid := gen_random_uuid();
    checked jsonb;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
                   WHERE p.pronamespace = to_regnamespace('@extschema@') AND p.proname = 'sira_current_tenant'
                     AND l.lanname = 'c') THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = format('the extension is no longer in schema "%s"', (parse_ident('@extschema@'))[1]),
            HINT = 'ALTER SCHEMA ... RENAME TO @extschema@;';
    END IF;
    -- The default was asked of the caller's role; another may be named by whoever could become one of its members.
    IF tenant IS NULL OR NOT @extschema@.sira_session_serves(tenant) THEN
        RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
            MESSAGE = format('role "%s" belongs to no tenant "%s"', SESSION_USER, coalesce(tenant, 'NULL')),
            HINT = format('INSERT INTO sira_tenant_members (tenant_id, member) VALUES (''...'', %L); as the owner of the extension', SESSION_USER);
    END IF;
    IF coalesce(kind, '') = '' THEN
        RAISE EXCEPTION USING ERRCODE = CASE WHEN kind IS NULL THEN 'null_value_not_allowed' ELSE 'invalid_parameter_value' END,
            MESSAGE = format('argument "kind" is %s', CASE WHEN kind IS NULL THEN 'null' ELSE 'empty' END), HINT = 'SELECT sira_job_kinds();';
    END IF;
    PERFORM @extschema@.sira_job_check_path(search_path);
    IF coalesce(max_attempts < 1, true) OR coalesce(retry_after < interval '0', true) OR deadline <= interval '0' THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'a job cannot be tried like that',
            DETAIL = format('max_attempts is %s, retry_after %s, deadline %s.', coalesce(max_attempts::text, 'NULL'),
                            coalesce(retry_after::text, 'NULL'), coalesce(deadline::text, 'NULL')),
            HINT = 'Give at least one attempt, a retry_after of 0 or more, and a positive deadline or none.';
    END IF;
    IF parent_id IS NOT NULL THEN
        PERFORM @extschema@.sira_job_claim(parent_id);
    END IF;
    checked := CASE WHEN step IS NULL THEN @extschema@.sira_job_arguments(kind, subject, arguments) ELSE coalesce(arguments, '{}') END;
    INSERT INTO @extschema@.sira_jobs (id, tenant_id, kind, subject, arguments, search_path, step, parent_id, max_attempts, retry_after,
                                       deadline, queued_role)
    VALUES (new_id, tenant, sira_queue_job_by_owner.kind, sira_queue_job_by_owner.subject, checked,
            sira_queue_job_by_owner.search_path, sira_queue_job_by_owner.step, sira_queue_job_by_owner.parent_id,
            sira_queue_job_by_owner.max_attempts, sira_queue_job_by_owner.retry_after, sira_queue_job_by_owner.deadline, (SELECT r.oid FROM pg_roles r WHERE r.rolname = SESSION_USER));
    IF step IS NULL AND kind IN (SELECT @extschema@.sira_job_kinds()) THEN
        PERFORM @extschema@.sira_wish_worker(r.oid, false) FROM pg_roles r WHERE r.rolname = SESSION_USER;
    END IF;
    RETURN new_id;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_queue_job_by_owner(text, text, jsonb, text, uuid, integer, interval, interval, text, text) IS
    'The function behind sira_queue_job, for the library alone. Example: SELECT sira_queue_job_by_owner(''train'', ''fraud'', ''{"query": "TABLE payments", "label": "is_fraud"}'', NULL, NULL, 1, ''5 minutes'', NULL, ''default'', ''public'');';

CREATE FUNCTION @extschema@.sira_queue_job(
    kind text, subject text DEFAULT NULL, arguments jsonb DEFAULT '{}', step text DEFAULT NULL, parent_id uuid DEFAULT NULL,
    max_attempts integer DEFAULT 1, retry_after interval DEFAULT '5 minutes', deadline interval DEFAULT NULL,
    tenant text DEFAULT @extschema@.sira_current_tenant(),
    search_path text DEFAULT pg_catalog.current_setting('search_path'))
RETURNS uuid
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'sira_by_own_hand';
COMMENT ON FUNCTION @extschema@.sira_queue_job(text, text, jsonb, text, uuid, integer, interval, interval, text, text) IS
    'Adds a job in the name of the role that logged in and answers its id. A background worker runs it after the commit (sira.background_jobs; not after COMMIT PREPARED), or CALL sira_run_jobs(). Arguments bear the names of the function''s parameters, the first of which is the subject. Example: SELECT sira_queue_job(''train'', ''fraud'', ''{"query": "SELECT * FROM payments", "label": "is_fraud", "time_column": "paid_at"}'');';

CREATE FUNCTION @extschema@.sira_job_begin_by_owner(id uuid) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    job @extschema@.sira_jobs;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
                   WHERE p.pronamespace = to_regnamespace('@extschema@') AND p.proname = 'sira_current_tenant'
                     AND l.lanname = 'c') THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = format('the extension is no longer in schema "%s"', (parse_ident('@extschema@'))[1]),
            HINT = 'ALTER SCHEMA ... RENAME TO @extschema@;';
    END IF;
    job := @extschema@.sira_job_claim(id);
    IF job.queued_by <> SESSION_USER THEN
        RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = format('job %s runs with the rights of "%s" alone', id, job.queued_by),
            HINT = 'SELECT sira_cancel_job(...); and queue one of your own.';
    END IF;
    IF job.status NOT IN ('queued', 'running') THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = format('job %s is %s', id, job.status);
    END IF;
    UPDATE @extschema@.sira_jobs j
    SET status = 'running', started_at = coalesce(j.started_at, clock_timestamp()), finished_at = NULL, attempt = j.attempt + 1,
        heartbeat_at = clock_timestamp(), worker_pid = pg_backend_pid()
    WHERE j.id = job.id;
    RETURN job.attempt + 1;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_job_begin_by_owner(uuid) IS
    'The function behind sira_job_begin, for the library alone. Example: SELECT sira_job_begin_by_owner(''01890a5d-ac96-774b-bcce-b302099a8057'');';

CREATE FUNCTION @extschema@.sira_job_begin(id uuid) RETURNS integer
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'sira_by_own_hand';
COMMENT ON FUNCTION @extschema@.sira_job_begin(uuid) IS
    'Marks a job of one''s own as running in this session, once more where its worker is gone, and answers which attempt it is. Example: SELECT sira_job_begin(''01890a5d-ac96-774b-bcce-b302099a8057'');';

CREATE FUNCTION @extschema@.sira_job_beat_by_owner(id uuid, progress jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    job @extschema@.sira_jobs;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
                   WHERE p.pronamespace = to_regnamespace('@extschema@') AND p.proname = 'sira_current_tenant'
                     AND l.lanname = 'c') THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = format('the extension is no longer in schema "%s"', (parse_ident('@extschema@'))[1]),
            HINT = 'ALTER SCHEMA ... RENAME TO @extschema@;';
    END IF;
    job := @extschema@.sira_job_claim(id);
    -- A run that is resumed goes on from it.
    IF job.queued_by <> SESSION_USER THEN
        RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = format('job %s is for "%s" to report on', id, job.queued_by),
            HINT = 'SELECT sira_cancel_job(...); stops it.';
    END IF;
    UPDATE @extschema@.sira_jobs j
    SET progress = coalesce(sira_job_beat_by_owner.progress, j.progress), heartbeat_at = clock_timestamp()
    WHERE j.id = sira_job_beat_by_owner.id AND j.status = 'running';
END
$$;
COMMENT ON FUNCTION @extschema@.sira_job_beat_by_owner(uuid, jsonb) IS
    'The function behind sira_job_beat, for the library alone. Example: SELECT sira_job_beat_by_owner(''01890a5d-ac96-774b-bcce-b302099a8057'', ''{"rows": 1000}'');';

CREATE FUNCTION @extschema@.sira_job_beat(id uuid, progress jsonb) RETURNS void
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'sira_by_own_hand';
COMMENT ON FUNCTION @extschema@.sira_job_beat(uuid, jsonb) IS
    'Notes how far a running job is. Example: SELECT sira_job_beat(''01890a5d-ac96-774b-bcce-b302099a8057'', ''{"rows": 1000}'');';

CREATE FUNCTION @extschema@.sira_job_end_by_owner(
    id uuid, status text, result jsonb, error_sqlstate text, error_message text)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    job @extschema@.sira_jobs;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
                   WHERE p.pronamespace = to_regnamespace('@extschema@') AND p.proname = 'sira_current_tenant'
                     AND l.lanname = 'c') THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = format('the extension is no longer in schema "%s"', (parse_ident('@extschema@'))[1]),
            HINT = 'ALTER SCHEMA ... RENAME TO @extschema@;';
    END IF;
    IF status IS NULL OR status NOT IN ('queued', 'done', 'failed', 'cancelled') THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('a job cannot end as "%s"', coalesce(status, 'NULL')),
            HINT = 'Choose one of done, failed, cancelled, or queued to have it tried again.';
    END IF;
    job := @extschema@.sira_job_claim(id);
    IF job.status NOT IN ('queued', 'running') THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = format('job %s is %s', id, job.status);
    END IF;
    -- An administrator may stop another's work, not say that it was done or what came of it, nor have it done again.
    IF job.queued_by <> SESSION_USER AND status NOT IN ('failed', 'cancelled') THEN
        RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = format('job %s is for "%s" to end', id, job.queued_by),
            HINT = 'SELECT sira_cancel_job(...);';
    END IF;
    IF job.queued_by <> SESSION_USER THEN
        result := NULL;
    END IF;
    IF job.queued_by <> SESSION_USER OR status = 'cancelled' AND error_message IS NULL THEN
        error_message := concat_ws(': ', format('%s by %s', status, SESSION_USER), error_message);
    END IF;
    UPDATE @extschema@.sira_jobs j
    SET status = sira_job_end_by_owner.status, finished_at = clock_timestamp(), heartbeat_at = clock_timestamp(),
        result = coalesce(sira_job_end_by_owner.result, j.result),
        error_sqlstate = CASE WHEN sira_job_end_by_owner.status = 'done' THEN NULL ELSE coalesce(sira_job_end_by_owner.error_sqlstate, j.error_sqlstate) END,
        error_message = CASE WHEN sira_job_end_by_owner.status = 'done' THEN NULL ELSE coalesce(sira_job_end_by_owner.error_message, j.error_message) END
    WHERE j.id = job.id;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_job_end_by_owner(uuid, text, jsonb, text, text) IS
    'The function behind sira_job_end, for the library alone. Example: SELECT sira_job_end_by_owner(''01890a5d-ac96-774b-bcce-b302099a8057'', ''done'', ''{"rows": 1000}'', NULL, NULL);';

CREATE FUNCTION @extschema@.sira_job_end(
    id uuid, status text, result jsonb DEFAULT NULL, error_sqlstate text DEFAULT NULL, error_message text DEFAULT NULL)
RETURNS void
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'sira_by_own_hand';
COMMENT ON FUNCTION @extschema@.sira_job_end(uuid, text, jsonb, text, text) IS
    'Ends a job as done, failed or cancelled, or puts it back as queued to be tried again after retry_after. Another role''s can only be stopped: it takes no result, and its message says by whom. Example: SELECT sira_job_end(''01890a5d-ac96-774b-bcce-b302099a8057'', ''done'', ''{"rows": 1000}'');';

-- The steps go with the job. A worker that is at it is interrupted; the pipeline stops at its next step.
CREATE FUNCTION @extschema@.sira_cancel_job(id uuid, reason text DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    open record;
    cancelled integer := 0;
BEGIN
    FOR open IN
        SELECT j.id FROM @extschema@.sira_jobs j
        WHERE (j.id = sira_cancel_job.id OR j.parent_id = sira_cancel_job.id) AND j.status IN ('queued', 'running')
        ORDER BY j.parent_id NULLS FIRST, j.queued_at
    LOOP
        -- First, while the row says that it runs, and locks it: until this transaction ends the worker cannot go on to another job.
        PERFORM @extschema@.sira_job_interrupt(open.id);
        PERFORM @extschema@.sira_job_end(open.id, 'cancelled', error_message => reason);
        cancelled := cancelled + 1;
    END LOOP;
    RETURN cancelled;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_cancel_job(uuid, text) IS
    'Cancels a job and its steps that have not ended, interrupts the worker that is at it, and answers how many; the interruption stands even where this is rolled back. Example: SELECT sira_cancel_job(id) FROM sira_jobs WHERE kind = ''feature_pipeline'' AND parent_id IS NULL AND status = ''queued'';';
