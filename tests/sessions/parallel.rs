//! Scores in parallel workers are the leader's.

use sira_outside::models::create;
use sira_outside::{Database, Outcome};

const SUM: &str = "SELECT sum(sira_score('m', t)) FROM t";

#[test]
fn parallel_workers_score_as_the_leader_does() -> Outcome {
    let database = Database::with_sira()?;
    let mut owner = database.session()?;
    create(&mut owner, "m", &[1.0, 2.0])?;
    let role = format!("{}_scorer", database.name());
    owner.batch_execute(&format!(
        "CREATE TABLE t AS SELECT (i % 200)::float8 AS amount, i % 24 AS hour FROM generate_series(1, 20000) AS i;
         ANALYZE t; CREATE ROLE {role} LOGIN; GRANT sira_inference TO {role}; GRANT SELECT ON t TO {role}"
    ))?;
    let mut scorer = database.login(&role)?;
    for session in [&mut owner, &mut scorer] {
        session.batch_execute("SET max_parallel_workers_per_gather = 0")?;
        let serial: f64 = session.query_one(SUM, &[])?.get(0);
        session.batch_execute(
            "SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;
             SET min_parallel_table_scan_size = 0; SET parallel_leader_participation = off",
        )?;
        let plan: Vec<String> = session
            .query(&format!("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) {SUM}"), &[])?
            .iter()
            .map(|row| row.get(0))
            .collect();
        assert!(plan.iter().any(|line| line.contains("Workers Launched: 2")), "{plan:#?}");
        let parallel: f64 = session.query_one(SUM, &[])?.get(0);
        // Half of the rows are on either side of the split, whose scores add up to one.
        assert!((serial - 10000.0).abs() < 200.0, "{serial}");
        assert!((parallel - serial).abs() < 1e-6, "{parallel} is not {serial}");
    }
    // A version that only this transaction sees is also what its workers see.
    owner.batch_execute("BEGIN; SELECT sira_promote('m/2')")?;
    let inside: f64 =
        owner.query_one("SELECT sum(abs(sira_score('m', t) - sira_score('m/2', t))) FROM t", &[])?.get(0);
    owner.batch_execute("ROLLBACK")?;
    assert!(inside.abs() < 1e-9, "workers scored with another version than their transaction's: {inside}");
    Ok(())
}

#[test]
fn parallel_workers_work_for_the_leaders_tenant() -> Outcome {
    let database = Database::with_sira()?;
    let mut owner = database.session()?;
    let role = format!("{}_both", database.name());
    owner.batch_execute(&format!(
        "CREATE ROLE {role} LOGIN; GRANT sira_inference TO {role};
         CREATE TABLE t AS SELECT 50.0::float8 AS amount, i % 24 AS hour FROM generate_series(1, 2000) AS i;
         ANALYZE t; GRANT SELECT ON t TO {role};
         INSERT INTO sira_tenant_members (tenant_id, member) VALUES ('red', '{role}'), ('blue', '{role}')"
    ))?;
    for (tenant, strength) in [("red", 1.0), ("blue", 2.0)] {
        owner.batch_execute(&format!("SET sira.tenant = '{tenant}'"))?;
        create(&mut owner, "m", &[strength])?;
    }
    let mut scorer = database.login(&role)?;
    scorer.batch_execute(
        "SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;
         SET min_parallel_table_scan_size = 0; SET parallel_leader_participation = off",
    )?;
    for (tenant, strength) in [("red", 1.0_f64), ("blue", 2.0)] {
        scorer.batch_execute(&format!("SET sira.tenant = '{tenant}'"))?;
        let sum: f64 = scorer.query_one(SUM, &[])?.get(0);
        assert!((sum - 2000.0 / (1.0 + strength.exp())).abs() < 1e-6, "{tenant}: {sum}");
    }
    Ok(())
}
