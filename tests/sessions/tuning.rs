//! Studies and repetitions by several sessions: what one began another ends, and all of them come to the same.

use postgres::Client;
use sira_outside::{Database, Outcome, refused};
use std::thread;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

fn world(rows: u32) -> Outcome<(Database, Client)> {
    let database = Database::with_sira()?;
    let mut session = database.session()?;
    session.batch_execute(&format!(
        "SELECT sira_create_model('m', 'fraud_detection');
         CREATE TABLE t AS SELECT i AS id, i % 97 AS customer, (i::bigint * 7919 % 1009)::float8 AS amount, 'c' || i % 7 AS channel,
             hashint4(i) % 100 AS noise, (i::bigint * 7919 % 1009) + hashint4(i + 1000000) % 300 > 800 AS bad,
             timestamptz '2026-01-01' + i * interval '1 minute' AS at
         FROM generate_series(1, {rows}) AS i"
    ))?;
    Ok((database, session))
}

const QUERY: &str = "SELECT amount, channel, noise, at, bad FROM t";

/// A study of `trials` trials that take a while each; gives its id.
fn study(session: &mut Client, method: &str, trials: u32, rounds: u32) -> Outcome<String> {
    let statement = format!(
        "SELECT sira_create_study('m', $1, 'bad', '{{\"num_leaves\": {{\"low\": 4, \"high\": 64, \"log\": true, \"int\": true}}}}',
             time_column => 'at', trials => {trials}, method => '{method}',
             params => '{{\"num_iterations\": {rounds}, \"early_stopping_rounds\": 0}}')::text"
    );
    Ok(session.query_one(&statement, &[&QUERY])?.get(0))
}

fn number(session: &mut Client, query: &str) -> Outcome<i64> {
    Ok(session.query_one(query, &[])?.get(0))
}

/// Waits until a count is at least so much.
fn at_least(session: &mut Client, query: &str, least: i64) -> Outcome<i64> {
    let began = Instant::now();
    loop {
        let now = number(session, query)?;
        if now >= least {
            return Ok(now);
        }
        if began.elapsed() > PATIENCE {
            return Err(format!("{now}, not {least}, from {query}").into());
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// What a study tried and found, and the artifact that came of it.
fn told(session: &mut Client, study: &str) -> Outcome<Vec<String>> {
    let trials = session.query(
        "SELECT concat_ws(' ', t.number, t.rung, t.parameters, t.fold_values, t.rounds, t.status, t.number = s.best_trial,
                    encode(v.artifact_digest, 'hex'))
         FROM sira_tuning_trials t JOIN sira_tuning_studies s ON s.id = t.study_id
         JOIN sira_model_versions v ON v.id = s.model_version_id WHERE s.id::text = $1 AND s.status = 'done' ORDER BY t.number",
        &[&study],
    )?;
    Ok(trials.iter().map(|row| row.get(0)).collect())
}

#[test]
fn a_run_repeats_in_any_backend() -> Outcome {
    let (database, mut session) = world(3_000)?;
    session.batch_execute(
        "SELECT sira_define_window_feature('spent', 'customer', 't', 'customer', 'at', 'sum', '1 day', 'amount'),
                sira_define_request_feature('amount', 'payment');
         SELECT sira_define_feature_set('cards', 'payment', '{spent,amount}', '{\"customer\": \"customer\"}')",
    )?;
    let plain = format!(
        "SELECT run_id::text FROM sira_train('m', '{QUERY}', 'bad', time_column => 'at', calibration => 'platt',
             params => '{{\"num_iterations\": 30, \"bagging_fraction\": 0.7, \"bagging_freq\": 1}}')"
    );
    let featured = "SELECT run_id::text FROM sira_train('m', 'SELECT id AS entity_id, at AS as_of, customer, amount, bad FROM t', 'bad',
                        feature_set => 'cards', params => '{\"num_iterations\": 30}')";
    let runs: Vec<String> = [plain.as_str(), featured]
        .into_iter()
        .map(|train| Ok(session.query_one(train, &[])?.get(0)))
        .collect::<Outcome<_>>()?;
    assert_eq!(number(&mut session, "SELECT count(feature_set) FROM sira_training_runs")?, 1);
    // The same words in another backend.
    let mut other = database.session()?;
    other.query_one(&plain, &[])?;
    other.query_one(featured, &[])?;
    assert_eq!(number(&mut other, "SELECT count(DISTINCT artifact_digest) FROM sira_training_runs")?, 2);
    // The record alone, in backends that plan, print and reckon otherwise.
    for setting in [
        "SELECT 1",
        "SET TimeZone = 'Asia/Kathmandu'; SET DateStyle = 'SQL, DMY'; SET extra_float_digits = -5",
        "SET enable_hashjoin = off; SET enable_seqscan = off; SET work_mem = '64kB'; SET jit_above_cost = 0",
        "SET sira.training_threads = 2",
        "SET search_path = pg_catalog, public; SET transform_null_equals = on",
    ] {
        let mut other = database.session()?;
        other.batch_execute(setting)?;
        for run in &runs {
            let row = other.query_one(
                "SELECT b.reproducible, r.data_identical, r.artifact_identical, r.note
                 FROM sira_reproducible($1::text::uuid, true) b, sira_reproduce($1::text::uuid) r",
                &[run],
            )?;
            let answers = (row.get(0), row.get(1), row.get::<_, Option<bool>>(2));
            assert_eq!(answers, (true, true, Some(true)), "{setting}: {}", row.get::<_, &str>(3));
        }
    }
    assert_eq!(number(&mut session, "SELECT count(DISTINCT artifact_digest) FROM sira_training_runs")?, 2);
    assert_eq!(number(&mut session, "SELECT count(*) FROM sira_model_versions")?, 4);
    Ok(())
}

#[test]
fn a_study_whose_session_was_ended_goes_on_where_it_was() -> Outcome {
    let (database, mut session) = world(20_000)?;
    for (method, trials, all) in [("tpe", 13, 13), ("halving", 9, 13)] {
        let whole = study(&mut session, method, trials, 60)?;
        session.batch_execute(&format!("CALL sira_run_tuning('{whole}')"))?;
        let whole = told(&mut session, &whole)?;
        assert_eq!(whole.len(), all);

        let cut = study(&mut session, method, trials, 60)?;
        let tried = format!("SELECT count(*) FROM sira_tuning_trials WHERE study_id = '{cut}'");
        let versions = number(&mut session, "SELECT count(*) FROM sira_model_versions")?;
        let mut ended = 0;
        for stop in [2, 6, 10] {
            let mut worker = database.session()?;
            let pid: i32 = worker.query_one("SELECT pg_backend_pid()", &[])?.get(0);
            let call = format!("CALL sira_run_tuning('{cut}')");
            let working = thread::spawn(move || worker.batch_execute(&call));
            at_least(&mut session, &tried, stop)?;
            session.query("SELECT pg_terminate_backend($1, 10000)", &[&pid])?;
            ended += usize::from(working.join().map_err(|_| "the worker panicked")?.is_err());
            // What was tried is there; nothing is half there.
            let now = number(&mut session, &tried)?;
            assert!(now >= stop && now <= all as i64, "{now} trials");
        }
        assert!(ended > 0, "no session was ended in the midst of it");
        println!("{method}: {ended} of 3 sessions were ended before the study was");
        session.batch_execute(&format!("CALL sira_run_tuning('{cut}')"))?;
        assert_eq!(told(&mut session, &cut)?, whole);
        assert_eq!(number(&mut session, "SELECT count(*) FROM sira_model_versions")?, versions + 1);
        // Done is done.
        session.batch_execute(&format!("CALL sira_run_tuning('{cut}')"))?;
        assert_eq!(number(&mut session, "SELECT count(*) FROM sira_model_versions")?, versions + 1);
    }
    Ok(())
}

#[test]
fn sessions_that_work_on_one_study_take_turns() -> Outcome {
    let (database, mut session) = world(5_000)?;
    let alone = study(&mut session, "tpe", 16, 20)?;
    session.batch_execute(&format!("CALL sira_run_tuning('{alone}')"))?;
    let shared = study(&mut session, "tpe", 16, 20)?;
    let workers: Vec<_> = (0..4)
        .map(|_| {
            let mut worker = database.session()?;
            let call = format!("CALL sira_run_tuning('{shared}')");
            Ok(thread::spawn(move || worker.batch_execute(&call)))
        })
        .collect::<Outcome<_>>()?;
    for worker in workers {
        worker.join().map_err(|_| "a worker panicked")??;
    }
    assert_eq!(told(&mut session, &shared)?, told(&mut session, &alone)?);
    assert_eq!(number(&mut session, "SELECT count(*) FROM sira_model_versions")?, 2);
    // Nobody goes on with what another role would run.
    let role = format!("{}_eve", database.name());
    session.batch_execute(&format!(
        "CREATE ROLE {role} LOGIN IN ROLE sira_admin; GRANT SELECT ON t TO {role}"
    ))?;
    let mut eve = database.login(&role)?;
    let hers = study(&mut eve, "random", 2, 5)?;
    refused(session.batch_execute(&format!("CALL sira_run_tuning('{hers}')")), "42501")?;
    eve.batch_execute(&format!("CALL sira_run_tuning('{hers}')"))?;
    assert_eq!(told(&mut session, &hers)?.len(), 2);
    drop(eve);
    session.batch_execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}"))?;
    Ok(())
}

/// Queues a job and waits until a worker has done it; gives its result.
fn done(session: &mut Client, kind: &str, subject: &str, arguments: &str) -> Outcome<String> {
    let queue = format!("SELECT sira_queue_job('{kind}', {subject}, {arguments})::text");
    let job: String = session.query_one(&queue, &[])?.get(0);
    let began = Instant::now();
    loop {
        let row = session.query_one(
            "SELECT status, coalesce(result::text, error_message, '') FROM sira_jobs WHERE id::text = $1",
            &[&job],
        )?;
        match row.get::<_, &str>(0) {
            "done" => return Ok(row.get(1)),
            "queued" | "running" if began.elapsed() < PATIENCE => thread::sleep(Duration::from_millis(30)),
            status => return Err(format!("{kind} is {status}: {}", row.get::<_, &str>(1)).into()),
        }
    }
}

#[test]
fn a_worker_tunes_reproduces_and_evaluates() -> Outcome {
    let (database, mut session) = world(20_000)?;
    let mut watcher = database.session()?;
    let watching = thread::spawn(move || -> Result<Vec<(i64, i64)>, postgres::Error> {
        let began = Instant::now();
        let mut seen = Vec::new();
        while began.elapsed() < PATIENCE {
            let row = watcher.query_one(
                "SELECT count(*) FILTER (WHERE status = 'done'), max((progress ->> 'trial')::bigint),
                     max((progress ->> 'fold')::bigint) FROM sira_job_status",
                &[],
            )?;
            if let (Some(trial), Some(fold)) = (row.get(1), row.get(2)) {
                seen.push((trial, fold));
            }
            if row.get::<_, i64>(0) > 0 {
                break;
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(seen)
    });
    let tuned = done(
        &mut session,
        "tune",
        "'m'",
        &format!(
            "jsonb_build_object('query', '{QUERY}', 'label', 'bad', 'time_column', 'at', 'trials', 6, 'method', 'random',
                 'space', '{{\"num_leaves\": [15, 31, 63]}}'::jsonb,
                 'params', '{{\"num_iterations\": 100, \"early_stopping_rounds\": 0}}'::jsonb)"
        ),
    )?;
    let mut seen = watching.join().map_err(|_| "the watcher panicked")??;
    assert!(seen.is_sorted(), "{seen:?}");
    seen.dedup();
    println!("progress of trials and folds: {seen:?}");
    assert!(
        seen.len() > 2 && seen.iter().all(|(trial, fold)| (1..=6).contains(trial) && (1..=3).contains(fold))
    );
    assert_eq!(number(&mut session, "SELECT count(*) FROM sira_tuning_trials")?, 6);
    let row = session.query_one(
        "SELECT jsonb_array_length(r), count(*) FILTER (WHERE (t ->> 'best')::boolean), max(t ->> 'version'), max(t ->> 'run_id')
         FROM jsonb_array_elements($1::text::jsonb) t, (SELECT $1::text::jsonb) w (r) GROUP BY r",
        &[&tuned],
    )?;
    assert_eq!((row.get::<_, i32>(0), row.get::<_, i64>(1), row.get::<_, &str>(2)), (6, 1, "1"));
    let run: String = row.get(3);

    let reproduced = done(&mut session, "reproduce", "NULL", &format!("'{{\"run_id\": \"{run}\"}}'"))?;
    let row = session.query_one(
        "SELECT r.reproduces::text, (j ->> 'artifact_identical')::boolean, (j ->> 'data_identical')::boolean
         FROM (SELECT $1::text::jsonb) o (j) JOIN sira_training_runs r ON r.id::text = j ->> 'reproduction_id'",
        &[&reproduced],
    )?;
    assert_eq!((row.get::<_, String>(0), row.get(1), row.get(2)), (run, true, true));

    let evaluated = done(
        &mut session,
        "evaluate",
        "'m/1'",
        &format!("jsonb_build_object('query', '{QUERY}', 'label', 'bad')"),
    )?;
    let row = session.query_one(
        "SELECT count(*) FILTER (WHERE m ->> 'metric' = 'auc' AND (m ->> 'value')::float8 BETWEEN 0.8 AND 1),
             (SELECT count(*) FROM sira_evaluations WHERE purpose <> 'test' AND version = 1 AND rows = 20000)
         FROM jsonb_array_elements($1::text::jsonb) m",
        &[&evaluated],
    )?;
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (1, 1));
    // A study is gone on with by a job too.
    let study = study(&mut session, "random", 4, 10)?;
    session.query("SELECT sira_tuning_step($1::text::uuid)", &[&study])?;
    done(&mut session, "tune", "NULL", &format!("'{{\"resume\": \"{study}\"}}'"))?;
    assert_eq!(told(&mut session, &study)?.len(), 4);
    Ok(())
}
