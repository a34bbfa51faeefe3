//! Sketches and drift runs beside each other, and beside predictions that commit late: every row counts once.

use postgres::Client;
use sira_outside::models::create;
use sira_outside::{Database, Outcome};
use std::time::Duration;

const PREDICT: &str = "SELECT count(*) FROM generate_series(1, 50) g, sira_predict('m', 'card', g::text, '{\"amount\": 50, \"hour\": 3}')";

/// Model "m" in production, with a baseline; the settle margin does not hold anything back.
fn world() -> Outcome<Database> {
    let database = Database::with_sira()?;
    let mut session = database.session()?;
    create(&mut session, "m", &[1.0])?;
    let features: String = session
        .query_one(
            "SELECT string_agg(format('g::float8 AS %I', f ->> 'name'), ', ')
             FROM sira_model_versions, jsonb_array_elements(signature -> 'features') f",
            &[],
        )?
        .get(0);
    session.execute(
        "SELECT sira_set_baseline('m/1', $1)",
        &[&format!("SELECT {features} FROM generate_series(1, 500) g")],
    )?;
    session.batch_execute(&format!("ALTER DATABASE {} SET sira.settle_margin = 0", database.name()))?;
    Ok(database)
}

fn number(session: &mut Client, query: &str) -> Outcome<i64> {
    Ok(session.query_one(query, &[])?.get(0))
}

/// Rows in the sketches, and in the log.
fn counted(session: &mut Client) -> Outcome<(i64, i64)> {
    let sketched = number(
        session,
        "SELECT coalesce(sum((SELECT sum(n) FROM unnest(s.counts) n)), 0)::bigint
         FROM sira_drift_sketches s WHERE s.subject = 'score'",
    )?;
    Ok((sketched, number(session, "SELECT count(*) FROM sira_predictions WHERE NOT fallback")?))
}

#[test]
fn a_prediction_that_commits_late_is_counted_later() -> Outcome {
    let database = world()?;
    let (mut a, mut b) = (database.session()?, database.session()?);
    a.batch_execute("BEGIN")?;
    a.execute(PREDICT, &[])?;
    b.execute(PREDICT, &[])?;
    b.execute("SELECT sira_update_sketches('m')", &[])?;
    assert_eq!(counted(&mut b)?, (50, 50));
    // As many times as anybody likes.
    b.execute("SELECT sira_update_sketches('m')", &[])?;
    assert_eq!(counted(&mut b)?, (50, 50));
    a.batch_execute("COMMIT")?;
    b.execute("SELECT sira_update_sketches('m')", &[])?;
    assert_eq!(counted(&mut b)?, (100, 100));
    Ok(())
}

#[test]
fn two_updates_at_once_take_turns() -> Outcome {
    let database = world()?;
    let (mut a, mut b) = (database.session()?, database.session()?);
    a.execute(PREDICT, &[])?;
    a.batch_execute("BEGIN; SELECT sira_update_sketches('m')")?;
    let waiting = std::thread::spawn(move || -> Result<Client, postgres::Error> {
        b.execute("SELECT sira_update_sketches('m')", &[])?;
        Ok(b)
    });
    std::thread::sleep(Duration::from_millis(300));
    assert!(!waiting.is_finished(), "the second did not wait for the first");
    let mut c = database.session()?;
    c.execute(PREDICT, &[])?;
    a.batch_execute("COMMIT")?;
    let mut b = waiting.join().map_err(|_| "the session panicked")??;
    // What was written while the second waited is counted too.
    assert_eq!(counted(&mut b)?, (100, 100));
    Ok(())
}

#[test]
fn drift_runs_of_many_sessions_raise_one_alert() -> Outcome {
    let database = world()?;
    let mut session = database.session()?;
    // Every row the same: nothing like the five hundred different ones of the baseline.
    for _ in 0..4 {
        session.execute(PREDICT, &[])?;
    }
    let runs: Vec<_> = (0..3)
        .map(|_| {
            let session = database.session();
            std::thread::spawn(move || -> Result<i64, postgres::Error> {
                let found = session?
                    .query_one("SELECT count(*) FROM sira_detect_drift('m', as_of => now() + interval '1 minute') WHERE detected", &[])?
                    .get(0);
                Ok(found)
            })
        })
        .collect();
    for run in runs {
        assert!(run.join().map_err(|_| "a session panicked")?? > 0);
    }
    let row = session.query_one(
        "SELECT count(*), min(occurrences)::bigint, max(occurrences)::bigint FROM sira_drift_alerts
         WHERE alert_type = 'drift_detected'",
        &[],
    )?;
    assert_eq!([0, 1, 2].map(|column| row.get::<_, i64>(column)), [1, 3, 3]);
    assert_eq!(counted(&mut session)?, (200, 200));
    Ok(())
}

/// What listeners have heard so far.
fn heard(listener: &mut Client) -> Outcome<Vec<String>> {
    use postgres::fallible_iterator::FallibleIterator;
    let mut notifications = listener.notifications();
    let all: Vec<_> = notifications.timeout_iter(Duration::from_millis(500)).collect()?;
    Ok(all.iter().map(|notification| notification.payload().to_owned()).collect())
}

#[test]
fn an_alert_is_told_of_when_it_commits() -> Outcome {
    let database = Database::with_sira()?;
    let (mut session, mut listener) = (database.session()?, database.session()?);
    listener.batch_execute("LISTEN sira_alerts")?;
    let raise = "SELECT sira_raise_alert('latency', 'high', 'slow')";
    session.batch_execute(&format!("BEGIN; {raise}; ROLLBACK"))?;
    assert!(heard(&mut listener)?.is_empty());
    session.batch_execute(&format!("BEGIN; {raise}"))?;
    assert!(heard(&mut listener)?.is_empty());
    session.batch_execute("COMMIT")?;
    let told = heard(&mut listener)?;
    assert_eq!(told.len(), 1);
    assert!(told[0].contains(r#""type": "latency""#) && told[0].contains(r#""severity": "high""#));
    // Once more is counted and no news; worse is.
    session.batch_execute(raise)?;
    assert!(heard(&mut listener)?.is_empty());
    session.batch_execute("SELECT sira_raise_alert('latency', 'critical', 'slower')")?;
    assert_eq!(heard(&mut listener)?.len(), 1);
    Ok(())
}
