//! The trigger in the company that tables keep: partitions, COPY, roles that may only insert, other triggers.

use postgres::Client;
use sira_outside::models::{create, left_score};
use sira_outside::{Database, Outcome, refused};
use std::io::Write;

const COLUMNS: &str =
    "id bigint DEFAULT 1, amount float8, hour integer, risk float8, again float8, prediction_id uuid";

fn world() -> Outcome<(Database, Client)> {
    let database = Database::with_sira()?;
    let mut session = database.session()?;
    create(&mut session, "m", &[1.0, 2.0])?;
    Ok((database, session))
}

fn trigger(table: &str, options: &str) -> String {
    format!(
        "CREATE TRIGGER score BEFORE INSERT OR UPDATE OF amount ON {table} FOR EACH ROW
         EXECUTE FUNCTION sira_predict_trigger('m', 'payment', 'id', 'score=risk'{options});"
    )
}

/// Rows whose score is not that of strength 1 for their side of the split.
fn wrong(session: &mut Client, table: &str) -> Outcome<i64> {
    let row = session.query_one(
        &format!(
            "SELECT count(*) FROM {table} WHERE risk IS NULL OR
                 abs(risk - CASE WHEN amount > 100 THEN {} ELSE {} END) > 1e-15",
            left_score(-1.0),
            left_score(1.0)
        ),
        &[],
    )?;
    Ok(row.get(0))
}

#[test]
fn partitions_with_columns_in_another_order_are_scored_by_name() -> Outcome {
    let (_database, mut session) = world()?;
    session.batch_execute(&format!(
        "CREATE TABLE p ({COLUMNS}) PARTITION BY RANGE (hour);
         CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (12);
         CREATE TABLE p2 (extra text, prediction_id uuid, again float8, risk float8, hour integer, amount float8, id bigint);
         ALTER TABLE p2 DROP COLUMN extra; ALTER TABLE p ATTACH PARTITION p2 FOR VALUES FROM (12) TO (24); {}
         INSERT INTO p (id, amount, hour) SELECT i, i % 200, i % 24 FROM generate_series(1, 500) AS i",
        trigger("p", ", 'prediction_id=prediction_id'")
    ))?;
    assert_eq!(wrong(&mut session, "p")?, 0);
    session.batch_execute("UPDATE p SET amount = 199 - amount WHERE hour IN (3, 20)")?;
    assert_eq!(wrong(&mut session, "p")?, 0);
    let row =
        session.query_one("SELECT count(*) FROM p JOIN sira_predictions a ON a.id = p.prediction_id", &[])?;
    assert_eq!(row.get::<_, i64>(0), 500);
    Ok(())
}

#[test]
fn rows_that_come_by_copy_are_scored() -> Outcome {
    let (_database, mut session) = world()?;
    session.batch_execute(&format!("CREATE TABLE c ({COLUMNS}); {}", trigger("c", "")))?;
    let mut copy = session.copy_in("COPY c (id, amount, hour) FROM STDIN")?;
    for id in 0..3_000 {
        writeln!(copy, "{id}\t{}\t{}", id % 200, id % 24)?;
    }
    copy.finish()?;
    assert_eq!(wrong(&mut session, "c")?, 0);
    let row = session.query_one("SELECT count(*), count(DISTINCT id) FROM sira_predictions", &[])?;
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (3_000, 3_000));
    Ok(())
}

#[test]
fn a_role_that_may_only_insert_is_scored() -> Outcome {
    let (database, mut session) = world()?;
    let role = format!("{}_clerk", database.name());
    session.batch_execute(&format!(
        "CREATE TABLE t ({COLUMNS}); {} CREATE ROLE {role} LOGIN; GRANT INSERT ON t TO {role}",
        trigger("t", ", 'prediction_id=prediction_id', 'explain=2'")
    ))?;
    let mut clerk = database.login(&role)?;
    clerk.batch_execute("INSERT INTO t (id, amount) VALUES (1, 50)")?;
    assert_eq!(wrong(&mut session, "t")?, 0);
    refused(clerk.query("SELECT sira_score('m', '{\"amount\": 50}'::jsonb)", &[]), "42501")?;
    // Once there are tenants, whoever belongs to none cannot have a row scored: it is not written unscored.
    session
        .batch_execute("INSERT INTO sira_tenant_members (tenant_id, member) VALUES ('red', 'somebody')")?;
    refused(clerk.batch_execute("INSERT INTO t (id, amount) VALUES (2, 50)"), "42501")
}

/// A second trigger sees what the first has filled in; a promotion in between is seen by the next statement only.
#[test]
fn triggers_of_one_statement_agree_on_the_version() -> Outcome {
    let (_database, mut session) = world()?;
    session.batch_execute(&format!(
        "CREATE TABLE t ({COLUMNS}); {}
         CREATE TRIGGER score_2 BEFORE INSERT ON t FOR EACH ROW
             EXECUTE FUNCTION sira_predict_trigger('m', 'payment', 'id', 'score=again');
         CREATE FUNCTION promote() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN IF NEW.id = 2 THEN PERFORM sira_promote('m/2'); END IF; RETURN NEW; END $$;
         CREATE TRIGGER score_1 BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION promote();
         INSERT INTO t (id, amount) VALUES (1, 50), (2, 50), (3, 50)",
        trigger("t", "")
    ))?;
    assert_eq!(wrong(&mut session, "t")?, 0);
    let row = session.query_one("SELECT count(*) FROM t WHERE again IS DISTINCT FROM risk", &[])?;
    assert_eq!(row.get::<_, i64>(0), 0, "two triggers of one statement scored with two versions");
    session.batch_execute("TRUNCATE t; INSERT INTO t (id, amount) VALUES (9, 50)")?;
    assert_eq!(wrong(&mut session, "t")?, 1, "the next statement still scored with the old version");
    Ok(())
}
