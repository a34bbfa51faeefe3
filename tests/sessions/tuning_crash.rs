//! A study whose backend is killed, which takes the whole cluster down for a moment.

use super::{alone, counts, recovered};
use sira_outside::process::Backend;
use sira_outside::{Database, Outcome};
use std::time::{Duration, Instant};

#[test]
fn a_study_that_is_killed_loses_one_trial_at_most() -> Outcome {
    let _alone = alone();
    let database = Database::with_sira()?;
    let mut session = database.session()?;
    session.batch_execute(
        "SELECT sira_create_model('m', 'fraud_detection');
         CREATE TABLE t AS SELECT (i::bigint * 7919 % 1009)::float8 AS a, hashint4(i) % 100 AS b,
             (i::bigint * 7919 % 1009) + hashint4(i + 1000000) % 300 > 800 AS bad FROM generate_series(1, 20000) AS i",
    )?;
    let create = "SELECT sira_create_study('m', 'SELECT * FROM t', 'bad', '{\"num_leaves\": {\"low\": 4, \"high\": 64, \"int\": true}}',
                      trials => 8, split => '{\"method\": \"random\"}', params => '{\"num_iterations\": 100, \"early_stopping_rounds\": 0}')::text";
    let study: String = session.query_one(create, &[])?.get(0);
    let call = format!("CALL sira_run_tuning('{study}')");
    let mut worker = database.session()?;
    let backend = Backend::of(&mut worker)?;
    let working = {
        let call = call.clone();
        std::thread::spawn(move || worker.batch_execute(&call))
    };
    let began = Instant::now();
    while counts(&mut session, ["sira_tuning_trials"])?[0] < 3 {
        assert!(began.elapsed() < Duration::from_secs(60), "no trial is done");
        std::thread::sleep(Duration::from_millis(10));
    }
    backend.kill()?;
    assert!(working.join().map_err(|_| "the worker panicked")?.is_err());
    let mut session = recovered(&database)?;
    let written = ["sira_tuning_trials", "sira_training_runs", "sira_model_versions", "sira_model_artifacts"];
    let [trials, rest @ ..] = counts(&mut session, written)?;
    assert!((3..8).contains(&trials), "{trials} trials");
    assert_eq!(rest, [0, 0, 0]);
    // A commit that was not waited for is no commit: what is there was tried once, what is not is tried again.
    let before = "SELECT string_agg(concat_ws(' ', number, parameters, fold_values, finished_at), '; ' ORDER BY number)
                  FROM sira_tuning_trials WHERE number <= $1";
    let kept: String = session.query_one(before, &[&i32::try_from(trials)?])?.get(0);
    session.batch_execute(&call)?;
    assert_eq!(session.query_one(before, &[&i32::try_from(trials)?])?.get::<_, String>(0), kept);
    assert_eq!(counts(&mut session, written)?, [8, 1, 1, 1]);
    Ok(())
}
