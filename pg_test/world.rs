//! A small world to ask: payments, and a model trained on them. Every test runs in a transaction of its own that is
//! rolled back.

use pgrx::prelude::*;
use serde_json::Value;

/// What most tests ask: binary, with a number, a category, a boolean, a date and a time.
pub const MODEL: &str = "world";

/// A whole set of features of [`MODEL`].
pub const FEATURES: &str = r#"{"amount": 900, "channel": "shop", "abroad": true, "due": "2026-01-05", "paid_at": "2026-01-03 04:00:00"}"#;

pub fn run(sql: &str) {
    Spi::run(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
}

pub fn one<T: FromDatum + IntoDatum>(sql: &str) -> T {
    Spi::get_one::<T>(sql)
        .unwrap_or_else(|error| panic!("{sql}: {error}"))
        .unwrap_or_else(|| panic!("{sql}: null"))
}

pub fn json(sql: &str) -> Value {
    one::<pgrx::JsonB>(sql).0
}

/// The SQLSTATE that a statement ends with, `00000` where it works.
pub fn sqlstate(sql: &str) -> String {
    run("CREATE OR REPLACE FUNCTION pg_temp.sqlstate_of(query text) RETURNS text LANGUAGE plpgsql AS $$
         BEGIN EXECUTE query; RETURN '00000'; EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE; END $$");
    one(&format!("SELECT pg_temp.sqlstate_of($sira${sql}$sira$)"))
}

/// The table `payments` with 400 rows.
pub fn payments() {
    run("CREATE TABLE payments AS
         SELECT g AS id, (g * 7919 % 1000)::float8 AS amount, (ARRAY['web', 'shop', 'atm'])[1 + g % 3] AS channel,
                g % 5 = 0 AS abroad, date '2026-01-01' + g % 30 AS due,
                timestamptz '2026-01-01 00:00:00+00' + g * interval '1 hour' AS paid_at,
                g * 7919 % 1000 > 800 OR (g % 3 = 1 AND g * 7919 % 1000 > 300) AS bad,
                NULL::float8 AS score, NULL::text AS decision, NULL::uuid AS prediction_id
         FROM generate_series(1, 400) g");
}

/// [`MODEL`] in production; gives its metrics.
pub fn trained() -> Value {
    payments();
    run(&format!("SELECT sira_create_model('{MODEL}', 'fraud_detection')"));
    let metrics = train(MODEL, "SELECT amount, channel, abroad, due, paid_at, bad FROM payments", "bad", 10);
    run(&format!("SELECT count(*) FROM sira_promote('{MODEL}')"));
    metrics
}

pub fn train(model: &str, query: &str, label: &str, rounds: u32) -> Value {
    json(&format!(
        "SELECT metrics FROM sira_train('{model}', $q${query}$q$, '{label}', split => '{{\"method\": \"random\"}}', \
         params => '{{\"num_iterations\": {rounds}, \"min_data_in_leaf\": 5}}')"
    ))
}
