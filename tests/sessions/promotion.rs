//! Which version is live is a row like any other: it follows the snapshot of whoever asks.

use sira_outside::models::{LEFT, create, left_score, score};
use sira_outside::{Database, Outcome, refused};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Model "m" with versions 1 and 2, the first in production.
fn world() -> Outcome<Database> {
    let database = Database::with_sira()?;
    create(&mut database.session()?, "m", &[1.0, 2.0])?;
    Ok(database)
}

fn same(found: f64, strength: f64) -> Outcome {
    if (found - left_score(strength)).abs() < 1e-15 {
        return Ok(());
    }
    Err(format!("the score is {found}, not that of the model of strength {strength}").into())
}

#[test]
fn a_promotion_rolled_back_was_never_there() -> Outcome {
    let database = world()?;
    let (mut a, mut b) = (database.session()?, database.session()?);
    same(score(&mut b, "m")?, 1.0)?;
    let mut transaction = a.transaction()?;
    transaction.execute("SELECT sira_promote('m/2')", &[])?;
    let inside: f64 = transaction.query_one(&format!("SELECT sira_score('m', {LEFT})"), &[])?.get(0);
    same(inside, 2.0)?;
    same(score(&mut b, "m")?, 1.0)?;
    transaction.rollback()?;
    same(score(&mut a, "m")?, 1.0)?;
    same(score(&mut b, "m")?, 1.0)?;
    same(score(&mut database.session()?, "m")?, 1.0)
}

#[test]
fn a_promotion_is_seen_by_all_when_it_commits() -> Outcome {
    let database = world()?;
    let (mut a, mut b) = (database.session()?, database.session()?);
    same(score(&mut b, "m")?, 1.0)?;
    a.execute("SELECT sira_promote('m/2')", &[])?;
    same(score(&mut b, "m")?, 2.0)?;
    a.execute("SELECT sira_rollback('m')", &[])?;
    same(score(&mut b, "m")?, 1.0)
}

#[test]
fn a_savepoint_takes_its_promotion_back() -> Outcome {
    let database = world()?;
    let mut session = database.session()?;
    session.batch_execute("BEGIN; SAVEPOINT s; SELECT sira_promote('m/2')")?;
    same(score(&mut session, "m")?, 2.0)?;
    session.batch_execute("ROLLBACK TO SAVEPOINT s")?;
    same(score(&mut session, "m")?, 1.0)?;
    session.batch_execute("SELECT sira_promote('m/2')")?;
    same(score(&mut session, "m")?, 2.0)?;
    session.batch_execute("ROLLBACK TO SAVEPOINT s; RELEASE SAVEPOINT s")?;
    same(score(&mut session, "m")?, 1.0)?;
    session.batch_execute("COMMIT")?;
    same(score(&mut session, "m")?, 1.0)
}

#[test]
fn a_swallowed_error_takes_its_promotion_back() -> Outcome {
    let database = world()?;
    let mut session = database.session()?;
    // PL/pgSQL evaluates the assignments as simple expressions, whose call state lives for the whole transaction.
    session.batch_execute(&format!(
        "CREATE FUNCTION walk(rounds integer) RETURNS float8[] LANGUAGE plpgsql AS $$
         DECLARE f jsonb := {LEFT}; seen float8[] := '{{}}'; one float8;
         BEGIN
             FOR i IN 1 .. rounds LOOP
                 one := sira_score('m', f); seen := seen || one;
                 BEGIN
                     PERFORM sira_promote('m/2');
                     one := sira_score('m', f); seen := seen || one;
                     RAISE EXCEPTION 'taken back';
                 EXCEPTION WHEN raise_exception THEN
                     one := sira_score('m', f); seen := seen || one;
                 END;
                 one := sira_score('m', f); seen := seen || one;
             END LOOP;
             RETURN seen;
         END $$"
    ))?;
    for _ in 0..2 {
        let seen: Vec<f64> = session.query_one("SELECT walk(3)", &[])?.get(0);
        assert_eq!(seen.len(), 12);
        for step in seen.chunks(4) {
            for (found, strength) in step.iter().zip([1.0, 2.0, 1.0, 1.0]) {
                same(*found, strength)?;
            }
        }
    }
    Ok(())
}

#[test]
fn repeatable_read_keeps_its_version_for_its_transaction() -> Outcome {
    let database = world()?;
    let (mut a, mut b) = (database.session()?, database.session()?);
    a.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ")?;
    same(score(&mut a, "m")?, 1.0)?;
    b.execute("SELECT sira_promote('m/2')", &[])?;
    same(score(&mut b, "m")?, 2.0)?;
    same(score(&mut a, "m")?, 1.0)?;
    a.batch_execute("COMMIT")?;
    same(score(&mut a, "m")?, 2.0)
}

#[test]
fn a_statement_that_promotes_goes_on_with_its_version() -> Outcome {
    let database = world()?;
    let mut session = database.session()?;
    let row = session.query_one(
        &format!("SELECT sira_score('m', {LEFT}), (SELECT count(*) FROM sira_promote('m/2')), sira_score('m', {LEFT})"),
        &[],
    )?;
    same(row.get(0), 1.0)?;
    same(row.get(2), 1.0)?;
    same(score(&mut session, "m")?, 2.0)?;
    // Row by row: the promotion happens at the second of five.
    session.batch_execute(
        "CREATE FUNCTION back() RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM sira_rollback('m'); END $$",
    )?;
    let rows = session.query(
        &format!(
            "SELECT CASE WHEN i = 2 THEN back()::text END, sira_score('m', {LEFT}) FROM generate_series(1, 5) AS i"
        ),
        &[],
    )?;
    assert_eq!(rows.len(), 5);
    for row in &rows {
        same(row.get(1), 2.0)?;
    }
    same(score(&mut session, "m")?, 1.0)
}

#[test]
fn a_prepared_statement_sees_the_promotion_of_another_session() -> Outcome {
    let database = world()?;
    let (mut a, mut b) = (database.session()?, database.session()?);
    // Generic from the first execution: the plan itself must not remember a version.
    a.batch_execute("SET plan_cache_mode = force_generic_plan")?;
    let prepared = a.prepare(&format!("SELECT sira_score('m', {LEFT})"))?;
    for (strength, next) in
        [(1.0, "sira_promote('m/2')"), (2.0, "sira_rollback('m')"), (1.0, "sira_rollback('m')")]
    {
        for _ in 0..7 {
            same(a.query_one(&prepared, &[])?.get(0), strength)?;
        }
        b.execute(&format!("SELECT {next}"), &[])?;
    }
    same(a.query_one(&prepared, &[])?.get(0), 2.0)
}

#[test]
fn a_cursor_keeps_the_version_it_was_opened_with() -> Outcome {
    let database = world()?;
    let (mut a, mut b) = (database.session()?, database.session()?);
    a.batch_execute(&format!(
        "BEGIN; DECLARE c CURSOR FOR SELECT sira_score('m', {LEFT}) FROM generate_series(1, 4)"
    ))?;
    same(a.query_one("FETCH c", &[])?.get(0), 1.0)?;
    b.execute("SELECT sira_promote('m/2')", &[])?;
    same(score(&mut a, "m")?, 2.0)?;
    same(a.query_one("FETCH c", &[])?.get(0), 1.0)?;
    a.batch_execute("SELECT sira_rollback('m')")?;
    same(a.query_one("FETCH c", &[])?.get(0), 1.0)?;
    a.batch_execute("COMMIT")?;
    same(score(&mut a, "m")?, 1.0)
}

#[test]
fn sessions_that_promote_at_once_leave_one_in_production() -> Outcome {
    let database = Database::with_sira()?;
    let mut session = database.session()?;
    create(&mut session, "m", &[1.0, 2.0, 3.0, 4.0, 5.0])?;
    let by_function = |version: i32| format!("SELECT count(*) FROM sira_promote('m/{version}')");
    let by_update = |version: i32| {
        format!("UPDATE sira_model_versions SET status = 'production' WHERE version = {version}")
    };
    for version in 4..=5 {
        session.batch_execute(&format!(
            "SELECT sira_transition('m/{version}', 'validated'); SELECT sira_transition('m/{version}', 'staging')"
        ))?;
    }
    for (first, second) in [(by_function(2), by_function(3)), (by_update(4), by_update(5))] {
        let mut a = database.session()?;
        let mut b = database.session()?;
        a.batch_execute(&format!("BEGIN; {first}"))?;
        let waiting = std::thread::spawn(move || b.batch_execute(&second));
        std::thread::sleep(Duration::from_millis(200));
        assert!(!waiting.is_finished(), "the second did not wait for the first");
        a.batch_execute("COMMIT")?;
        waiting.join().map_err(|_| "a session panicked")??;
        assert_eq!(in_production(&mut session)?, 1);
    }
    Ok(())
}

fn in_production(session: &mut postgres::Client) -> Outcome<i64> {
    let count = "SELECT count(*) FROM sira_model_versions WHERE status = 'production'";
    Ok(session.query_one(count, &[])?.get(0))
}

/// Scorers in three isolation levels beside a session that promotes back and forth: every answer is one of the
/// two versions' own, and none is an error.
#[test]
fn a_storm_of_promotions_gives_no_score_of_no_version() -> Outcome {
    let database = world()?;
    let calm = AtomicBool::new(false);
    std::thread::scope(|scope| -> Outcome {
        let mut scorers = Vec::new();
        for level in ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"] {
            let mut session = database.session()?;
            let calm = &calm;
            scorers.push(scope.spawn(move || -> Result<[u64; 2], String> {
                session
                    .batch_execute(&format!("SET default_transaction_isolation = '{}'", level.to_lowercase()))
                    .map_err(|error| error.to_string())?;
                let mut seen = [0; 2];
                while !calm.load(Ordering::Relaxed) {
                    let rows = session
                        .query(&format!("SELECT sira_score('m', {LEFT}) FROM generate_series(1, 20)"), &[])
                        .map_err(|error| format!("{error:?}"))?;
                    let first: f64 = rows.first().ok_or("no rows")?.get(0);
                    if rows.iter().any(|row| row.get::<_, f64>(0).to_bits() != first.to_bits()) {
                        return Err("one statement scored with two versions".into());
                    }
                    match [1.0, 2.0].iter().position(|strength| (first - left_score(*strength)).abs() < 1e-15)
                    {
                        Some(version) => seen[version] += 1,
                        None => return Err(format!("{first} is no version's score")),
                    }
                }
                Ok(seen)
            }));
        }
        let mut promoter = database.session()?;
        let started = Instant::now();
        let mut promoted = promoter.execute("SELECT sira_promote('m/2')", &[]).map(|_| 1);
        while started.elapsed() < Duration::from_secs(3) && promoted.is_ok() {
            promoted =
                promoter.execute("SELECT sira_rollback('m')", &[]).and(promoted).map(|count| count + 1);
        }
        calm.store(true, Ordering::Relaxed);
        let mut seen = [0; 2];
        for scorer in scorers {
            for (sum, count) in seen.iter_mut().zip(scorer.join().map_err(|_| "a scorer panicked")??) {
                *sum += count;
            }
        }
        let promoted: u64 = promoted?;
        println!("{promoted} promotions, {} and {} statements with either version", seen[0], seen[1]);
        assert!(promoted > 20 && seen[0] > 20 && seen[1] > 20, "{promoted} promotions, {seen:?}");
        Ok(())
    })
}

#[test]
fn a_version_that_scores_at_this_moment_is_not_deleted() -> Outcome {
    let database = world()?;
    let (mut scorer, mut deleter) = (database.session()?, database.session()?);
    let delete = "DELETE FROM sira_model_versions WHERE version = 2";
    let predict = format!("SELECT * FROM sira_predict('m/2', 'user', '1', {LEFT})");
    // The audit row cannot be seen yet: the deletion waits a while and gives up.
    let mut prediction = scorer.transaction()?;
    prediction.execute(&predict, &[])?;
    refused(deleter.execute(delete, &[]), "55P03")?;
    // Once it waits no longer, it sees the row.
    let waiting =
        std::thread::spawn(move || refused(deleter.execute(delete, &[]), "55000").map_err(|e| e.to_string()));
    std::thread::sleep(Duration::from_millis(500));
    prediction.commit()?;
    waiting.join().map_err(|_| "the deleting session panicked")??;
    // An old snapshot would not see it.
    let mut older = database.session()?;
    older.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ")?;
    refused(older.execute(delete, &[]), "25000")
}
