//! Cases of a point-in-time join: each becomes a stored feature with a maximal age, and is asked online and offline.

use sira_outside::{Database, Outcome};

pub fn check(cases: &str) -> Outcome {
    let database = Database::with_sira()?;
    let mut session = database.session()?;
    session.batch_execute("SET timezone = 'UTC'; CREATE TABLE cases (number bigint, c jsonb)")?;
    session.execute(
        "INSERT INTO cases SELECT row_number() OVER (), value FROM jsonb_array_elements($1::text::jsonb)",
        &[&cases],
    )?;
    session.batch_execute(
        r#"SELECT sira_define_stored_feature('v' || number, 'thing', max_age => make_interval(secs => (c ->> 'ttl_s')::float8)) FROM cases;
           SELECT sira_define_feature_set('s' || number, 'thing', ARRAY['v' || number]) FROM cases;
           INSERT INTO sira_features (entity_type, entity_id, feature_key, feature_value, sample_ts, recorded_at)
               SELECT 'thing', f ->> 'k', 'v' || number, (f ->> 'v')::float8, (f ->> 'event')::timestamptz, (f ->> 'created')::timestamptz
               FROM cases, jsonb_array_elements(c -> 'features') f;
           CREATE TABLE asked AS
               SELECT number, c ->> 'name' AS name, (c ->> 'filter_created')::boolean AS as_known, place, e ->> 'k' AS entity_id,
                      (e ->> 'ts')::timestamptz AS as_of, (e ->> 'expect')::float8 AS expected, e ->> 'status' AS status
               FROM cases, jsonb_array_elements(c -> 'entities') WITH ORDINALITY AS x (e, place);"#,
    )?;
    let wrong = session.query(
        "SELECT a.name || ', row ' || a.place || ': online ' || coalesce(o.value::text, 'NULL') || ' ' || o.status || ', expected ' || coalesce(a.expected::text, 'NULL')
         FROM asked a, sira_get_features('s' || number, entity_id, as_of, as_known => a.as_known) o
         WHERE o.value IS DISTINCT FROM a.expected OR o.status <> coalesce(a.status, o.status)
         UNION ALL
         SELECT c.c ->> 'name' || ', row ' || a.place || ': offline ' || coalesce(h.features::text, 'NULL') || ', expected ' || coalesce(a.expected::text, 'NULL')
         FROM cases c CROSS JOIN LATERAL ROWS FROM (sira_historical_features('s' || number,
                  format('SELECT entity_id, as_of FROM asked WHERE number = %s ORDER BY place', number), (c ->> 'filter_created')::boolean))
              WITH ORDINALITY AS h (entity_id, as_of, features, place)
         JOIN asked a ON (a.number, a.place) = (c.number, h.place)
         WHERE (h.features ->> ('v' || c.number))::float8 IS DISTINCT FROM a.expected",
        &[],
    )?;
    let wrong: Vec<String> = wrong.iter().map(|row| row.get(0)).collect();
    let asked: i64 = session.query_one("SELECT count(*) FROM asked", &[])?.get(0);
    println!("{asked} questions");
    if wrong.is_empty() && asked > 8 {
        Ok(())
    } else {
        Err(format!("{asked} asked, wrong are {wrong:#?}").into())
    }
}
