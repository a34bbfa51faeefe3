//! The loop between sessions: one retraining of a model at a time, whole or not at all, with nobody else's rights.

use postgres::Client;
use sira_outside::process::Backend;
use sira_outside::{Database, Outcome, refused};
use std::thread;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);
const RETRAIN: &str = "SELECT status, version FROM sira_retrain('m', label_maturity => '0')";

/// A model in production that knows half of what there is to know, its predictions, and what people said of them.
fn world(session: &mut Client) -> Outcome {
    session.batch_execute(
        "CREATE TABLE t AS SELECT i AS id, timestamptz '2026-01-01' + i * interval '1 minute' AS at, i * 7919 % 1009 AS a, i % 2 AS b,
                i * 7919 % 1009 > 800 AS bad FROM generate_series(1, 3000) AS i;
         SELECT sira_create_model('m', 'fraud_detection', entity_type => 'payment');
         SELECT sira_train('m', 'SELECT at, a, b, bad FROM t', label => 'bad', time_column => 'at',
                           params => '{\"num_iterations\": 10}');
         SELECT sira_promote('m');
         SELECT count(*) FROM t, sira_predict('m', 'payment', id, jsonb_build_object('a', a, 'b', b)) WHERE id <= 1500;
         SELECT count(sira_record_feedback(id, 'label', to_jsonb((input_features ->> 'a')::int > 800
                      OR (input_features ->> 'b')::int = 1 AND (input_features ->> 'a')::int < 300))) FROM sira_predictions",
    )?;
    Ok(())
}

/// Versions, runs, artifacts, feedback that was used, and retrainings.
fn counts(session: &mut Client) -> Outcome<Vec<i64>> {
    Ok(session
        .query_one(
            "SELECT ARRAY[(SELECT count(*) FROM sira_model_versions), (SELECT count(*) FROM sira_training_runs),
                          (SELECT count(*) FROM sira_model_artifacts),
                          (SELECT count(*) FROM sira_feedback WHERE used_in_retraining),
                          (SELECT count(*) FROM sira_retrainings)]",
            &[],
        )?
        .get(0))
}

#[test]
fn one_model_is_retrained_by_one_session_at_a_time() -> Outcome {
    let database = Database::with_sira()?;
    let mut first = database.session()?;
    world(&mut first)?;
    let mut second = database.session()?;
    let mut open = first.transaction()?;
    let row = open.query_one(RETRAIN, &[])?;
    assert_eq!((row.get::<_, &str>(0), row.get::<_, i32>(1)), ("registered", 2));
    refused(second.query(RETRAIN, &[]), "55006")?;
    open.rollback()?;
    assert_eq!(counts(&mut second)?, [1, 1, 1, 0, 0]);
    second.query(RETRAIN, &[])?;
    assert_eq!(counts(&mut first)?, [2, 2, 2, 1500, 1]);
    Ok(())
}

#[test]
fn a_retraining_that_is_cut_off_leaves_nothing() -> Outcome {
    let database = Database::with_sira()?;
    let mut watcher = database.session()?;
    world(&mut watcher)?;
    let mut worker = database.session()?;
    let backend = Backend::of(&mut worker)?;
    let running = thread::spawn(move || {
        worker.query(
            "SELECT * FROM sira_retrain('m', label_maturity => '0',
                 params => '{\"num_iterations\": 100000, \"early_stopping_rounds\": 0}')",
            &[],
        )
    });
    backend.wait_for(&mut watcher, "100000")?;
    thread::sleep(Duration::from_millis(300));
    watcher.query("SELECT pg_terminate_backend($1)", &[&backend.0])?;
    assert!(running.join().map_err(|_| "the thread panicked")?.is_err());
    assert_eq!(counts(&mut watcher)?, [1, 1, 1, 0, 0]);
    let row = watcher.query_one(RETRAIN, &[])?;
    assert_eq!(row.get::<_, &str>(0), "registered");
    Ok(())
}

#[test]
fn a_query_of_somebody_else_is_not_run_unread() -> Outcome {
    let database = Database::with_sira()?;
    let mut superuser = database.session()?;
    let (ann, bob) = (format!("{}_ann", database.name()), format!("{}_bob", database.name()));
    superuser.batch_execute(&format!(
        "CREATE ROLE {ann} LOGIN IN ROLE sira_admin; CREATE ROLE {bob} LOGIN IN ROLE sira_admin;
         GRANT CREATE ON SCHEMA public TO {ann}"
    ))?;
    let (mut of_ann, mut of_bob) = (database.login(&ann)?, database.login(&bob)?);
    world(&mut of_ann)?;
    superuser.batch_execute(&format!("GRANT SELECT ON t TO {bob}"))?;
    refused(of_bob.query(RETRAIN, &[]), "42501")?;
    refused(superuser.query(RETRAIN, &[]), "42501")?;
    // A row that says ann had begun with another query: bob cannot write it in her name.
    let forged = |who: &str| {
        format!(
            "INSERT INTO sira_retrainings (model_id, run_id, status, source, base_query, as_of, label_maturity, labels, new_labels{})
             SELECT model_id, training_run_id, 'registered', 'both', 'SELECT now() AS at, 1 AS a, 1 AS b, true AS bad', now(), '0', 1, 1{}
             FROM sira_model_versions",
            if who.is_empty() { "" } else { ", started_by" },
            if who.is_empty() { String::new() } else { format!(", '{who}'") }
        )
    };
    refused(of_bob.batch_execute(&forged(&ann)), "42501")?;
    of_bob.batch_execute(&forged(""))?;
    let begun: String = of_ann.query_one("SELECT query FROM sira_retraining_base('m')", &[])?.get(0);
    assert_eq!(begun, "SELECT at, a, b, bad FROM t");
    // Read and given, it is bob's own.
    let row = of_bob.query_one(
        "SELECT status FROM sira_retrain('m', query => 'SELECT at, a, b, bad FROM t', label_maturity => '0')",
        &[],
    )?;
    assert_eq!(row.get::<_, &str>(0), "registered");
    drop((of_ann, of_bob));
    superuser.batch_execute(&format!("DROP OWNED BY {ann}, {bob}; DROP ROLE {ann}; DROP ROLE {bob}"))?;
    Ok(())
}

#[test]
fn a_retraining_is_a_job_like_any_other() -> Outcome {
    let database = Database::with_sira()?;
    let mut session = database.session()?;
    world(&mut session)?;
    let job: String = session
        .query_one("SELECT sira_queue_job('retrain', 'm', '{\"label_maturity\": \"0\"}')::text", &[])?
        .get(0);
    let began = Instant::now();
    loop {
        let row = session.query_one(
            "SELECT status, coalesce(error_message, result::text, '') FROM sira_jobs WHERE id::text = $1",
            &[&job],
        )?;
        let (status, said): (String, String) = (row.get(0), row.get(1));
        if status == "done" {
            assert!(said.contains("\"status\": \"registered\""), "{said}");
            break;
        }
        assert!(status != "failed" && began.elapsed() < PATIENCE, "{status}: {said}");
        thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(counts(&mut session)?, [2, 2, 2, 1500, 1]);
    Ok(())
}
