-- Snapshots: what they hold, what is written again, what is refused.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS sira;
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET sira.settle_margin = 0;
BEGIN;
\set ON_ERROR_ROLLBACK on
CREATE TABLE sn_payments (customer bigint, at timestamptz, amount float8, recorded timestamptz);
INSERT INTO sn_payments VALUES
    (1, '2026-01-01 10:00', 10, '2026-01-01 10:00'), (1, '2026-01-02 10:00', 20, '2026-01-02 10:00'),
    (2, '2026-01-02 12:00', 5, '2026-01-02 12:00'),
    (3, '2026-01-01 09:00', 7, '2026-01-03 08:00'), -- recorded two days late
    (NULL, '2026-01-01 09:00', 7, '2026-01-01 09:00');
SELECT sira_define_window_feature('sn_n_1d', 'sn_customer', 'sn_payments', 'customer', 'at', 'count', '1 day', recorded_column => 'recorded'),
       sira_define_window_feature('sn_sum', 'sn_customer', 'sn_payments', 'customer', 'at', 'sum', '30 days', value => 'amount', recorded_column => 'recorded'),
       sira_define_stored_feature('sn_risk', 'sn_customer', value_type => 'text', max_age => interval '2 days'),
       sira_define_derived_feature('sn_mean', 'sn_customer', 'sn_sum / nullif(sn_n_1d, 0)');
SELECT sira_define_feature_set('sn_cards', 'sn_customer', '{sn_n_1d,sn_sum,sn_risk,sn_mean}');
INSERT INTO sira_features (entity_type, entity_id, feature_key, value_text, sample_ts, recorded_at)
VALUES ('sn_customer', 'stored only', 'sn_risk', 'high', '2026-01-02', '2026-01-02');

-- All that are known at a moment; the late row is not, nor is the row of nobody.
SELECT sira_materialize_snapshots('sn_cards', '2026-01-02 13:00');
SELECT entity_id, features FROM sira_feature_snapshots WHERE feature_set = 'sn_cards' ORDER BY entity_id;
SELECT feature_set_version, watermark FROM sira_feature_watermarks WHERE feature_set = 'sn_cards';
-- From then on who changes: the late row was recorded, and customer 1's first day is over; what may be two days old is served at two
-- days, and not after.
SELECT sira_changed_entities('sn_cards', '2026-01-02 13:00', '2026-01-03 09:00') AS changed;
SELECT sira_changed_entities('sn_cards', '2026-01-02 13:00', '2026-01-03 11:00') AS changed;
SELECT sira_changed_entities('sn_cards', '2026-01-02 13:00', '2026-01-04 00:00') AS changed;
SELECT sira_changed_entities('sn_cards', '2026-01-02 13:00', '2026-01-04 00:00:00.000001') AS changed;
SELECT sira_materialize_snapshots('sn_cards', '2026-01-03 11:00');
SELECT entity_id, features FROM sira_feature_snapshots WHERE feature_set = 'sn_cards' AND snapshot_ts = '2026-01-03 11:00' ORDER BY entity_id;
-- Every snapshot is what the set says of its moment.
SELECT count(*) AS differ FROM sira_feature_snapshots s, LATERAL sira_feature_vector('sn_cards', s.entity_id, s.snapshot_ts) v
WHERE s.feature_set = 'sn_cards' AND s.features <> v;
-- The same moment again replaces, the past hides nothing and moves no watermark.
SELECT sira_materialize_snapshots('sn_cards', '2026-01-03 11:00', '{1,3,3,NULL,nobody}');
SELECT sira_materialize_snapshots('sn_cards', '2026-01-03 11:00', '{01," 1 ",+1,1}');
SELECT sira_materialize_snapshots('sn_cards', '2026-01-01 11:00');
SELECT entity_id, count(*), count(updated_at) AS again, max(snapshot_ts) FROM sira_feature_snapshots WHERE feature_set = 'sn_cards' GROUP BY 1 ORDER BY 1;
SELECT watermark FROM sira_feature_watermarks WHERE feature_set = 'sn_cards';
-- A range, as it would have been written then.
SELECT sira_backfill_features('sn_cards', '2025-12-31 11:00', '2026-01-02 11:00', '1 day');
SELECT snapshot_ts, entity_id, features ->> 'sn_sum' AS sn_sum FROM sira_feature_snapshots
WHERE feature_set = 'sn_cards' AND snapshot_ts <= '2026-01-02 11:00' ORDER BY 1, 2;

-- The latest, at a moment, not too old.
SELECT * FROM sira_latest_snapshot('sn_cards', 1);
SELECT * FROM sira_latest_snapshot('sn_cards', '1', '2026-01-03');
SELECT * FROM sira_latest_snapshot('sn_cards/1', '1', '2026-01-03', interval '10 hours');
SELECT * FROM sira_latest_snapshot('sn_cards', 'never seen');
SELECT sira_define_feature_set('sn_cards', 'sn_customer', '{sn_n_1d}');
SELECT count(*) FROM sira_latest_snapshot('sn_cards', 1);
SELECT set_version FROM sira_latest_snapshot('sn_cards/1', 1);
-- A stored value stops being served when it is too old, without a new row.
SELECT sira_define_feature_set('sn_risks', 'sn_customer', '{sn_risk}');
SELECT sira_materialize_snapshots('sn_risks', '2026-01-03');
SELECT sira_materialize_snapshots('sn_risks', '2026-01-05');
SELECT snapshot_ts, features FROM sira_feature_snapshots WHERE feature_set = 'sn_risks' ORDER BY 1;

-- A source that does not say when its rows were recorded: what comes late, is changed or is deleted waits for a full run, which
-- also takes those of whom nothing is left.
CREATE TABLE sn_late (customer bigint, at timestamptz);
INSERT INTO sn_late VALUES (1, '2026-01-01'), (2, '2026-01-01'), (3, '2026-01-01');
SELECT sira_define_window_feature('sn_late_n', 'sn_customer', 'sn_late', 'customer', 'at', 'count', NULL),
       sira_define_window_feature('sn_late_30', 'sn_customer', 'sn_late', 'customer', 'at', 'count', '30 days');
SELECT sira_define_feature_set('sn_lates', 'sn_customer', '{sn_late_n,sn_late_30,sn_n_1d}');
SELECT sira_materialize_snapshots('sn_lates', '2026-01-04');
INSERT INTO sn_late VALUES (1, '2026-01-01');
UPDATE sn_late SET customer = 2 WHERE customer = 3;
INSERT INTO sira_feature_snapshots (entity_type, entity_id, feature_set, snapshot_ts, features)
VALUES ('sn_customer', 'by hand', 'sn_lates', '2026-01-04', '{"sn_late_n": 7}');
SELECT sira_materialize_snapshots('sn_lates', '2026-01-05');
SELECT sira_materialize_snapshots('sn_lates', '2026-01-06', "full" => true);
SELECT DISTINCT ON (entity_id) entity_id, snapshot_ts, features FROM sira_feature_snapshots
WHERE feature_set = 'sn_lates' ORDER BY 1, 2 DESC;
SELECT count(*) AS differ FROM sira_feature_snapshots s, LATERAL sira_feature_vector('sn_lates', s.entity_id, s.snapshot_ts) v
WHERE s.feature_set = 'sn_lates' AND s.snapshot_ts = '2026-01-06' AND s.features <> v;
SELECT watermark FROM sira_feature_watermarks WHERE feature_set = 'sn_lates';
SELECT sira_materialize_snapshots('sn_lates', '2026-01-06', '{1}', full => true);

-- What changes at an edge: a row of the very watermark that does not count at its own moment, a value on the day on which it
-- becomes too old, a recording that is known when its day is over. Each run leaves what computing everybody would give.
CREATE TABLE sn_days (customer bigint, day date, recorded date);
INSERT INTO sn_days VALUES (1, '2026-01-09', '2026-01-08'), (1, '2026-01-10', '2026-01-08'), (2, '2026-01-03', '2026-01-10'), (3, '2026-01-01', NULL);
SELECT sira_define_window_feature('sn_before', 'sn_day', 'sn_days', 'customer', 'day', 'count', NULL, include_current => false,
                                  recorded_column => 'recorded'),
       sira_define_window_feature('sn_two_days', 'sn_day', 'sn_days', 'customer', 'day', 'count', '2 days', include_current => false,
                                  delay => '1 day', recorded_column => 'recorded'),
       sira_define_stored_feature('sn_day_risk', 'sn_day', max_age => interval '1 day');
SELECT sira_define_feature_set('sn_edges', 'sn_day', '{sn_before,sn_two_days}'),
       sira_define_feature_set('sn_edge_risks', 'sn_day', '{sn_day_risk}');
INSERT INTO sira_features (entity_type, entity_id, feature_key, feature_value, sample_ts, recorded_at)
VALUES ('sn_day', '4', 'sn_day_risk', 5, '2026-01-10', '2026-01-10');
SELECT d::date AS day, array_agg(sira_materialize_snapshots(s, d) ORDER BY s) AS written
FROM generate_series(timestamptz '2026-01-09', '2026-01-13', '12 hours') AS d, unnest('{sn_edge_risks,sn_edges}'::text[]) AS s GROUP BY d ORDER BY d;
SELECT snapshot_ts, entity_id, features FROM sira_feature_snapshots WHERE feature_set LIKE 'sn\_edge%' ORDER BY feature_set, entity_id, 1;
SELECT count(*) AS stale
FROM generate_series(timestamptz '2026-01-09', '2026-01-13', '12 hours') AS d, (VALUES ('sn_edges', 1), ('sn_edges', 2), ('sn_edges', 3), ('sn_edge_risks', 4)) AS e (set, id),
     LATERAL sira_latest_snapshot(e.set, e.id, d) l
WHERE l.features <> sira_feature_vector(e.set, e.id, d);

-- Mistakes.
SELECT sira_materialize_snapshots(NULL);
SELECT sira_materialize_snapshots('sn_nothing');
SELECT sira_materialize_snapshots('sn_cards/9');
SELECT sira_materialize_snapshots('sn_cards', 'infinity');
SELECT sira_backfill_features('sn_cards', '2026-01-02', '2026-01-01');
SELECT sira_backfill_features('sn_cards', '2026-01-01', '2026-01-02', '0');
SELECT sira_backfill_features('sn_cards', '2026-01-01', '2026-01-02', '1 month');
SELECT sira_backfill_features('sn_cards', '2026-01-01', '2026-01-02', '1 microsecond');
SELECT sira_backfill_features('sn_cards', '2026-01-01', '2026-01-02', '1000000000 days');
SELECT sira_backfill_features('sn_cards', NULL, '2026-01-02');
SELECT sira_latest_snapshot('sn_cards', NULL::text);
SELECT sira_latest_snapshot('sn_cards', '1', max_age => '1 year');
SELECT sira_define_sql_feature('sn_sql', 'sn_customer', 'SELECT 1.0::float8 WHERE $entity_id IS NOT NULL AND $as_of IS NOT NULL');
SELECT sira_define_feature_set('sn_sqls', 'sn_customer', '{sn_sql}');
SELECT sira_materialize_snapshots('sn_sqls');
SELECT sira_materialize_snapshots('sn_sqls', '2026-01-01', '{a}');
SELECT sira_define_feature_set('sn_rows', 'transaction', '{sn_sum}', '{"sn_customer": "customer_id"}');
SELECT sira_materialize_snapshots('sn_rows');
\set VERBOSITY sqlstate
SELECT sira_materialize_snapshots('sn_cards', now() + interval '1 hour');
\set VERBOSITY default
-- Whoever only predicts reads the latest, and writes none.
SET ROLE sira_inference;
SELECT set_version FROM sira_latest_snapshot('sn_cards/1', 1);
SELECT sira_materialize_snapshots('sn_cards');
SELECT sira_backfill_features('sn_cards', '2026-01-01', '2026-01-02');
RESET ROLE;
ROLLBACK;
