//! Jobs: run after the commit, by a worker that is the role that queued them and nobody else, once, and to be watched.

use super::standby::caught_up;
use postgres::Client;
use sira_outside::{Database, Outcome, refused};
use std::thread;
use std::time::{Duration, Instant};

/// How long a worker may take to start and to do a small job: the machine that tests may be busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// A model and rows to train on.
fn world() -> Outcome<(Database, Client)> {
    let database = Database::with_sira()?;
    let mut session = database.session()?;
    session.batch_execute(
        "SELECT sira_create_model('m', 'fraud_detection');
         CREATE TABLE t AS SELECT i % 1009 AS a, i % 17 AS b, i % 1009 > 500 AS bad FROM generate_series(1, 3000) AS i;
         GRANT SELECT ON t TO PUBLIC; GRANT CREATE ON SCHEMA public TO PUBLIC",
    )?;
    Ok((database, session))
}

/// A role of this test alone that may log in and run jobs, and a session of it.
fn person(database: &Database, superuser: &mut Client, name: &str) -> Outcome<(String, Client)> {
    let role = format!("{}_{name}", database.name());
    superuser.batch_execute(&format!("CREATE ROLE {role} LOGIN IN ROLE sira_admin"))?;
    let session = database.login(&role)?;
    Ok((role, session))
}

fn drop_roles(database: Database, mut superuser: Client, roles: &[&str]) -> Outcome {
    for role in roles {
        superuser.batch_execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}"))?;
    }
    drop((superuser, database));
    Ok(())
}

/// Queues a training and gives the job's id.
fn queue(session: &mut Client, query: &str, rounds: u32, more: &str) -> Outcome<String> {
    let statement = format!(
        "SELECT sira_queue_job('train', 'm', jsonb_build_object('query', $1::text, 'label', 'bad',
             'split', '{{\"method\": \"random\"}}'::jsonb,
             'params', '{{\"num_iterations\": {rounds}, \"early_stopping_rounds\": 0}}'::jsonb){more})::text"
    );
    Ok(session.query_one(&statement, &[&query])?.get(0))
}

/// Status, attempt and message of a job.
fn state(session: &mut Client, job: &str) -> Outcome<(String, i32, String)> {
    let row = session.query_one(
        "SELECT status, attempt, concat_ws(' ', error_sqlstate, error_message) FROM sira_job_status WHERE id::text = $1",
        &[&job],
    )?;
    Ok((row.get(0), row.get(1), row.get(2)))
}

/// Waits until a job has the status.
fn until(session: &mut Client, job: &str, status: &str) -> Outcome {
    let began = Instant::now();
    loop {
        let now = state(session, job)?;
        if now.0 == status {
            return Ok(());
        }
        if began.elapsed() > PATIENCE || matches!(now.0.as_str(), "done" | "failed" | "cancelled") {
            return Err(format!("{status} was expected of the job: {now:?}").into());
        }
        thread::sleep(Duration::from_millis(30));
    }
}

fn number(session: &mut Client, query: &str) -> Outcome<i64> {
    Ok(session.query_one(query, &[])?.get(0))
}

#[test]
fn a_queued_job_is_run_with_the_rights_of_its_role() -> Outcome {
    let (database, mut superuser) = world()?;
    let (role, mut session) = person(&database, &mut superuser, "ann")?;
    // Rows that only this role sees as itself, under the name that its search_path finds.
    superuser.batch_execute(&format!(
        "CREATE SCHEMA own AUTHORIZATION {role}; CREATE TABLE secret AS SELECT * FROM t;
         CREATE VIEW own.mine AS SELECT * FROM public.t WHERE '{role}' = session_user AND '{role}' = current_user;
         ALTER VIEW own.mine OWNER TO {role}"
    ))?;
    session.batch_execute("SET search_path = own, public")?;
    let job = queue(&mut session, "SELECT * FROM mine", 5, "")?;
    until(&mut session, &job, "done")?;
    let row = session.query_one(
        "SELECT queued_by, attempt, result ->> 'version', j.result ->> 'run_id' = r.id::text
         FROM sira_jobs j, sira_training_runs r WHERE j.id::text = $1",
        &[&job],
    )?;
    assert_eq!((row.get::<_, String>(0), row.get::<_, i32>(1)), (role.clone(), 1));
    assert_eq!((row.get::<_, String>(2), row.get::<_, bool>(3)), ("1".to_owned(), true));
    // What the role may not do, its job may not: said in the row, and tried again when it is asked for.
    let job = queue(&mut session, "SELECT * FROM secret", 5, "")?;
    until(&mut session, &job, "failed")?;
    assert_eq!(state(&mut session, &job)?.2, "42501 permission denied for table secret");
    let row = session
        .query_one("SELECT status, detail FROM sira_doctor() WHERE check_name = 'failed jobs'", &[])?;
    assert_eq!(row.get::<_, &str>(0), "look");
    assert!(row.get::<_, &str>(1).contains("permission denied for table secret"));
    superuser.batch_execute(&format!("GRANT SELECT ON secret TO {role}"))?;
    session.query("SELECT sira_retry_job($1::text::uuid)", &[&job])?;
    until(&mut session, &job, "done")?;
    assert_eq!(state(&mut session, &job)?.1, 2);
    // Nobody becomes somebody else: not in the query, which is read by the role that logged in.
    let job = queue(
        &mut session,
        "SELECT t.* FROM t, set_config('session_authorization', 'postgres', false)",
        5,
        "",
    )?;
    until(&mut session, &job, "failed")?;
    assert_eq!(number(&mut superuser, "SELECT count(*) FROM sira_model_versions")?, 2);
    drop(session);
    drop_roles(database, superuser, &[&role])
}

#[test]
fn progress_is_seen_while_it_runs_and_a_cancel_leaves_nothing() -> Outcome {
    let (database, mut superuser) = world()?;
    let (role, mut session) = person(&database, &mut superuser, "bob")?;
    let job = queue(&mut session, "SELECT * FROM t", 50_000, "")?;
    let rounds = |session: &mut Client| -> Outcome<Option<i32>> {
        let row = session.query_one(
            "SELECT (progress ->> 'round')::integer FROM sira_job_status
             WHERE id::text = $1 AND (progress ->> 'metric' IS NOT NULL OR progress ->> 'round' IS NULL)",
            &[&job],
        )?;
        Ok(row.get(0))
    };
    let began = Instant::now();
    let mut seen = Vec::new();
    while seen.len() < 3 {
        if let Some(round) = rounds(&mut superuser)?
            && seen.last().is_none_or(|last| round > *last)
        {
            seen.push(round);
        }
        assert!(began.elapsed() < PATIENCE, "rounds {seen:?}");
        thread::sleep(Duration::from_millis(20));
    }
    // The transaction that says so has not committed.
    assert_eq!(number(&mut superuser, "SELECT count(*) FROM sira_jobs WHERE progress IS NOT NULL")?, 0);
    let asked = Instant::now();
    assert_eq!(number(&mut session, "SELECT sira_cancel_job(id, 'enough')::bigint FROM sira_jobs")?, 1);
    while number(&mut superuser, "SELECT count(*) FROM sira_jobs j WHERE sira_job_worker(j.id) IS NOT NULL")?
        > 0
    {
        assert!(asked.elapsed() < Duration::from_secs(10), "the worker goes on");
        thread::sleep(Duration::from_millis(20));
    }
    println!("cancelled: the worker had stopped after {} ms", asked.elapsed().as_millis());
    let (status, _, message) = state(&mut session, &job)?;
    assert_eq!((status.as_str(), message.as_str()), ("cancelled", "enough"));
    assert_eq!(number(&mut superuser, "SELECT count(*) FROM sira_model_versions")?, 0);
    assert_eq!(number(&mut superuser, "SELECT count(*) FROM sira_jobs j, sira_live_progress(j.id)")?, 0);
    // And again from the beginning.
    session.query("SELECT sira_retry_job($1::text::uuid)", &[&job])?;
    until(&mut session, &job, "running")?;
    session.query("SELECT sira_cancel_job($1::text::uuid)", &[&job])?;
    until(&mut session, &job, "cancelled")?;
    drop(session);
    let began = Instant::now();
    while number(
        &mut superuser,
        "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'sira worker' AND datname = current_database()",
    )? > 0
    {
        assert!(began.elapsed() < PATIENCE, "a worker stays");
        thread::sleep(Duration::from_millis(50));
    }
    drop_roles(database, superuser, &[&role])
}

#[test]
fn what_is_rolled_back_starts_no_worker() -> Outcome {
    let (_database, mut session) = world()?;
    session.batch_execute("SET sira.background_jobs = off")?;
    let waiting = queue(&mut session, "SELECT * FROM t", 5, "")?;
    session.batch_execute("SET sira.background_jobs = on")?;
    let job = "SELECT sira_queue_job('train', 'm', '{\"query\": \"SELECT * FROM t\", \"label\": \"bad\"}')";
    session.batch_execute(&format!("BEGIN; {job}; ROLLBACK"))?;
    session.batch_execute(&format!("BEGIN; SAVEPOINT s; {job}; ROLLBACK TO s; COMMIT"))?;
    session.batch_execute(&format!(
        "BEGIN; SAVEPOINT s; SAVEPOINT u; {job}; RELEASE u; ROLLBACK TO s; COMMIT"
    ))?;
    // Any worker would have done what waits.
    thread::sleep(Duration::from_secs(2));
    assert_eq!(state(&mut session, &waiting)?.0, "queued");
    assert_eq!(number(&mut session, "SELECT count(*) FROM sira_jobs")?, 1);
    session.batch_execute("BEGIN; SAVEPOINT s; SELECT sira_start_worker(); RELEASE s; COMMIT")?;
    until(&mut session, &waiting, "done")
}

#[test]
fn two_runners_share_the_jobs_and_do_none_twice() -> Outcome {
    let (database, mut session) = world()?;
    session.batch_execute("SET sira.background_jobs = off")?;
    for _ in 0..12 {
        queue(&mut session, "SELECT * FROM t", 5, "")?;
    }
    let runners: Vec<_> = (0..3)
        .map(|_| {
            let mut runner = database.session()?;
            Ok(thread::spawn(move || runner.batch_execute("CALL sira_run_jobs()")))
        })
        .collect::<Outcome<_>>()?;
    for runner in runners {
        runner.join().map_err(|_| "a runner panicked")??;
    }
    let row = session.query_one(
        "SELECT count(*) FILTER (WHERE status = 'done' AND attempt = 1), count(DISTINCT result ->> 'run_id'), count(*),
                count(DISTINCT worker_pid) FROM sira_jobs",
        &[],
    )?;
    assert_eq!([0, 1, 2].map(|column| row.get::<_, i64>(column)), [12, 12, 12]);
    println!("12 jobs were done by {} sessions", row.get::<_, i64>(3));
    assert_eq!(number(&mut session, "SELECT count(*) FROM sira_model_versions")?, 12);
    // At most so many, of these kinds.
    queue(&mut session, "SELECT * FROM t", 5, "")?;
    queue(&mut session, "SELECT * FROM t", 5, "")?;
    session.batch_execute("CALL sira_run_jobs('{train}', 1)")?;
    assert_eq!(number(&mut session, "SELECT count(*) FROM sira_jobs WHERE status = 'queued'")?, 1);
    refused(session.batch_execute("CALL sira_run_jobs('{magic}')"), "22023")
}

#[test]
fn a_failing_job_is_tried_as_often_as_it_may_be() -> Outcome {
    let (database, mut session) = world()?;
    session.batch_execute("SET sira.background_jobs = off")?;
    let job = queue(&mut session, "SELECT 1/0 AS bad", 5, ", max_attempts => 2, retry_after => '0'")?;
    let later = queue(&mut session, "SELECT 1/0 AS bad", 5, ", max_attempts => 2, retry_after => '1 hour'")?;
    session.batch_execute("CALL sira_run_jobs()")?;
    let told = (2, "22012 division by zero".to_owned());
    let (status, attempt, message) = state(&mut session, &job)?;
    assert_eq!((status.as_str(), (attempt, message)), ("failed", told));
    assert_eq!(state(&mut session, &later)?.0, "queued");
    // An interrupt means the session: the job is cancelled, the next one waits.
    session.batch_execute("TRUNCATE sira_jobs")?;
    let job = queue(&mut session, "SELECT t.* FROM t, pg_sleep(60)", 5, "")?;
    let next = queue(&mut session, "SELECT * FROM t", 5, "")?;
    let mut runner = database.session()?;
    runner.batch_execute("SET statement_timeout = '5s'")?;
    refused(runner.batch_execute("CALL sira_run_jobs()"), "57014")?;
    let (status, _, message) = state(&mut session, &job)?;
    assert_eq!(
        (status.as_str(), message.as_str()),
        ("cancelled", "57014 canceling statement due to statement timeout")
    );
    assert_eq!(state(&mut session, &next)?.0, "queued");
    // The session that was interrupted holds nothing.
    session.batch_execute("CALL sira_run_jobs()")?;
    assert_eq!(state(&mut session, &next)?.0, "done");
    assert_eq!(
        number(&mut session, "SELECT count(*) FROM sira_jobs j WHERE sira_job_worker(j.id) IS NOT NULL")?,
        0
    );
    Ok(())
}

#[test]
fn arguments_are_checked_when_a_job_is_queued() -> Outcome {
    let (_database, mut session) = world()?;
    for wrong in [
        "'[]'",
        "'{\"label\": \"bad\"}'",
        "'{\"query\": null, \"label\": \"bad\"}'",
        "'{\"query\": \"TABLE t\", \"label\": \"bad\", \"speed\": 1}'",
        "'{\"query\": \"TABLE t\", \"label\": \"bad\", \"seed\": \"many\"}'",
        "'{\"query\": \"TABLE t\", \"label\": \"bad\", \"embargo\": \"long\"}'",
    ] {
        let outcome = session.batch_execute(&format!("SELECT sira_queue_job('train', 'm', {wrong})"));
        let code = outcome.as_ref().err().and_then(|error| error.code().map(|code| code.code().to_owned()));
        assert!(
            matches!(code.as_deref(), Some("22023" | "22004" | "22P02" | "22007")),
            "{wrong}: {outcome:?}"
        );
    }
    // What stands in an argument is a value and nothing else.
    session.batch_execute(
        "SET sira.background_jobs = off;
         SELECT sira_queue_job('train', 'm', '{\"query\": \"TABLE t\", \"label\": \"bad\", \"notes\": \"''); DROP TABLE t; --\",
             \"exclude\": [\"b\"], \"split\": {\"method\": \"random\"}, \"params\": {\"num_iterations\": 5}}')",
    )?;
    session.batch_execute("CALL sira_run_jobs()")?;
    let row = session.query_one(
        "SELECT status, error_message, (SELECT notes FROM sira_training_runs) FROM sira_jobs",
        &[],
    )?;
    assert_eq!(row.get::<_, &str>(0), "done", "{:?}", row.get::<_, Option<&str>>(1));
    assert_eq!(row.get::<_, &str>(2), "'); DROP TABLE t; --");
    Ok(())
}

#[test]
fn nobody_runs_ends_or_repeats_the_job_of_another() -> Outcome {
    let (database, mut superuser) = world()?;
    let (ann, mut one) = person(&database, &mut superuser, "ann")?;
    let (bob, mut other) = person(&database, &mut superuser, "bob")?;
    superuser.batch_execute(&format!(
        "ALTER ROLE {ann} SET sira.background_jobs = off; ALTER ROLE {bob} SET sira.background_jobs = off; GRANT {ann} TO {bob}"
    ))?;
    one = {
        drop(one);
        database.login(&ann)?
    };
    other = {
        drop(other);
        database.login(&bob)?
    };
    let job = queue(&mut one, "SELECT * FROM t", 5, "")?;
    let with = |call: &str| format!("SELECT {call}").replace("JOB", &format!("'{job}'"));
    for (call, code) in [
        ("sira_job_begin(JOB)", "42501"),
        ("sira_job_beat(JOB, '{\"rows\": 1}')", "42501"),
        ("sira_job_begin_by_owner(JOB)", "42501"),
        ("sira_queue_job_by_owner('other', NULL, NULL, NULL, NULL, 1, '0', NULL, 'default', NULL)", "42501"),
        ("sira_job_end(JOB, 'done')", "42501"),
        ("sira_job_end(JOB, 'queued')", "42501"),
        ("sira_retry_job(JOB)", "42501"),
        ("sira_job_work(JOB)", "55000"),
        ("sira_job_open(JOB)", "55000"),
        ("sira_wish_worker(10::oid, true)", "42501"),
        ("sira_progress_open(JOB)", "42501"),
        ("sira_job_note_end(j, 'done', NULL, NULL, NULL) FROM sira_jobs j", "42501"),
    ] {
        refused(other.batch_execute(&with(call)), code).map_err(|error| format!("{call}: {error}"))?;
        // Not as that role either, which one is a member of: who logged in counts.
        other.batch_execute(&format!("SET ROLE {ann}"))?;
        refused(other.batch_execute(&with(call)), code)
            .map_err(|error| format!("{call} by SET ROLE: {error}"))?;
        other.batch_execute("RESET ROLE")?;
    }
    for statement in [
        "INSERT INTO sira_jobs (kind) VALUES ('train')",
        "UPDATE sira_jobs SET queued_by = 'postgres'",
        "DELETE FROM sira_jobs",
    ] {
        refused(other.batch_execute(statement), "42501")?;
    }
    refused(other.batch_execute(&format!("SET SESSION AUTHORIZATION {ann}")), "42501")?;
    // Nor is anything queued under another name than the one that logged in.
    other.batch_execute(&format!("SET ROLE {ann}"))?;
    refused(other.batch_execute("SELECT sira_queue_job('other')"), "42501")?;
    other.batch_execute("RESET ROLE")?;
    let own = queue(&mut other, "SELECT * FROM t", 5, "")?;
    assert_eq!(
        number(
            &mut superuser,
            &format!("SELECT count(*) FROM sira_jobs WHERE id = '{own}' AND queued_by = '{bob}'")
        )?,
        1
    );
    other.batch_execute(&format!("SET ROLE {ann}"))?;
    refused(other.batch_execute("CALL sira_run_jobs()"), "42501")?;
    other.batch_execute("RESET ROLE")?;
    other.batch_execute("CALL sira_run_jobs()")?;
    assert_eq!([state(&mut superuser, &own)?.0, state(&mut superuser, &job)?.0], ["done", "queued"]);
    // A superuser's call has each role's jobs done by that role.
    superuser.batch_execute("CALL sira_run_jobs()")?;
    until(&mut superuser, &job, "done")?;
    // A role that is gone, and one that bears its name.
    let job = queue(&mut one, "SELECT * FROM t", 5, "")?;
    let left = queue(&mut other, "SELECT * FROM t", 5, "")?;
    drop((one, other));
    superuser.batch_execute(&format!(
        "DROP OWNED BY {ann}; DROP ROLE {ann}; CREATE ROLE {ann} LOGIN IN ROLE sira_admin; DROP OWNED BY {bob}; DROP ROLE {bob}"
    ))?;
    database.login(&ann)?.batch_execute("CALL sira_run_jobs()")?;
    let (status, _, message) = state(&mut superuser, &job)?;
    assert_eq!(
        (status.as_str(), message),
        ("failed", format!("42501 it was queued by another role that bore the name \"{ann}\""))
    );
    superuser.batch_execute("CALL sira_run_jobs()")?;
    let (status, _, message) = state(&mut superuser, &left)?;
    assert_eq!(
        (status.as_str(), message),
        ("failed", format!("42501 role \"{bob}\", who queued it, does not exist any more"))
    );
    drop_roles(database, superuser, &[&ann])
}

/// Who logged in is not who asks in an index function that another's ANALYZE runs, in a definer's function, or after SET ROLE.
#[test]
fn nobody_queues_in_the_name_of_whoever_calls_their_function() -> Outcome {
    let (database, mut superuser) = world()?;
    let (role, mut session) = person(&database, &mut superuser, "eve")?;
    superuser.batch_execute(&format!(
        "ALTER DATABASE {} SET sira.background_jobs = off; CREATE SCHEMA eve AUTHORIZATION {role}",
        database.name()
    ))?;
    let failed = queue(&mut superuser, "SELECT * FROM t", 5, "")?;
    superuser.query("SELECT sira_cancel_job($1::text::uuid)", &[&failed])?;
    session.batch_execute(&format!(
        "CREATE FUNCTION eve.try_all() RETURNS text LANGUAGE plpgsql AS $$
         DECLARE call text; told text := '';
         BEGIN
             FOREACH call IN ARRAY ARRAY['public.sira_queue_job(''other'')', 'public.sira_job_take(NULL)',
                 'public.sira_retry_job(''{failed}'')', 'public.sira_job_begin(''{failed}'')',
                 'public.sira_create_study(''m'', ''TABLE public.t'', ''bad'', space => ''{{\"learning_rate\": [0.1, 0.2]}}'')'] LOOP
                 BEGIN
                     EXECUTE 'SELECT ' || call;
                     told := told || ' done: ' || call;
                 EXCEPTION WHEN OTHERS THEN
                     told := told || ' ' || SQLSTATE;
                 END;
             END LOOP;
             RETURN told;
         END $$;
         CREATE FUNCTION eve.definer() RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT eve.try_all()';
         CREATE FUNCTION eve.indexed(x integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $$
         BEGIN
             IF session_user <> '{role}' THEN RAISE WARNING '%', eve.try_all(); PERFORM public.sira_queue_job('other'); END IF;
             RETURN x;
         END $$;
         CREATE TABLE eve.t (x integer); CREATE INDEX ON eve.t (eve.indexed(x));
         INSERT INTO eve.t SELECT generate_series(1, 300)"
    ))?;
    refused(superuser.batch_execute("ANALYZE eve.t"), "42501")?;
    refused(superuser.batch_execute("REINDEX TABLE eve.t"), "42501")?;
    for caller in [&mut superuser, &mut session] {
        let told: String = caller.query_one("SELECT eve.definer()", &[])?.get(0);
        assert_eq!(told, " 42501 42501 42501 42501 42501");
    }
    superuser.batch_execute(&format!("SET ROLE {role}"))?;
    refused(superuser.batch_execute("SELECT sira_queue_job('other')"), "42501")?;
    refused(superuser.query(&format!("SELECT sira_retry_job('{failed}')"), &[]), "42501")?;
    superuser.batch_execute("RESET ROLE")?;
    assert_eq!(number(&mut superuser, "SELECT count(*) FROM sira_jobs WHERE kind = 'other'")?, 0);
    assert_eq!(number(&mut superuser, "SELECT count(*) FROM sira_tuning_studies")?, 0);
    assert_eq!(state(&mut superuser, &failed)?.0, "cancelled");
    // By itself, and from a function of its own that runs as whoever calls it.
    session.batch_execute(
        "SELECT sira_queue_job('other');
         CREATE FUNCTION eve.plain() RETURNS uuid LANGUAGE plpgsql AS $$ BEGIN RETURN public.sira_queue_job('other'); END $$;
         SELECT eve.plain()",
    )?;
    let own = format!("SELECT count(*) FROM sira_jobs WHERE kind = 'other' AND queued_by = '{role}'");
    assert_eq!(number(&mut superuser, &own)?, 2);
    superuser.batch_execute("DROP SCHEMA eve CASCADE")?;
    drop(session);
    drop_roles(database, superuser, &[&role])
}

#[test]
fn another_stops_a_job_and_says_so_but_not_what_came_of_it() -> Outcome {
    let (database, mut superuser) = world()?;
    superuser.batch_execute(&format!("ALTER DATABASE {} SET sira.background_jobs = off", database.name()))?;
    let (ann, mut one) = person(&database, &mut superuser, "ann")?;
    let (bob, mut other) = person(&database, &mut superuser, "bob")?;
    let job: String = one.query_one("SELECT sira_queue_job('other')::text", &[])?.get(0);
    one.batch_execute(&format!("SELECT sira_job_begin('{job}'), sira_job_beat('{job}', '{{\"rows\": 1}}')"))?;
    refused(other.batch_execute(&format!("SELECT sira_job_beat('{job}', '{{\"rows\": 99}}')")), "42501")?;
    other.batch_execute(&format!(
        "SELECT sira_job_end('{job}', 'failed', '{{\"rows\": 99}}', NULL, 'in the way')"
    ))?;
    let row = superuser
        .query_one("SELECT status, error_message, result IS NULL, progress ->> 'rows' FROM sira_jobs", &[])?;
    assert_eq!((row.get::<_, &str>(0), row.get::<_, bool>(2), row.get::<_, &str>(3)), ("failed", true, "1"));
    assert_eq!(row.get::<_, String>(1), format!("failed by {bob}: in the way"));
    drop((one, other));
    drop_roles(database, superuser, &[&ann, &bob])
}

#[test]
fn a_wrong_argument_of_a_job_is_named() -> Outcome {
    let (_database, mut session) = world()?;
    for (call, code, name) in [
        ("NULL", "22004", "\"kind\""),
        ("''", "22023", "\"kind\""),
        ("'other', search_path => 'a,,b'", "22023", "\"search_path\""),
        (
            "'evaluate', 'm', '{\"query\": \"TABLE t\", \"label\": \"bad\", \"threshold\": \"abc\"}'",
            "22P02",
            "\"threshold\"",
        ),
    ] {
        let outcome = session.batch_execute(&format!("SELECT sira_queue_job({call})"));
        let message = format!(
            "{:?}",
            outcome
                .as_ref()
                .err()
                .and_then(|error| error.as_db_error())
                .map(|error| error.message().to_owned())
        );
        assert!(message.contains(&name.replace('"', "\\\"")), "{call}: {message}");
        refused(outcome, code)?;
    }
    Ok(())
}

#[test]
fn a_job_works_for_the_tenant_that_it_was_queued_for() -> Outcome {
    let (database, mut superuser) = world()?;
    let (role, mut session) = person(&database, &mut superuser, "ann")?;
    superuser.batch_execute(&format!(
        "INSERT INTO sira_tenant_members (tenant_id, member) VALUES ('east', '{role}'), ('west', '{role}')"
    ))?;
    for tenant in ["east", "west"] {
        session.batch_execute(&format!(
            "SET sira.tenant = '{tenant}'; SELECT sira_create_model('m', 'fraud_detection')"
        ))?;
        let job = queue(&mut session, "SELECT * FROM t", 5, "")?;
        until(&mut session, &job, "done")?;
        let made = format!("SELECT count(*) FROM sira_model_versions WHERE tenant_id = '{tenant}'");
        assert_eq!(number(&mut superuser, &made)?, 1);
    }
    // The other tenant's jobs are not there to be seen.
    assert_eq!(number(&mut session, "SELECT count(*) FROM sira_job_status")?, 1);
    drop(session);
    drop_roles(database, superuser, &[&role])
}

#[test]
fn workers_keep_to_their_number_and_old_jobs_go() -> Outcome {
    let (database, mut session) = world()?;
    session.batch_execute(&format!("ALTER DATABASE {} SET sira.job_workers = 0", database.name()))?;
    let job = queue(&mut session, "SELECT * FROM t", 5, "")?;
    thread::sleep(Duration::from_secs(1));
    assert_eq!(state(&mut session, &job)?.0, "queued");
    session.batch_execute("UPDATE sira_jobs SET queued_at = now() - interval '1 hour'")?;
    let waits = "SELECT count(*) FROM sira_doctor() WHERE check_name = 'waiting jobs' AND status = 'look'";
    assert_eq!(number(&mut session, waits)?, 1);
    session.batch_execute(&format!(
        "ALTER DATABASE {} RESET sira.job_workers; SELECT sira_start_worker()",
        database.name()
    ))?;
    until(&mut session, &job, "done")?;
    assert_eq!(number(&mut session, waits)?, 0);
    refused(session.batch_execute("SELECT sira_delete_old_jobs('0')"), "22023")?;
    assert_eq!(number(&mut session, "SELECT sira_delete_old_jobs()")?, 0);
    session.batch_execute("UPDATE sira_jobs SET finished_at = now() - interval '100 days'")?;
    assert_eq!(number(&mut session, "SELECT sira_delete_old_jobs()")?, 1);
    Ok(())
}

#[test]
fn a_standby_runs_no_jobs() -> Outcome {
    let (database, mut session) = world()?;
    let mut standby = caught_up(&database, &mut session)?;
    refused(standby.batch_execute("SELECT sira_start_worker()"), "25006")?;
    refused(standby.batch_execute("CALL sira_run_jobs()"), "25006")?;
    refused(
        standby.batch_execute(
            "SELECT sira_queue_job('train', 'm', '{\"query\": \"TABLE t\", \"label\": \"bad\"}')",
        ),
        "25006",
    )
}
