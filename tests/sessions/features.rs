//! Features that a trigger computes while other sessions write rows of the same entity.

use sira_outside::models::create;
use sira_outside::{Database, Outcome};
use std::thread;

/// Sessions at a time.
const WRITERS: usize = 6;
/// Rows that each writes, a transaction a row.
const ROWS: usize = 5;

/// A table whose model's feature "hour" counts the customer's rows, the one being written among them. All happen at one
/// instant, so that every row which is there counts.
fn world(options: &str) -> Outcome<Database> {
    let database = Database::with_sira()?;
    let mut session = database.session()?;
    create(&mut session, "m", &[1.0])?;
    session.batch_execute(&format!(
        "CREATE TABLE t (id bigserial, customer integer, at timestamptz DEFAULT '2026-01-01', amount float8, risk float8);
         CREATE INDEX ON t (customer, at);
         SELECT sira_define_window_feature('hour', 'customer', 't', 'customer', 'at', 'count', NULL),
                sira_define_request_feature('amount', 'payment');
         SELECT sira_define_feature_set('cards', 'payment', '{{hour,amount}}', '{{\"customer\": \"customer\"}}');
         CREATE TRIGGER score BEFORE INSERT ON t FOR EACH ROW
             EXECUTE FUNCTION sira_predict_trigger('m', 'payment', 'id', 'score=risk', 'features=cards'{options});"
    ))?;
    Ok(database)
}

/// Writes from all sessions at once; the counts that the rows were scored with, in order.
fn burst(database: &Database) -> Outcome<Vec<i64>> {
    thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|_| {
                scope.spawn(|| -> Result<(), postgres::Error> {
                    let mut session = database.session()?;
                    for _ in 0..ROWS {
                        session.batch_execute(
                            "BEGIN; INSERT INTO t (customer, amount) VALUES (7, 1); SELECT pg_sleep(0.005); COMMIT",
                        )?;
                    }
                    Ok(())
                })
            })
            .collect();
        writers.into_iter().try_for_each(|writer| writer.join().unwrap_or(Ok(())))
    })?;
    let rows = database
        .session()?
        .query("SELECT (input_features ->> 'hour')::float8::bigint FROM sira_predictions ORDER BY 1", &[])?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

#[test]
fn rows_of_one_entity_that_wait_for_each_other_see_each_other() -> Outcome {
    let database = world(", 'serialize=on'")?;
    let expected: Vec<i64> = (1..=(WRITERS * ROWS) as i64).collect();
    assert_eq!(burst(&database)?, expected);
    Ok(())
}

/// Without waiting nothing is lost and nobody stands still; a row may miss what had not been committed.
#[test]
fn rows_that_do_not_wait_see_what_was_committed() -> Outcome {
    let counts = burst(&world("")?)?;
    assert_eq!(counts.len(), WRITERS * ROWS);
    assert!(counts.iter().all(|count| (1..=counts.len() as i64).contains(count)), "{counts:?}");
    assert_eq!(counts.first(), Some(&1));
    Ok(())
}
