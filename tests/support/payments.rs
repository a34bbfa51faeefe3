//! Payments of customers, a feature set over them, and what SQL says of its snapshots.

use crate::models::create;
use crate::{Database, Outcome};
use postgres::Client;

/// What the latest snapshots say and what the rows say, where they differ; amounts are whole, so sums are exact.
pub const DIFFERENCES: &str = "
    SELECT count(*) FROM (SELECT DISTINCT customer FROM payments) c
    LEFT JOIN LATERAL sira_latest_snapshot('cards', c.customer) l ON true
    CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE at > now() - interval '1 hour') AS n,
               coalesce(sum(amount), 0) AS s
        FROM payments p WHERE p.customer = c.customer AND at > now() - interval '10 days' AND at <= now()) r
    WHERE l.features IS NULL OR (l.features ->> 'hour')::float8 IS DISTINCT FROM r.n
       OR coalesce((l.features ->> 'amount')::float8, 0) IS DISTINCT FROM r.s";

/// Payments, a set of two windows over them, and a model that reads snapshots.
pub fn world() -> Outcome<(Database, Client)> {
    let database = Database::with_sira()?;
    let mut session = database.session()?;
    session.batch_execute(&format!(
        "ALTER DATABASE {} SET sira.settle_margin = 0;
         SET sira.settle_margin = 0;
         CREATE TABLE payments (customer bigint, at timestamptz, amount float8, recorded timestamptz DEFAULT clock_timestamp());
         CREATE INDEX ON payments (customer, at);
         SELECT sira_define_window_feature('hour', 'customer', 'payments', 'customer', 'at', 'count', interval '1 hour', recorded_column => 'recorded');
         SELECT sira_define_window_feature('amount', 'customer', 'payments', 'customer', 'at', 'sum', interval '10 days', value => 'amount', recorded_column => 'recorded');
         SELECT sira_define_feature_set('cards', 'customer', '{{hour,amount}}')",
        database.name()
    ))?;
    create(&mut session, "m", &[1.0])?;
    Ok((database, session))
}
