//! Rows as features while their types change under a living session.

use postgres::Client;
use sira_outside::models::{create, left_score};
use sira_outside::{Database, Outcome, refused};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

fn world() -> Outcome<(Database, Client)> {
    let database = Database::with_sira()?;
    let mut session = database.session()?;
    create(&mut session, "m", &[1.0])?;
    Ok((database, session))
}

fn left(session: &mut Client, query: &str) -> Outcome {
    let found: f64 = session.query_one(query, &[])?.get(0);
    assert!((found - left_score(1.0)).abs() < 1e-15, "{query}: {found}");
    Ok(())
}

fn right(session: &mut Client, query: &str) -> Outcome {
    let found: f64 = session.query_one(query, &[])?.get(0);
    assert!((found - left_score(-1.0)).abs() < 1e-15, "{query}: {found}");
    Ok(())
}

#[test]
fn columns_come_and_go_between_calls() -> Outcome {
    let (_database, mut session) = world()?;
    session.batch_execute("CREATE TABLE t (amount float8, hour integer); INSERT INTO t VALUES (50, 3)")?;
    let prepared = session.prepare("SELECT sira_score('m', t) FROM t")?;
    let whole = "SELECT sira_score('m', t) FROM t";
    left(&mut session, whole)?;
    for change in [
        "ALTER TABLE t ADD COLUMN note text DEFAULT 'x'",
        "ALTER TABLE t DROP COLUMN hour",
        "ALTER TABLE t ADD COLUMN hour smallint",
        "ALTER TABLE t ALTER COLUMN amount TYPE numeric(10, 2)",
        "ALTER TABLE t RENAME COLUMN note TO remark",
        "ALTER TABLE t DROP COLUMN amount; ALTER TABLE t ADD COLUMN amount real DEFAULT 50",
    ] {
        session.batch_execute(change)?;
        left(&mut session, whole)?;
        left(&mut session, "SELECT sira_score('m', t.*) FROM t")?;
        let kept: f64 = session.query_one(&prepared, &[])?.get(0);
        assert!((kept - left_score(1.0)).abs() < 1e-15, "prepared, after {change}: {kept}");
    }
    session.batch_execute(
        "ALTER TABLE t DROP COLUMN amount; ALTER TABLE t ADD COLUMN amount text DEFAULT '50'",
    )?;
    refused(session.query_one(whole, &[]), "42804")?;
    session.batch_execute(
        "ALTER TABLE t DROP COLUMN amount; ALTER TABLE t ADD COLUMN amount integer DEFAULT 150",
    )?;
    right(&mut session, whole)
}

#[test]
fn one_transaction_may_alter_and_score() -> Outcome {
    let (_database, mut session) = world()?;
    session.batch_execute(
        "CREATE TABLE t (id integer, amount float8, hour integer); INSERT INTO t VALUES (1, 50, 3);
         CREATE FUNCTION f() RETURNS float8 LANGUAGE plpgsql AS $$
         DECLARE r t; answer float8;
         BEGIN SELECT * INTO r FROM t; answer := sira_score('m', r); RETURN answer; END $$",
    )?;
    left(&mut session, "SELECT f()")?;
    session.batch_execute("BEGIN; ALTER TABLE t ADD COLUMN extra float8; SAVEPOINT s")?;
    left(&mut session, "SELECT f()")?;
    session.batch_execute(
        "ALTER TABLE t DROP COLUMN amount; ALTER TABLE t ADD COLUMN amount float8 DEFAULT 500",
    )?;
    right(&mut session, "SELECT f()")?;
    session.batch_execute("ROLLBACK TO SAVEPOINT s")?;
    left(&mut session, "SELECT f()")?;
    session.batch_execute("ROLLBACK")?;
    left(&mut session, "SELECT f()")
}

#[test]
fn every_shape_of_row_binds_by_name() -> Outcome {
    let (_database, mut session) = world()?;
    session.batch_execute(
        "CREATE DOMAIN money_amount AS numeric CHECK (VALUE >= 0); CREATE DOMAIN small_hour AS smallint;
         CREATE TABLE d (hour small_hour, id bigint DEFAULT 1, amount money_amount); INSERT INTO d VALUES (3, 1, 50);
         CREATE TYPE pair AS (hour integer, amount float8); CREATE DOMAIN checked_pair AS pair;
         CREATE TABLE m (hour integer, m text, amount float8); INSERT INTO m VALUES (3, 'x', 50);
         CREATE TABLE parent (amount float8, hour integer); CREATE TABLE child (more text) INHERITS (parent);
         INSERT INTO child VALUES (50, 3, 'x')",
    )?;
    for query in [
        "SELECT sira_score('m', d) FROM d",
        "SELECT sira_score('m', d.*) FROM d",
        "SELECT sira_score('m', (3, 50)::pair)",
        "SELECT sira_score('m', x) FROM (SELECT 3 AS hour, 50::numeric AS amount) AS x",
        "SELECT sira_score('m', x) FROM (SELECT amount, hour FROM d OFFSET 0) AS x",
        "SELECT sira_score('m', m.*) FROM m",
        "SELECT sira_score('m', parent) FROM parent",
        "SELECT sira_score('m', (3, 50)::checked_pair)",
    ] {
        left(&mut session, query)?;
    }
    Ok(())
}

#[test]
fn rows_of_two_types_in_one_statement_do_not_mix() -> Outcome {
    let (_database, mut session) = world()?;
    // One call site and two row types by turns: the kept binding must follow the row.
    session.batch_execute(
        "CREATE TYPE ab AS (amount float8, hour float8); CREATE TYPE ba AS (hour float8, amount float8);
         CREATE FUNCTION pick(i integer) RETURNS record LANGUAGE plpgsql AS $$
         BEGIN IF i % 2 = 0 THEN RETURN (50, 150)::ab; ELSE RETURN (150, 50)::ba; END IF; END $$",
    )?;
    let rows = session.query("SELECT sira_score('m', pick(i)) FROM generate_series(1, 6) AS i", &[])?;
    for row in &rows {
        let found: f64 = row.get(0);
        assert!((found - left_score(1.0)).abs() < 1e-15, "{found}");
    }
    Ok(())
}

#[test]
fn enums_and_domains_over_text_are_categories() -> Outcome {
    let (_database, mut session) = world()?;
    session.batch_execute(
        "SELECT sira_create_model('c', 'fraud_detection');
         CREATE TYPE channel AS ENUM ('web', 'shop'); CREATE DOMAIN word AS text;
         CREATE TABLE e AS SELECT i AS id, (CASE i % 2 WHEN 0 THEN 'web' ELSE 'shop' END)::channel AS how,
             (CASE i % 3 WHEN 0 THEN 'a' ELSE 'b' END)::word AS what, i % 2 = 0 AS bad
         FROM generate_series(1, 600) AS i",
    )?;
    session.query(
        "SELECT * FROM sira_train('c', 'SELECT how, what, bad FROM e', 'bad',
             split => '{\"method\": \"random\"}', params => '{\"num_iterations\": 20}')",
        &[],
    )?;
    let rows = session.query(
        "SELECT how::text, min(sira_score('c@latest', e)), max(sira_score('c@latest', e)),
                min(sira_score('c@latest', jsonb_build_object('how', how, 'what', what)))
         FROM e GROUP BY 1 ORDER BY 1",
        &[],
    )?;
    for (row, bad) in rows.iter().zip([false, true]) {
        let (low, high, json): (f64, f64, f64) = (row.get(1), row.get(2), row.get(3));
        assert!(if bad { low > 0.8 } else { high < 0.2 }, "{bad}: {low} to {high}");
        assert_eq!(low.to_bits(), json.to_bits());
    }
    Ok(())
}

/// What a process knows of a row type may be thrown away at any look-up, also between binding a first row and reading it.
/// Parallel workers have everything to look up.
#[test]
fn first_rows_are_read_while_their_type_is_invalidated() -> Outcome {
    let (database, mut session) = world()?;
    session.batch_execute(
        "CREATE TABLE t AS SELECT 50::float8 AS amount, 3 AS hour FROM generate_series(1, 2000); ANALYZE t;
         SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;
         SET min_parallel_table_scan_size = 0; SET parallel_leader_participation = off",
    )?;
    let stop = Arc::new(AtomicBool::new(false));
    let (mut other, seen) = (database.session()?, Arc::clone(&stop));
    let altering = std::thread::spawn(move || -> Result<(), postgres::Error> {
        for turn in 0_u32.. {
            if seen.load(Ordering::Relaxed) {
                break;
            }
            other.batch_execute(&format!("ALTER TABLE t SET (fillfactor = {})", 50 + turn % 2))?;
        }
        Ok(())
    });
    for _ in 0..200 {
        left(&mut session, "SELECT max(sira_score('m', t)) FROM t")?;
    }
    stop.store(true, Ordering::Relaxed);
    altering.join().map_err(|_| "the session panicked")??;
    Ok(())
}
