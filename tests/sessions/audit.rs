//! The audit row shares the fate of the business row, and nobody but SIRA writes one that looks like SIRA's.

use postgres::Client;
use sira_outside::models::{LEFT, create, left_score};
use sira_outside::{Database, Outcome, refused};
use std::time::Duration;

fn world() -> Outcome<(Database, Client)> {
    let database = Database::with_sira()?;
    let mut session = database.session()?;
    create(&mut session, "m", &[1.0, 2.0])?;
    session.batch_execute(
        "CREATE TABLE payments (id bigint PRIMARY KEY, amount float8, hour integer, risk float8, decision text, prediction_id uuid);
         CREATE TRIGGER score BEFORE INSERT ON payments FOR EACH ROW EXECUTE FUNCTION
             sira_predict_trigger('m', 'payment', 'id', 'score=risk', 'decision=decision', 'prediction_id=prediction_id')",
    )?;
    Ok((database, session))
}

fn count(session: &mut Client) -> Outcome<i64> {
    Ok(session.query_one("SELECT count(*) FROM sira_predictions", &[])?.get(0))
}

/// A role that may log in and scores.
fn scorer(database: &Database, owner: &mut Client, granted: &str) -> Outcome<Client> {
    let role = format!("{}_{granted}", database.name());
    owner.batch_execute(&format!("CREATE ROLE {role} LOGIN; GRANT {granted} TO {role}"))?;
    Ok(database.login(&role)?)
}

#[test]
fn a_row_rolled_back_leaves_no_audit_row() -> Outcome {
    let (_database, mut session) = world()?;
    session.batch_execute("BEGIN; INSERT INTO payments (id, amount) VALUES (1, 50); ROLLBACK")?;
    session
        .batch_execute(&format!("BEGIN; SELECT * FROM sira_predict('m', 'payment', 1, {LEFT}); ROLLBACK"))?;
    session.batch_execute(
        "BEGIN; SAVEPOINT s; INSERT INTO payments (id, amount) VALUES (1, 50); ROLLBACK TO SAVEPOINT s; COMMIT",
    )?;
    session.batch_execute(
        "DO $$ BEGIN INSERT INTO payments (id, amount) VALUES (1, 50); RAISE EXCEPTION 'no';
        EXCEPTION WHEN raise_exception THEN NULL; END $$",
    )?;
    assert_eq!(count(&mut session)?, 0);
    // The key refuses the second row of a statement: both audit rows go.
    refused(session.batch_execute("INSERT INTO payments (id, amount) VALUES (7, 50), (7, 60)"), "23505")?;
    assert_eq!(count(&mut session)?, 0);
    session.batch_execute("INSERT INTO payments (id, amount) VALUES (1, 50)")?;
    let row = session.query_one(
        "SELECT p.risk, a.score, a.source, a.entity_id FROM payments p JOIN sira_predictions a ON a.id = p.prediction_id",
        &[],
    )?;
    let (risk, score): (f64, f64) = (row.get(0), row.get(1));
    assert_eq!(risk.to_bits(), score.to_bits());
    assert!((risk - left_score(1.0)).abs() < 1e-15);
    assert_eq!((row.get::<_, &str>(2), row.get::<_, &str>(3)), ("sira", "1"));
    Ok(())
}

/// As documented: BEFORE triggers run before the conflict is known.
#[test]
fn on_conflict_do_nothing_leaves_an_audit_row_without_its_row() -> Outcome {
    let (_database, mut session) = world()?;
    for _ in 0..2 {
        session.batch_execute("INSERT INTO payments (id, amount) VALUES (1, 50) ON CONFLICT DO NOTHING")?;
    }
    assert_eq!(count(&mut session)?, 2);
    let row = session.query_one(
        "SELECT count(*) FROM payments p JOIN sira_predictions a ON a.id = p.prediction_id",
        &[],
    )?;
    assert_eq!(row.get::<_, i64>(0), 1);
    Ok(())
}

#[test]
fn two_sessions_with_one_request_get_one_answer() -> Outcome {
    let (database, mut session) = world()?;
    let (mut a, mut b) = (database.session()?, database.session()?);
    let ask = |amount: u32| {
        format!(
            "SELECT prediction_id::text, score FROM sira_predict('m', 'payment', '1', '{{\"amount\": {amount}}}', request_id => 'r1')"
        )
    };
    a.batch_execute("BEGIN")?;
    let first = a.query_one(&ask(50), &[])?;
    let again = ask(500);
    let waiting = std::thread::spawn(move || b.query_one(&again, &[]));
    std::thread::sleep(Duration::from_millis(200));
    assert!(!waiting.is_finished(), "the second did not wait for the first");
    a.batch_execute("COMMIT")?;
    let second = waiting.join().map_err(|_| "a session panicked")??;
    assert_eq!(first.get::<_, String>(0), second.get::<_, String>(0));
    assert_eq!(first.get::<_, f64>(1).to_bits(), second.get::<_, f64>(1).to_bits());
    assert_eq!(count(&mut session)?, 1);
    // The first gives up: the second's own answer counts.
    let ask = |amount: u32| ask(amount).replace("'r1'", "'r2'");
    let mut b = database.session()?;
    a.batch_execute("BEGIN")?;
    a.query_one(&ask(50), &[])?;
    let again = ask(500);
    let waiting = std::thread::spawn(move || b.query_one(&again, &[]));
    std::thread::sleep(Duration::from_millis(200));
    a.batch_execute("ROLLBACK")?;
    let second = waiting.join().map_err(|_| "a session panicked")??;
    assert!(second.get::<_, f64>(1) > 0.5);
    assert_eq!(count(&mut session)?, 2);
    // Another model's question under a used name is refused.
    create(&mut session, "other", &[1.0])?;
    refused(session.query(&ask(50).replace("'m'", "'other'"), &[]), "23505")
}

#[test]
fn whoever_scores_can_do_nothing_else() -> Outcome {
    let (database, mut owner) = world()?;
    let mut session = scorer(&database, &mut owner, "sira_inference")?;
    let row =
        session.query_one(&format!("SELECT sira_score('m', {LEFT}), sira_score('m/2', {LEFT})"), &[])?;
    assert!((row.get::<_, f64>(0) - left_score(1.0)).abs() < 1e-15);
    session
        .query_one(&format!("SELECT * FROM sira_predict('m', 'payment', 1, {LEFT}, explain => 2)"), &[])?;
    session.query(&format!("SELECT * FROM sira_explain('m', {LEFT})"), &[])?;
    assert_eq!(count(&mut owner)?, 1);
    let tables = owner.query(
        "SELECT relname::text, relkind <> 'v' FROM pg_class WHERE relname LIKE 'sira%' AND relkind IN ('r', 'p', 'v')",
        &[],
    )?;
    assert!(tables.len() > 20);
    for row in &tables {
        let (table, written): (&str, bool) = (row.get(0), row.get(1));
        refused(session.query(&format!("SELECT * FROM {table}"), &[]), "42501")?;
        if written {
            refused(session.execute(&format!("DELETE FROM {table}"), &[]), "42501")?;
            refused(session.execute(&format!("INSERT INTO {table} DEFAULT VALUES"), &[]), "42501")?;
        }
    }
    for call in [
        "sira_export_version('m')",
        "sira_train('m', 'SELECT 1 AS a, true AS b', 'b')",
        "sira_promote('m/2')",
        "sira_rollback('m')",
        "sira_transition('m/2', 'validated')",
        "sira_import_version('m', 'x'::text)",
        "sira_import_version('m', '\\x00'::bytea)",
        "sira_create_model('n', 'fraud_detection')",
        "sira_set_policy('m', '[{\"decision\": \"approve\"}]')",
        "sira_approve('m/2', 'production')",
        "sira_replay((SELECT gen_random_uuid()))",
        "sira_record_feedback(gen_random_uuid(), 'flag')",
        "sira_maintain_partitions()",
    ] {
        refused(session.query(&format!("SELECT {call}"), &[]), "42501")
            .map_err(|error| format!("{call}: {error}"))?;
    }
    refused(session.batch_execute("SET sira.enabled = off"), "42501")?;
    refused(session.batch_execute("SET sira.log_predictions = off"), "42501")?;
    refused(
        session.batch_execute(
            "CREATE TEMP TABLE mine (id integer, s float8); CREATE TRIGGER t BEFORE INSERT ON mine FOR EACH ROW
             EXECUTE FUNCTION sira_predict_trigger('m', 'payment', 'id', 'score=s')",
        ),
        "42501",
    )
}

#[test]
fn nobody_forges_an_audit_row() -> Outcome {
    let (database, mut owner) = world()?;
    let mut admin = scorer(&database, &mut owner, "sira_admin")?;
    let version = "(SELECT id FROM sira_model_versions WHERE version = 1)";
    let columns = "model_version_id, entity_type, entity_id, prediction";
    let values = format!("{version}, 'payment', '9', '{{\"score\": 0.1}}'");
    for (column, value) in [
        ("source", "'sira'"),
        ("model_id", "gen_random_uuid()"),
        ("created_at", "now()"),
        ("feature_vector", "'{1,2}'"),
        ("features_digest", "'\\x00'"),
        ("fallback", "true"),
        ("id", "gen_random_uuid()"),
    ] {
        let forged = format!("INSERT INTO sira_predictions ({columns}, {column}) VALUES ({values}, {value})");
        refused(admin.execute(&forged, &[]), "42501").map_err(|error| format!("{column}: {error}"))?;
    }
    admin.execute(&format!("INSERT INTO sira_predictions ({columns}) VALUES ({values})"), &[])?;
    let row = admin.query_one("SELECT source, id::text FROM sira_predictions", &[])?;
    assert_eq!(row.get::<_, &str>(0), "external");
    let id: String = row.get(1);
    let replayed = admin.query_one("SELECT identical, note FROM sira_replay($1::text::uuid)", &[&id])?;
    assert_eq!(replayed.get::<_, Option<bool>>(0), None);
    assert!(replayed.get::<_, &str>(1).starts_with("external"));
    refused(admin.execute("UPDATE sira_predictions SET score = 0", &[]), "42501")?;
    refused(admin.execute("DELETE FROM sira_predictions", &[]), "42501")?;
    // The owner is held by the guard.
    refused(owner.execute("UPDATE sira_predictions SET score = 0", &[]), "55000")
}

#[test]
fn the_kill_switch_answers_with_the_declared_decision() -> Outcome {
    let (_database, mut session) = world()?;
    let predict = &format!("SELECT decision, score FROM sira_predict('m', 'payment', 1, {LEFT})");
    let switches = [
        ("SET sira.enabled = off", "SET sira.enabled = on"),
        ("UPDATE sira_models SET enabled = false", "UPDATE sira_models SET enabled = true"),
        ("SELECT sira_transition('m', 'deprecated')", "SELECT sira_rollback('m')"),
    ];
    for (off, _) in switches {
        session.batch_execute(&format!("BEGIN; {off}"))?;
        refused(session.query(predict, &[]), "55000")?;
        session.batch_execute("ROLLBACK")?;
    }
    session.batch_execute(
        "SELECT sira_set_policy('m', '[{\"upto\": 0.5, \"decision\": \"approve\"}, {\"decision\": \"decline\"}]', fallback => 'review')",
    )?;
    for (number, (off, on)) in switches.iter().enumerate() {
        session.batch_execute(off)?;
        let row = session.query_one(predict, &[])?;
        assert_eq!((row.get::<_, &str>(0), row.get::<_, Option<f64>>(1)), ("review", None), "{off}");
        refused(session.query(&format!("SELECT sira_score('m', {LEFT})"), &[]), "55000")?;
        session.batch_execute(&format!("INSERT INTO payments (id, amount) VALUES ({number}, 50)"))?;
        session.batch_execute(on)?;
        let row = session.query_one(predict, &[])?;
        assert_eq!(row.get::<_, &str>(0), "approve", "{on}");
    }
    let row = session.query_one(
        "SELECT count(*) FILTER (WHERE fallback), count(*) FILTER (WHERE NOT fallback),
             (SELECT count(*) FROM payments WHERE decision = 'review' AND risk IS NULL),
             (SELECT count(*) FROM sira_predictions a, sira_replay(a.id) r WHERE a.fallback AND r.note LIKE 'fallback%')
         FROM sira_predictions",
        &[],
    )?;
    assert_eq!([0, 1, 2, 3].map(|column| row.get::<_, i64>(column)), [6, 3, 3, 6]);
    Ok(())
}
