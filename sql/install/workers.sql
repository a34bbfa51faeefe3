-- Background workers: started after a commit, counted, and watched. What they do with a job is in job_running.sql.

CREATE FUNCTION @extschema@.sira_wish_worker(role oid, always boolean) RETURNS boolean
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'sira_wish_worker_wrapper';
COMMENT ON FUNCTION @extschema@.sira_wish_worker(oid, boolean) IS
    'Has a background worker started for a role when this transaction commits; false where sira.background_jobs is off and always is not asked for. For sira_queue_job. Example: SELECT sira_wish_worker(''postgres''::regrole, false);';

CREATE FUNCTION @extschema@.sira_progress_open(id uuid) RETURNS void
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'sira_progress_open_wrapper';
COMMENT ON FUNCTION @extschema@.sira_progress_open(uuid) IS
    'Lets what runs until the end of this transaction report its progress as that of a job. For sira_job_work. Example: SELECT sira_progress_open(''01890a5d-ac96-774b-bcce-b302099a8057'');';

CREATE FUNCTION @extschema@.sira_live_progress(id uuid) RETURNS TABLE (progress jsonb, reported_at timestamptz)
LANGUAGE c VOLATILE STRICT ROWS 1 AS 'MODULE_PATHNAME', 'sira_live_progress_wrapper';
COMMENT ON FUNCTION @extschema@.sira_live_progress(uuid) IS
    'What the worker that is at a job has reported last, before it commits; no row where nothing was. Example: SELECT l.* FROM sira_jobs j, sira_live_progress(j.id) l WHERE j.status = ''running'';';

CREATE FUNCTION @extschema@.sira_collect_progress() RETURNS bigint
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'sira_collect_progress_wrapper';
COMMENT ON FUNCTION @extschema@.sira_collect_progress() IS
    'Removes the files of reports whose worker is gone and answers how many. Example: SELECT sira_collect_progress();';

-- A worker for each role that has something due in the tenants of whoever asks; what nobody could run any more has failed.
-- Workers log in as the roles themselves, so nothing runs here with other rights than its own.
CREATE FUNCTION @extschema@.sira_start_workers() RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    job @extschema@.sira_jobs;
    wanted record;
    started integer := 0;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
                   WHERE p.pronamespace = to_regnamespace('@extschema@') AND p.proname = 'sira_current_tenant'
                     AND l.lanname = 'c') THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = format('the extension is no longer in schema "%s"', (parse_ident('@extschema@'))[1]),
            HINT = 'ALTER SCHEMA ... RENAME TO @extschema@;';
    END IF;
    FOR job IN
        SELECT j.* FROM @extschema@.sira_jobs j LEFT JOIN pg_roles r ON r.rolname = j.queued_by
        WHERE j.status IN ('queued', 'running') AND j.kind IN (SELECT @extschema@.sira_job_kinds())
          AND @extschema@.sira_job_is_due(j) AND @extschema@.sira_session_serves(j.tenant_id)
          AND (r.oid IS NULL OR r.oid IS DISTINCT FROM j.queued_role
               OR NOT has_function_privilege(r.oid, '@extschema@.sira_job_take(text[])', 'EXECUTE'))
        FOR UPDATE OF j SKIP LOCKED
    LOOP
        PERFORM @extschema@.sira_job_note_end(job, 'failed', NULL, '42501', format(
            CASE WHEN EXISTS (SELECT 1 FROM pg_roles r WHERE r.oid = job.queued_role AND r.rolname = job.queued_by)
                 THEN 'role "%s" may not run jobs any more' ELSE 'role "%s", who queued it, does not exist any more' END, job.queued_by));
    END LOOP;
    FOR wanted IN
        SELECT r.oid FROM pg_roles r
        WHERE r.rolname <> SESSION_USER AND r.rolcanlogin AND EXISTS (
            SELECT 1 FROM @extschema@.sira_jobs j
            WHERE j.queued_by = r.rolname AND j.queued_role = r.oid AND j.status IN ('queued', 'running')
              AND j.kind IN (SELECT @extschema@.sira_job_kinds()) AND @extschema@.sira_job_is_due(j)
              AND @extschema@.sira_session_serves(j.tenant_id))
    LOOP
        started := started + @extschema@.sira_wish_worker(
            wanted.oid, (SELECT s.rolsuper FROM pg_roles s WHERE s.rolname = SESSION_USER))::integer;
    END LOOP;
    RETURN started;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_start_workers() IS
    'Has background workers started, when this transaction commits, for the other roles whose jobs are due, and answers how many; with sira.background_jobs off only a superuser''s call starts any. Roles that may not log in get none. Example: SELECT sira_start_workers();';

CREATE FUNCTION @extschema@.sira_start_worker() RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
                   WHERE p.pronamespace = to_regnamespace('@extschema@') AND p.proname = 'sira_current_tenant'
                     AND l.lanname = 'c') THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = format('the extension is no longer in schema "%s"', (parse_ident('@extschema@'))[1]),
            HINT = 'ALTER SCHEMA ... RENAME TO @extschema@;';
    END IF;
    RETURN (SELECT @extschema@.sira_wish_worker(r.oid, r.rolsuper) FROM pg_roles r WHERE r.rolname = SESSION_USER);
END
$$;
COMMENT ON FUNCTION @extschema@.sira_start_worker() IS
    'Has a background worker started, when this transaction commits, that runs the jobs of the role that logged in until none is left; false where sira.background_jobs is off. Example: SELECT sira_start_worker();';

-- Whether a worker that has just started may work, by its rank among those of the database that are at work. As the owner,
-- because others' sessions are not everybody's to see.
CREATE FUNCTION @extschema@.sira_worker_admitted() RETURNS boolean
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT count(*) < current_setting('sira.job_workers')::integer
    FROM pg_stat_activity a JOIN pg_stat_activity own ON own.pid = pg_backend_pid()
    WHERE a.backend_type = 'sira worker' AND a.datname = current_database() AND a.application_name <> 'sira worker leaving'
      AND (a.backend_start, a.pid) < (own.backend_start, own.pid)
$$;
COMMENT ON FUNCTION @extschema@.sira_worker_admitted() IS
    'Whether fewer workers than sira.job_workers were here before this one. For workers. Example: SELECT sira_worker_admitted();';

-- A worker that found nothing more says that it leaves, and looks again: whoever came meanwhile and found no room has gone.
CREATE FUNCTION @extschema@.sira_jobs_wait() RETURNS boolean
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    WITH due AS (
        SELECT j.id FROM @extschema@.sira_jobs j
        WHERE j.queued_by = SESSION_USER AND j.status IN ('queued', 'running') AND j.kind IN (SELECT @extschema@.sira_job_kinds())
          AND @extschema@.sira_job_is_due(j)
        LIMIT 1 FOR UPDATE SKIP LOCKED)
    SELECT EXISTS (SELECT 1 FROM due)
$$;
COMMENT ON FUNCTION @extschema@.sira_jobs_wait() IS
    'Whether a job of the role that logged in is there to be taken up now. Example: SELECT sira_jobs_wait();';

CREATE FUNCTION @extschema@.sira_delete_old_jobs(older_than interval DEFAULT '90 days') RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    deleted bigint;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
                   WHERE p.pronamespace = to_regnamespace('@extschema@') AND p.proname = 'sira_current_tenant'
                     AND l.lanname = 'c') THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = format('the extension is no longer in schema "%s"', (parse_ident('@extschema@'))[1]),
            HINT = 'ALTER SCHEMA ... RENAME TO @extschema@;';
    END IF;
    -- What failed last night is still to be looked at.
    IF coalesce(older_than < interval '1 day', true) THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'jobs of the last day are kept',
            DETAIL = format('older_than is %s.', coalesce(older_than::text, 'NULL')), HINT = 'SELECT sira_delete_old_jobs(''90 days'');';
    END IF;
    WITH old AS (
        SELECT j.id FROM @extschema@.sira_jobs j
        WHERE j.parent_id IS NULL AND j.status IN ('done', 'failed', 'cancelled')
          AND coalesce(j.finished_at, j.queued_at) < clock_timestamp() - older_than AND @extschema@.sira_session_serves(j.tenant_id))
    DELETE FROM @extschema@.sira_jobs j USING old WHERE j.id = old.id OR j.parent_id = old.id;
    GET DIAGNOSTICS deleted = ROW_COUNT;
    PERFORM @extschema@.sira_collect_progress();
    RETURN deleted;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_delete_old_jobs(interval) IS
    'Deletes jobs, and their steps, that ended longer ago than that, and answers how many rows. Example: SELECT sira_delete_old_jobs(''90 days'');';

CREATE VIEW @extschema@.sira_job_status AS
    SELECT j.id, j.kind, j.subject, j.step, j.status, j.queued_by, j.queued_at, j.started_at, j.finished_at, j.attempt, j.max_attempts,
           coalesce(l.progress, j.progress) AS progress, coalesce(l.reported_at, j.heartbeat_at) AS reported_at,
           j.result, j.error_sqlstate, j.error_message, j.parent_id, j.tenant_id
    FROM @extschema@.sira_jobs j
    LEFT JOIN LATERAL (SELECT p.progress, p.reported_at FROM @extschema@.sira_live_progress(j.id) p WHERE j.status = 'running') l ON true
    WHERE j.tenant_id = (SELECT @extschema@.sira_current_tenant());
COMMENT ON VIEW @extschema@.sira_job_status IS 'jobs, with what the worker that is at one has reported last, before it commits';
COMMENT ON COLUMN @extschema@.sira_job_status.id IS 'identity of the job';
COMMENT ON COLUMN @extschema@.sira_job_status.kind IS 'what is done';
COMMENT ON COLUMN @extschema@.sira_job_status.subject IS 'to what';
COMMENT ON COLUMN @extschema@.sira_job_status.step IS 'the step of the parent job; NULL for a job as a whole';
COMMENT ON COLUMN @extschema@.sira_job_status.status IS 'queued, running, done, failed or cancelled';
COMMENT ON COLUMN @extschema@.sira_job_status.queued_by IS 'who asked for it, and with whose rights it runs';
COMMENT ON COLUMN @extschema@.sira_job_status.queued_at IS 'when it was asked for';
COMMENT ON COLUMN @extschema@.sira_job_status.started_at IS 'when work on it began first';
COMMENT ON COLUMN @extschema@.sira_job_status.finished_at IS 'when it ended, or failed last';
COMMENT ON COLUMN @extschema@.sira_job_status.attempt IS 'how often it was begun';
COMMENT ON COLUMN @extschema@.sira_job_status.max_attempts IS 'how often it may be';
COMMENT ON COLUMN @extschema@.sira_job_status.progress IS 'how far it is: of a training the phase, the round of how many and the metric';
COMMENT ON COLUMN @extschema@.sira_job_status.reported_at IS 'when it was that far';
COMMENT ON COLUMN @extschema@.sira_job_status.result IS 'what came of it';
COMMENT ON COLUMN @extschema@.sira_job_status.error_sqlstate IS 'SQLSTATE of the last failure';
COMMENT ON COLUMN @extschema@.sira_job_status.error_message IS 'its message';
COMMENT ON COLUMN @extschema@.sira_job_status.parent_id IS 'the job whose step it is';
COMMENT ON COLUMN @extschema@.sira_job_status.tenant_id IS 'the tenant it works for';
DO $view$
BEGIN
    EXECUTE pg_catalog.format('ALTER VIEW @extschema@.sira_job_status SET (%s)',
        CASE WHEN pg_catalog.current_setting('server_version_num')::integer >= 150000 THEN 'security_invoker' ELSE 'security_barrier' END);
END
$view$;
GRANT SELECT ON @extschema@.sira_job_status TO sira_admin, sira_auditor;
