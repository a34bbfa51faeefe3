//! Workers killed in the midst of a job, and a machine that has no worker left.

use super::{alone, counts, recovered};
use postgres::Client;
use sira_outside::process::Backend;
use sira_outside::{Database, Outcome};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

const WRITTEN: [&str; 3] = ["sira_training_runs", "sira_model_versions", "sira_model_artifacts"];

fn world() -> Outcome<(Database, Client)> {
    let database = Database::with_sira()?;
    let mut session = database.session()?;
    session.batch_execute(
        "SELECT sira_create_model('m', 'fraud_detection'); CREATE TABLE pause (seconds float8); INSERT INTO pause VALUES (60);
         CREATE TABLE t AS SELECT i % 1009 AS a, i % 17 AS b, i % 1009 > 500 AS bad FROM generate_series(1, 3000) AS i",
    )?;
    Ok((database, session))
}

fn queue(session: &mut Client, query: &str, rounds: u32, attempts: i32) -> Outcome<String> {
    let statement = format!(
        "SELECT sira_queue_job('train', 'm', jsonb_build_object('query', $1::text, 'label', 'bad',
             'split', '{{\"method\": \"random\"}}'::jsonb,
             'params', '{{\"num_iterations\": {rounds}, \"early_stopping_rounds\": 0}}'::jsonb), max_attempts => $2)::text"
    );
    Ok(session.query_one(&statement, &[&query, &attempts])?.get(0))
}

/// Asks until the answer is a number.
fn until(session: &mut Client, query: &str) -> Outcome<i32> {
    let began = Instant::now();
    loop {
        if let Some(answer) = session.query_one(query, &[])?.get(0) {
            return Ok(answer);
        }
        if began.elapsed() > PATIENCE {
            return Err(format!("no answer to {query}").into());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn ended(session: &mut Client) -> Outcome<(String, i32, Option<String>)> {
    let row = session.query_one("SELECT status, attempt, error_sqlstate FROM sira_jobs", &[])?;
    Ok((row.get(0), row.get(1), row.get(2)))
}

#[test]
fn a_worker_that_is_killed_leaves_a_job_that_failed() -> Outcome {
    let _alone = alone();
    let (database, mut session) = world()?;
    queue(&mut session, "SELECT * FROM t", 50_000, 1)?;
    until(&mut session, "SELECT max((progress ->> 'round')::integer) FROM sira_job_status")?;
    Backend(until(&mut session, "SELECT max(sira_job_worker(id)) FROM sira_jobs")?).kill()?;
    session = recovered(&database)?;
    assert_eq!(counts(&mut session, WRITTEN)?, [0, 0, 0]);
    assert_eq!(ended(&mut session)?, ("running".into(), 1, None));
    // What it reported last is a file that nobody holds.
    assert!(session.query_one("SELECT sira_collect_progress()", &[])?.get::<_, i64>(0) >= 1);
    session.batch_execute("CALL sira_run_jobs()")?;
    assert_eq!(ended(&mut session)?, ("failed".into(), 1, Some("57P02".into())));
    assert_eq!(counts(&mut session, WRITTEN)?, [0, 0, 0]);
    Ok(())
}

#[test]
fn a_worker_that_is_killed_leaves_a_job_that_is_taken_up_again() -> Outcome {
    let _alone = alone();
    let (database, mut session) = world()?;
    queue(&mut session, "SELECT t.* FROM t, (SELECT pg_sleep(seconds) FROM pause) p", 5, 2)?;
    Backend(until(&mut session, "SELECT max(sira_job_worker(id)) FROM sira_jobs")?).kill()?;
    session = recovered(&database)?;
    assert_eq!(counts(&mut session, WRITTEN)?, [0, 0, 0]);
    session.batch_execute("UPDATE pause SET seconds = 0")?;
    session.batch_execute("CALL sira_run_jobs()")?;
    assert_eq!(ended(&mut session)?, ("done".into(), 2, None));
    assert_eq!(counts(&mut session, WRITTEN)?, [1, 1, 1]);
    Ok(())
}

#[test]
fn a_job_for_which_no_worker_is_free_waits() -> Outcome {
    let _alone = alone();
    let (database, mut session) = world()?;
    session.batch_execute(&format!("ALTER DATABASE {} SET sira.job_workers = 64", database.name()))?;
    let slots: String = session.query_one("SELECT current_setting('max_worker_processes')", &[])?.get(0);
    // Each keeps a worker busy.
    for _ in 0..slots.parse()? {
        queue(&mut session, "SELECT t.* FROM t, (SELECT pg_sleep(seconds) FROM pause) p", 5, 1)?;
        std::thread::sleep(Duration::from_millis(200));
    }
    let waiting = queue(&mut session, "SELECT * FROM t", 5, 1)?;
    std::thread::sleep(Duration::from_secs(1));
    let status = format!("SELECT status FROM sira_jobs WHERE id = '{waiting}'");
    assert_eq!(session.query_one(&status, &[])?.get::<_, &str>(0), "queued");
    session.batch_execute("SELECT sira_cancel_job(id) FROM sira_jobs WHERE status = 'running'")?;
    // Those that were interrupted go on with what waits.
    until(
        &mut session,
        &format!("SELECT max(attempt) FROM sira_jobs WHERE id = '{waiting}' AND status = 'done'"),
    )?;
    assert_eq!(counts(&mut session, ["sira_model_versions"])?, [1]);
    Ok(())
}
