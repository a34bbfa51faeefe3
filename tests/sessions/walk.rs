//! A random walk of sessions through promotions, savepoints and isolation levels: after every step, what is scored
//! with is what the same statement reads in the registry.

use postgres::Client;
use sira_outside::models::{LEFT, create, left_score};
use sira_outside::{Database, Outcome, sqlstate};

const STEPS: usize = 600;
const VERSIONS: [f64; 4] = [1.0, 2.0, 3.0, 4.0];

/// Numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// One statement asks the registry and scores; a PL/pgSQL function asks and scores by simple expressions.
fn check(session: &mut Client, trace: &[String]) -> Outcome<bool> {
    let live = "(SELECT version FROM sira_model_versions WHERE status = 'production')";
    for query in
        [format!("SELECT {live}, sira_score('m', {LEFT})"), "SELECT version, score FROM look()".to_owned()]
    {
        let row = match session.query_one(&query, &[]) {
            Ok(row) => row,
            // The transaction has failed before; the walk goes on with its ROLLBACK.
            Err(error) if sqlstate(&error) == Some("25P02") => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let (version, score): (i32, f64) = (row.get(0), row.get(1));
        let strength = VERSIONS[version as usize - 1];
        assert!(
            (score - left_score(strength)).abs() < 1e-15,
            "version {version} is live, the score is {score}, after {:#?}",
            &trace[trace.len().saturating_sub(12)..]
        );
    }
    Ok(true)
}

fn step(dice: &mut Dice) -> String {
    let version = dice.below(VERSIONS.len() as u64) + 1;
    match dice.below(14) {
        0 => "BEGIN".into(),
        1 => "BEGIN ISOLATION LEVEL REPEATABLE READ".into(),
        2 | 3 => "COMMIT".into(),
        4 => "ROLLBACK".into(),
        5 | 6 => "SAVEPOINT s".into(),
        7 => "ROLLBACK TO SAVEPOINT s".into(),
        8 => "RELEASE SAVEPOINT s".into(),
        9 => format!("SELECT swallowed({version})"),
        10 => "INSERT INTO noise VALUES (1)".into(),
        _ => format!("SELECT live({version})"),
    }
}

#[test]
fn every_score_is_that_of_the_version_its_statement_sees() -> Outcome {
    let database = Database::with_sira()?;
    let mut sessions = vec![database.session()?, database.session()?, database.session()?];
    create(&mut sessions[0], "m", &VERSIONS)?;
    sessions[0].batch_execute(&format!(
        "CREATE TABLE noise (i integer);
         CREATE FUNCTION live(v integer) RETURNS void LANGUAGE plpgsql AS $$
         BEGIN
             IF (SELECT status FROM sira_model_versions WHERE version = v) = 'deprecated' THEN
                 PERFORM sira_rollback('m/' || v);
             ELSE PERFORM sira_promote('m/' || v); END IF;
         END $$;
         CREATE FUNCTION look(OUT version integer, OUT score float8) LANGUAGE plpgsql AS $$
         DECLARE f jsonb := {LEFT};
         BEGIN
             score := sira_score('m', f);
             SELECT v.version INTO version FROM sira_model_versions v WHERE v.status = 'production';
             score := sira_score('m', f);
         END $$;
         CREATE FUNCTION swallowed(v integer) RETURNS void LANGUAGE plpgsql AS $$
         DECLARE before float8 := sira_score('m', {LEFT}); after float8;
         BEGIN
             BEGIN
                 PERFORM live(v); after := sira_score('m', {LEFT}); RAISE division_by_zero;
             EXCEPTION WHEN division_by_zero THEN NULL; END;
             after := sira_score('m', {LEFT});
             -- Another session may have committed between two statements of READ COMMITTED.
             IF before <> after AND current_setting('transaction_isolation') = 'repeatable read' THEN
                 RAISE EXCEPTION 'a swallowed promotion stayed: % became %', before, after USING ERRCODE = 'XX000';
             END IF;
         END $$"
    ))?;
    for session in &mut sessions {
        session.batch_execute("SET lock_timeout = '20ms'; SET client_min_messages = error")?;
    }
    let (mut dice, mut trace, mut checked) = (Dice(7), Vec::new(), 0);
    for _ in 0..STEPS {
        let who = dice.below(sessions.len() as u64) as usize;
        let statement = step(&mut dice);
        let outcome = sessions[who].batch_execute(&statement);
        trace.push(format!(
            "{who}: {statement}: {}",
            outcome.as_ref().err().map_or_else(String::new, ToString::to_string)
        ));
        match outcome.as_ref().err().and_then(sqlstate) {
            // Somebody else holds the model, or changed it first; no such savepoint; failed before; no transaction, or one already.
            None | Some("55P03" | "40001" | "3B001" | "25P02" | "25P01" | "25000" | "25001" | "40P01") => {}
            Some(code) => return Err(format!("{code} at {:#?}", trace.last()).into()),
        }
        for session in &mut sessions {
            if check(session, &trace)? {
                checked += 1;
            }
        }
    }
    println!("{STEPS} steps, {checked} looks");
    assert!(checked > STEPS);
    Ok(())
}
