-- Jobs run by themselves: by a background worker that starts after the commit of what queued them, or by CALL sira_run_jobs()
-- from any scheduler. Both log in as the role that queued, so a job can do what that role can do and nothing else; nothing of a
-- row is ever executed as SQL except by the functions of the library, which read a query as their caller.
--
-- A job passes through two transactions. The first marks it as running and takes a session's advisory lock of its id; the
-- second does the work and notes how it ended, so that a registered version without its job's end, or the other way round,
-- cannot be. The lock goes over to the second transaction and ends with it, however it ends: a job that says running while
-- nobody has its lock has lost its worker. Ids are random, so that nobody holds the lock of a job that they cannot see.

CREATE FUNCTION @extschema@.sira_job_key(id uuid) RETURNS bigint
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$ SELECT hashtextextended(id::text, 11) $$;
COMMENT ON FUNCTION @extschema@.sira_job_key(uuid) IS
    'The advisory lock that whoever is at a job holds. Example: SELECT sira_job_key(id) FROM sira_jobs WHERE status = ''running'';';

-- The process that holds a job's lock, whatever the row says.
CREATE FUNCTION @extschema@.sira_job_worker(id uuid) RETURNS integer
LANGUAGE sql VOLATILE STRICT SET search_path = pg_catalog, pg_temp
AS $$
    SELECT l.pid FROM pg_locks l
    WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted
      AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
      AND l.classid = (@extschema@.sira_job_key(id) >> 32 & 4294967295)::oid
      AND l.objid = (@extschema@.sira_job_key(id) & 4294967295)::oid
    LIMIT 1
$$;
COMMENT ON FUNCTION @extschema@.sira_job_worker(uuid) IS
    'The backend that is at a job of a worker''s kind; NULL where none is. Example: SELECT id, sira_job_worker(id) FROM sira_jobs WHERE status = ''running'';';

-- Whether a worker should take a job up now: it waits, its time to be retried has come, or its worker is gone.
CREATE FUNCTION @extschema@.sira_job_is_due(job @extschema@.sira_jobs) RETURNS boolean
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT (job).parent_id IS NULL AND (job).step IS NULL AND CASE (job).status
        WHEN 'queued' THEN coalesce((job).finished_at + (job).retry_after <= clock_timestamp(), true)
        WHEN 'running' THEN @extschema@.sira_job_worker((job).id) IS NULL
        ELSE false END
$$;
COMMENT ON FUNCTION @extschema@.sira_job_is_due(@extschema@.sira_jobs) IS
    'Whether a job of a worker''s kind is there to be taken up now. Example: SELECT id FROM sira_jobs j WHERE sira_job_is_due(j);';

-- What becomes of a job that failed, was interrupted, or is given up; told to those who listen.
CREATE FUNCTION @extschema@.sira_job_note_end(job @extschema@.sira_jobs, ended text, result jsonb, state text, message text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE @extschema@.sira_jobs j
    SET status = ended, finished_at = clock_timestamp(), heartbeat_at = clock_timestamp(), result = sira_job_note_end.result,
        error_sqlstate = state, error_message = message
    WHERE j.id = job.id;
    IF ended IN ('queued', 'failed') THEN
        PERFORM pg_notify('sira_alerts', jsonb_build_object(
            'alert_type', 'job_failed', 'job_id', job.id, 'kind', job.kind, 'subject', left(job.subject, 200), 'sqlstate', state,
            'message', left(message, 1000), 'attempt', job.attempt, 'max_attempts', job.max_attempts, 'final', ended = 'failed',
            'retry_at', CASE WHEN ended = 'queued' THEN clock_timestamp() + job.retry_after END)::text);
    END IF;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_job_note_end(@extschema@.sira_jobs, text, jsonb, text, text) IS
    'Writes down how a job ended and notifies sira_alerts of a failure. For the functions that run jobs. Example: SELECT sira_job_note_end(j, ''failed'', NULL, ''57P02'', ''its worker is gone'') FROM sira_jobs j WHERE j.status = ''running'';';

-- The next job of the role that logged in, marked as running here; NULL where there is none. It runs as the owner because
-- nobody else writes the table, and asks session_user throughout.
CREATE FUNCTION @extschema@.sira_job_take_by_owner(kinds text[]) RETURNS uuid
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    job @extschema@.sira_jobs;
    seen uuid[] := '{}';
    role oid;
    refusal text;
    state text;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
                   WHERE p.pronamespace = to_regnamespace('@extschema@') AND p.proname = 'sira_current_tenant'
                     AND l.lanname = 'c') THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = format('the extension is no longer in schema "%s"', (parse_ident('@extschema@'))[1]),
            HINT = 'ALTER SCHEMA ... RENAME TO @extschema@;';
    END IF;
    SELECT r.oid INTO role FROM pg_roles r WHERE r.rolname = SESSION_USER;
    LOOP
        SELECT j.* INTO job FROM @extschema@.sira_jobs j
        WHERE j.queued_by = SESSION_USER AND j.status IN ('queued', 'running') AND j.id <> ALL (seen)
          AND j.kind IN (SELECT @extschema@.sira_job_kinds())
          AND (sira_job_take_by_owner.kinds IS NULL OR j.kind = ANY (sira_job_take_by_owner.kinds)) AND @extschema@.sira_job_is_due(j)
        ORDER BY j.queued_at, j.id LIMIT 1
        FOR UPDATE SKIP LOCKED;
        IF NOT FOUND THEN
            RETURN NULL;
        END IF;
        seen := seen || job.id;
        -- Its last worker may be about to end it.
        CONTINUE WHEN NOT pg_try_advisory_lock(@extschema@.sira_job_key(job.id));
        refusal := NULL;
        IF job.queued_role IS DISTINCT FROM role THEN
            state := '42501';
            refusal := format('it was queued by another role that bore the name "%s"', job.queued_by);
        ELSIF NOT @extschema@.sira_session_serves(job.tenant_id) THEN
            state := '42501';
            refusal := format('role "%s" belongs to tenant "%s" no more', job.queued_by, job.tenant_id);
        ELSIF coalesce(clock_timestamp() > coalesce(job.started_at, job.queued_at) + job.deadline, false) THEN
            state := '57014';
            refusal := format('given up after %s', job.deadline);
        ELSIF job.status = 'running' AND job.attempt >= job.max_attempts THEN
            state := '57P02';
            refusal := format('its worker is gone; it was attempt %s of %s', job.attempt, job.max_attempts);
        END IF;
        IF refusal IS NOT NULL THEN
            PERFORM @extschema@.sira_job_note_end(job, 'failed', NULL, state, refusal);
            PERFORM pg_advisory_unlock(@extschema@.sira_job_key(job.id));
            CONTINUE;
        END IF;
        UPDATE @extschema@.sira_jobs j
        SET status = 'running', started_at = coalesce(j.started_at, clock_timestamp()), finished_at = NULL, attempt = j.attempt + 1,
            heartbeat_at = clock_timestamp(), worker_pid = pg_backend_pid(), progress = NULL
        WHERE j.id = job.id;
        RETURN job.id;
    END LOOP;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_job_take_by_owner(text[]) IS
    'The function behind sira_job_take, for the library alone. Example: SELECT sira_job_take_by_owner(''{train}'');';

CREATE FUNCTION @extschema@.sira_job_take(kinds text[] DEFAULT NULL) RETURNS uuid
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'sira_by_own_hand';
COMMENT ON FUNCTION @extschema@.sira_job_take(text[]) IS
    'Marks the next job of the role that logged in as running in this session and answers its id; commit, then sira_job_work. For sira_run_jobs. Example: SELECT sira_job_take(''{train}'');';

-- What is to be done, once the lock has gone over to this transaction and reports go to the job's file. No row is locked: who
-- cancels must not wait for the work.
CREATE FUNCTION @extschema@.sira_job_open(id uuid) RETURNS @extschema@.sira_jobs
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
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
    SELECT j.* INTO job FROM @extschema@.sira_jobs j
    WHERE j.id = sira_job_open.id AND j.queued_by = SESSION_USER AND j.status = 'running' AND j.worker_pid = pg_backend_pid()
      AND j.kind IN (SELECT @extschema@.sira_job_kinds());
    IF NOT FOUND OR NOT pg_try_advisory_xact_lock(@extschema@.sira_job_key(job.id)) THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = format('job %s was not taken up by this session', coalesce(id::text, 'NULL')), HINT = 'CALL sira_run_jobs();';
    END IF;
    PERFORM pg_advisory_unlock(@extschema@.sira_job_key(job.id));
    PERFORM @extschema@.sira_progress_open(job.id);
    RETURN job;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_job_open(uuid) IS
    'The job that this session has taken up, to be worked on until the transaction ends. For sira_job_work. Example: SELECT kind FROM sira_job_open(''01890a5d-ac96-774b-bcce-b302099a8057'');';

-- A job is nobody's but the role's that logged in: not in the name of another role, nor of another tenant.
CREATE FUNCTION @extschema@.sira_job_admit(tenant text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF CURRENT_USER <> SESSION_USER THEN
        RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = format('jobs of "%s" are not run as "%s"', SESSION_USER, CURRENT_USER),
            HINT = 'RESET ROLE;';
    END IF;
    IF tenant IS DISTINCT FROM @extschema@.sira_current_tenant() THEN
        RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
            MESSAGE = format('role "%s" works for tenant "%s" only by SET ROLE, which no job can do', SESSION_USER, tenant),
            HINT = 'Let it inherit from the role that is listed, or list it in sira_tenant_members.';
    END IF;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_job_admit(text) IS
    'Refuses to work for a tenant that is not the session''s, or under another role than the one that logged in. Example: SELECT sira_job_admit(sira_current_tenant());';

-- How it ended, in the transaction that did the work. A job that was cancelled meanwhile must not have been done: the error
-- takes the work back.
CREATE FUNCTION @extschema@.sira_job_close(id uuid, result jsonb, state text, message text, detail text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    job @extschema@.sira_jobs;
    ended text;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
                   WHERE p.pronamespace = to_regnamespace('@extschema@') AND p.proname = 'sira_current_tenant'
                     AND l.lanname = 'c') THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = format('the extension is no longer in schema "%s"', (parse_ident('@extschema@'))[1]),
            HINT = 'ALTER SCHEMA ... RENAME TO @extschema@;';
    END IF;
    -- Waits for whoever is about to cancel it.
    SELECT j.* INTO job FROM @extschema@.sira_jobs j WHERE j.id = sira_job_close.id AND j.queued_by = SESSION_USER FOR UPDATE;
    IF NOT FOUND OR job.status <> 'running' OR job.worker_pid <> pg_backend_pid() THEN
        IF state IS NULL THEN
            RAISE EXCEPTION USING ERRCODE = 'query_canceled', MESSAGE = format('job %s was taken from its worker', coalesce(id::text, 'NULL')),
                DETAIL = format('It is %s.', coalesce(job.status, 'gone'));
        END IF;
        RETURN coalesce(job.status, 'gone');
    END IF;
    ended := CASE
        WHEN state IS NULL THEN 'done'
        WHEN state = '57014' THEN 'cancelled'
        WHEN job.attempt < job.max_attempts AND coalesce(clock_timestamp() < job.started_at + job.deadline, true) THEN 'queued'
        ELSE 'failed' END;
    PERFORM @extschema@.sira_job_note_end(job, ended, result, state,
        nullif(concat_ws(' ', message, '(' || nullif(detail, '') || ')'), ''));
    RETURN CASE ended WHEN 'cancelled' THEN 'interrupted' ELSE ended END;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_job_close(uuid, jsonb, text, text, text) IS
    'Writes down how a job that this session works on has ended: done, failed, queued (to be tried again), interrupted, or cancelled by another session. For sira_job_work. Example: SELECT sira_job_close(''01890a5d-ac96-774b-bcce-b302099a8057'', ''{"rows": 1}'', NULL, NULL, NULL);';

-- The work, as the role that logged in; whatever fails in it is the job's failure and not this call's.
CREATE FUNCTION @extschema@.sira_job_work(id uuid) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    job @extschema@.sira_jobs := @extschema@.sira_job_open(id);
    answer pg_catalog.jsonb;
    state pg_catalog.text;
    message pg_catalog.text;
    detail pg_catalog.text;
BEGIN
    BEGIN
        PERFORM pg_catalog.set_config('sira.tenant', job.tenant_id, true);
        PERFORM @extschema@.sira_job_admit(job.tenant_id);
        PERFORM pg_catalog.set_config('search_path', job.search_path, true);
        EXECUTE pg_catalog.format('SELECT @extschema@.%I($1)', pg_catalog.concat('sira_do_', job.kind)) INTO answer USING job.arguments;
    EXCEPTION WHEN query_canceled OR assert_failure OR OTHERS THEN
        GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
    END;
    RETURN @extschema@.sira_job_close(id, answer, state, message, detail);
END
$$;
COMMENT ON FUNCTION @extschema@.sira_job_work(uuid) IS
    'Does the job that this session has taken up, in the transaction after sira_job_take, and answers how it ended. For sira_run_jobs. Example: SELECT sira_job_work(''01890a5d-ac96-774b-bcce-b302099a8057'');';

-- Interrupts the backend that is at a job. As the owner, because it may be another role's; only for who may cancel the job, and
-- only the process that holds the job's lock. The claim locks the row, and no worker ends a job without it: until this
-- transaction ends the process is at this job and no other.
CREATE FUNCTION @extschema@.sira_job_interrupt(id uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
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
    IF job.status = 'running' AND job.worker_pid <> pg_backend_pid() AND job.worker_pid = @extschema@.sira_job_worker(job.id) THEN
        RETURN pg_cancel_backend(job.worker_pid);
    END IF;
    RETURN false;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_job_interrupt(uuid) IS
    'Interrupts the worker that is at a job; false where none is. For sira_cancel_job. Example: SELECT sira_job_interrupt(''01890a5d-ac96-774b-bcce-b302099a8057'');';

-- Only for the role itself: what an administrator could have run again, after changing what it reads, would do their will with
-- its rights.
CREATE FUNCTION @extschema@.sira_retry_job_by_owner(id uuid) RETURNS uuid
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
            HINT = 'Queue one of your own, or have that role retry it.';
    END IF;
    IF job.status NOT IN ('failed', 'cancelled') OR job.parent_id IS NOT NULL OR job.kind NOT IN (SELECT @extschema@.sira_job_kinds()) THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = format('job %s cannot be retried', id),
            DETAIL = format('It is %s, of kind "%s"%s.', job.status, job.kind, CASE WHEN job.parent_id IS NOT NULL THEN ', and a step of another' ELSE '' END),
            HINT = 'SELECT id, kind, status FROM sira_jobs WHERE status IN (''failed'', ''cancelled'') AND parent_id IS NULL;';
    END IF;
    UPDATE @extschema@.sira_jobs j
    SET status = 'queued', started_at = NULL, finished_at = NULL, max_attempts = greatest(j.max_attempts, j.attempt + 1),
        error_sqlstate = NULL, error_message = NULL, progress = NULL,
        queued_role = (SELECT r.oid FROM pg_roles r WHERE r.rolname = SESSION_USER)
    WHERE j.id = job.id;
    PERFORM @extschema@.sira_wish_worker(r.oid, false) FROM pg_roles r WHERE r.rolname = SESSION_USER;
    RETURN job.id;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_retry_job_by_owner(uuid) IS
    'The function behind sira_retry_job, for the library alone. Example: SELECT sira_retry_job_by_owner(''01890a5d-ac96-774b-bcce-b302099a8057'');';

CREATE FUNCTION @extschema@.sira_retry_job(id uuid) RETURNS uuid
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'sira_by_own_hand';
COMMENT ON FUNCTION @extschema@.sira_retry_job(uuid) IS
    'Queues a job of one''s own again that failed or was cancelled. Example: SELECT sira_retry_job(id) FROM sira_jobs WHERE status = ''failed'' AND kind = ''train'';';

-- What is asked before any job is taken up.
CREATE FUNCTION @extschema@.sira_jobs_ready(kinds text[], max_jobs integer) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    wrong text;
BEGIN
    IF pg_is_in_recovery() THEN
        RAISE EXCEPTION USING ERRCODE = 'read_only_sql_transaction', MESSAGE = 'a standby runs no jobs', HINT = 'CALL sira_run_jobs() on the primary.';
    END IF;
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_transaction_state',
            MESSAGE = format('jobs do not run under isolation level %s', current_setting('transaction_isolation')),
            DETAIL = 'Each step must see what was committed before it.', HINT = 'SET default_transaction_isolation = ''read committed'';';
    END IF;
    IF CURRENT_USER <> SESSION_USER THEN
        RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = format('jobs of "%s" are not run as "%s"', SESSION_USER, CURRENT_USER),
            HINT = 'RESET ROLE;';
    END IF;
    SELECT k INTO wrong FROM unnest(kinds) k WHERE k IS NULL OR k NOT IN (SELECT @extschema@.sira_job_kinds()) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('no worker runs jobs of kind "%s"', coalesce(wrong, 'NULL')),
            HINT = format('Workers run %s.', (SELECT string_agg(k, ', ') FROM @extschema@.sira_job_kinds() k));
    END IF;
    IF max_jobs < 0 THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'max_jobs is negative', HINT = 'Give NULL for all.';
    END IF;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_jobs_ready(text[], integer) IS
    'Refuses to run jobs where they cannot be run. For sira_run_jobs. Example: SELECT sira_jobs_ready(''{train}'', 1);';

-- It commits, so it is a plain procedure of the invoker without a SET clause; what it does is in functions that have one.
CREATE PROCEDURE @extschema@.sira_run_jobs(kinds text[] DEFAULT NULL, max_jobs integer DEFAULT NULL)
LANGUAGE plpgsql AS $$
DECLARE
    job pg_catalog.uuid;
    ended pg_catalog.text;
    done pg_catalog.int4 := 0;
BEGIN
    PERFORM @extschema@.sira_jobs_ready(kinds, max_jobs);
    WHILE max_jobs IS NULL OR done OPERATOR(pg_catalog.<) max_jobs LOOP
        job := @extschema@.sira_job_take(kinds);
        COMMIT;
        EXIT WHEN job IS NULL;
        ended := @extschema@.sira_job_work(job);
        COMMIT;
        -- Not by sira_cancel_job: whoever interrupts this session, or its timeout, means all of it.
        IF ended OPERATOR(pg_catalog.=) 'interrupted' THEN
            RAISE EXCEPTION USING ERRCODE = 'query_canceled', MESSAGE = pg_catalog.format('interrupted while job %s ran, which is cancelled', job),
                HINT = pg_catalog.format('SELECT sira_retry_job(%L);', job);
        END IF;
        done := done OPERATOR(pg_catalog.+) 1;
    END LOOP;
    PERFORM @extschema@.sira_start_workers();
    COMMIT;
END
$$;
COMMENT ON PROCEDURE @extschema@.sira_run_jobs(text[], integer) IS
    'Runs the jobs that the role that logged in has queued, one after the other, until none is left: of all kinds or those named, at most max_jobs. A job whose worker is gone is taken up again, or has failed where it may not. For jobs of other roles it starts background workers that log in as those roles. Call it from any scheduler. Example: CALL sira_run_jobs();';
