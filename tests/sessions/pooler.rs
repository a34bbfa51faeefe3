//! Through a pooler in transaction mode: one backend serves many clients, a transaction each, and remembers nothing of
//! one that would be wrong for the next.

use postgres::Client;
use sira_outside::models::{LEFT, create, left_score, score};
use sira_outside::process::Backend;
use sira_outside::{Database, Outcome};

fn near(found: f64, strength: f64) {
    assert!((found - left_score(strength)).abs() < 1e-15, "{found} is not the score of strength {strength}");
}

/// A score by the simple protocol, which needs no prepared statement.
fn simple(client: &mut Client, model: &str) -> Outcome<f64> {
    for message in client.simple_query(&format!("SELECT sira_score('{model}', {LEFT})"))? {
        if let postgres::SimpleQueryMessage::Row(row) = message {
            return Ok(row.get(0).ok_or("a score is null")?.parse()?);
        }
    }
    Err("no row".into())
}

#[test]
fn clients_of_one_backend_see_each_others_promotions() -> Outcome {
    let database = Database::with_sira()?;
    let (mut a, mut b) = (database.pooled()?, database.pooled()?);
    create(&mut a, "m", &[1.0, 2.0])?;
    assert_eq!(Backend::of(&mut a)?.0, Backend::of(&mut b)?.0, "two backends show nothing");
    near(simple(&mut b, "m")?, 1.0);
    // What is rolled back was never seen.
    let mut transaction = a.transaction()?;
    transaction.batch_execute("SELECT sira_promote('m/2')")?;
    let inside: f64 = transaction.query_one(&format!("SELECT sira_score('m', {LEFT})"), &[])?.get(0);
    near(inside, 2.0);
    transaction.rollback()?;
    near(simple(&mut b, "m")?, 1.0);
    a.batch_execute("SELECT sira_promote('m/2')")?;
    near(simple(&mut b, "m")?, 2.0);
    // Somebody who does not come through the pooler.
    database.session()?.batch_execute("SELECT sira_rollback('m')")?;
    near(simple(&mut a, "m")?, 1.0);
    let row = b.query_one(
        &format!("SELECT score, prediction_id::text FROM sira_predict('m', 'user', '1', {LEFT})"),
        &[],
    )?;
    near(row.get(0), 1.0);
    let id: String = row.get(1);
    let row = a.query_one("SELECT identical FROM sira_replay($1::text::uuid)", &[&id])?;
    assert!(row.get::<_, bool>(0));
    Ok(())
}

#[test]
fn prepared_statements_outlive_promotions_and_clients() -> Outcome {
    let database = Database::with_sira()?;
    let (mut a, mut b) = (database.pooled()?, database.pooled()?);
    create(&mut a, "m", &[1.0, 2.0])?;
    // By the protocol: the plan stays in the backend, and becomes a generic one after five executions.
    let statement = a.prepare(&format!("SELECT sira_score($1, {LEFT})"))?;
    for promoted in [2.0, 1.0, 2.0] {
        let version = format!("m/{promoted}");
        for _ in 0..7 {
            near(a.query_one(&statement, &[&version])?.get(0), promoted);
        }
        b.batch_execute(if promoted > 1.0 {
            "SELECT sira_promote('m/2')"
        } else {
            "SELECT sira_rollback('m')"
        })?;
        near(a.query_one(&statement, &[&"m"])?.get(0), promoted);
    }
    // By SQL, inside one transaction and left behind for the next client.
    a.simple_query(&format!("BEGIN; PREPARE left_score(text) AS SELECT sira_score($1, {LEFT}); COMMIT"))?;
    for _ in 0..7 {
        b.simple_query("EXECUTE left_score('m')")?;
    }
    b.batch_execute("SELECT sira_rollback('m')")?;
    let executed = b.simple_query("EXECUTE left_score('m')")?;
    let value = executed.iter().find_map(|message| match message {
        postgres::SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    near(value.ok_or("no row")?.parse()?, 1.0);
    Ok(())
}

#[test]
fn a_tenant_set_for_one_transaction_is_not_the_next_ones() -> Outcome {
    let database = Database::with_sira()?;
    let mut owner = database.session()?;
    for (tenant, strength) in [("red", 1.0), ("blue", 2.0)] {
        owner.batch_execute(&format!("SET sira.tenant = '{tenant}'"))?;
        create(&mut owner, "m", &[strength])?;
    }
    let (mut red, mut blue) = (database.pooled()?, database.pooled()?);
    for _ in 0..3 {
        for (client, tenant, strength) in [(&mut red, "red", 1.0), (&mut blue, "blue", 2.0)] {
            let mut transaction = client.transaction()?;
            transaction.batch_execute(&format!("SET LOCAL sira.tenant = '{tenant}'"))?;
            near(transaction.query_one(&format!("SELECT sira_score('m', {LEFT})"), &[])?.get(0), strength);
            transaction.commit()?;
        }
        assert!(simple(&mut blue, "m").is_err(), "a tenant was left behind");
    }
    Ok(())
}

#[test]
fn many_clients_take_turns() -> Outcome {
    let database = Database::with_sira()?;
    let mut owner = database.session()?;
    create(&mut owner, "m", &[1.0])?;
    let truth = score(&mut owner, "m")?.to_bits();
    let mut clients: Vec<Client> = (0..20).map(|_| database.pooled()).collect::<Result<_, _>>()?;
    let wrong: usize = std::thread::scope(|scope| {
        let running: Vec<_> = clients
            .iter_mut()
            .map(|client| {
                scope.spawn(|| {
                    (0..20).filter(|_| !matches!(simple(client, "m"), Ok(s) if s.to_bits() == truth)).count()
                })
            })
            .collect();
        running.into_iter().map(|one| one.join().unwrap_or(20)).sum()
    });
    assert_eq!(wrong, 0);
    Ok(())
}
