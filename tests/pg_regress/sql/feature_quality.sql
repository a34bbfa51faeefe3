-- Rules of features: what they may say, which rows and figures break them, gates, statistics, freshness, importance.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS sira;
\set SHOW_CONTEXT never
\set VERBOSITY default
\pset format unaligned
\pset footer off
\pset fieldsep ' | '
SET timezone = 'UTC';
CREATE SCHEMA fq;
SET search_path = fq, public;
CREATE TABLE fq.shops (id integer PRIMARY KEY, code text UNIQUE);
INSERT INTO fq.shops VALUES (1, 'a'), (2, 'b');

-- What a rule may say is checked when the feature is defined.
SELECT sira_define_stored_feature('f', 'customer', rules => '[1]');
SELECT sira_define_stored_feature('f', 'customer', rules => '{"nul_rate": 0.1}');
SELECT sira_define_stored_feature('f', 'customer', rules => '{"null_rate": 1.5}');
SELECT sira_define_stored_feature('f', 'customer', rules => '{"null_rate": {"most": 0.5}}');
SELECT sira_define_stored_feature('f', 'customer', rules => '{"min": "0"}');
SELECT sira_define_stored_feature('f', 'customer', rules => '{"range": {"min": 2, "max": 1}}');
SELECT sira_define_stored_feature('f', 'customer', rules => '{"range": {}}');
SELECT sira_define_stored_feature('f', 'customer', 'text', rules => '{"min": 0}');
SELECT sira_define_stored_feature('f', 'customer', rules => '{"type": "uuid"}');
SELECT sira_define_stored_feature('f', 'customer', 'json', rules => '{"type": "uuid"}');
SELECT sira_define_stored_feature('f', 'customer', rules => '{"not_null": {"severity": "fatal"}}');
SELECT sira_define_stored_feature('f', 'customer', rules => '{"unique": 1}');
SELECT sira_define_stored_feature('f', 'customer', rules => '{"distribution": 0}');
SELECT sira_define_stored_feature('f', 'customer', rules => '{"accepted_values": []}');
SELECT sira_define_stored_feature('f', 'customer', rules => '{"accepted_values": [1, "2"]}');
SELECT sira_define_stored_feature('f', 'customer', rules => '{"references": {"relation": "fq.shops"}}');
SELECT sira_define_stored_feature('f', 'customer', rules => '{"references": {"relation": "fq.nowhere", "column": "id"}}');
SELECT sira_define_stored_feature('f', 'customer', rules => '{"references": {"relation": "fq.shops", "column": "nosuch"}}');
SELECT sira_define_stored_feature('f', 'customer', rules => '{"references": {"relation": "fq.shops; DROP TABLE fq.shops", "column": "id"}}');
SELECT sira_define_stored_feature('f', 'customer', rules => '{"sql": 1}');
SELECT sira_define_stored_feature('f', 'customer', rules => '{"sql": "value + 1"}');
SELECT sira_define_stored_feature('f', 'customer', rules => '{"sql": "valeu > 0"}');
SELECT sira_define_stored_feature('f', 'customer', rules => '{"sql": "true) OR (true"}');
SELECT sira_define_stored_feature('f', 'customer', rules => '{"sql": "true); DROP TABLE fq.shops; --"}');
SELECT sira_define_stored_feature('f', 'customer', rules => '{"sql": "value IN (SELECT id FROM fq.shops)"}');
SELECT sira_define_stored_feature('f', 'customer', rules => '{"sql": "random() < value"}');
SELECT sira_define_stored_feature('f', 'customer', rules => '{"sql": "as_of < now()"}');

-- Every rule, over the rows of a query.
CREATE FUNCTION fq.odd(x float8) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT x::numeric % 2 = 1';
SELECT sira_define_request_feature('amount', 'payment', rules => '{"not_null": true, "null_rate": {"max": 0.1, "severity": "warning"}, "range": {"min": 0, "max": 100}, "type": "integer", "distinct": {"min": 2, "max": 5}, "unique": {"severity": "warning"}, "accepted_values": [1, 2.5, 7], "sql": "odd(value) OR entity_id = ''x''", "references": {"relation": "shops", "column": "id", "severity": "warning"}}'),
       sira_define_request_feature('code', 'payment', 'text', rules => '{"accepted_values": ["a", "b", "c"], "references": {"relation": "shops", "column": "code"}, "type": "boolean", "sql": "length(value) < 2"}'),
       sira_define_request_feature('ok', 'payment', 'boolean', rules => '{"accepted_values": [true], "sql": "value", "not_null": false}'),
       sira_define_request_feature('free', 'payment', rules => '{"min": {"value": 0, "severity": "warning"}, "max": 10}');
SELECT rules FROM sira_feature_definitions WHERE name = 'code';
SELECT sira_define_feature_set('payments', 'payment', '{amount,code,ok,free}');
-- The path of whoever asks is not that of the definition.
SET search_path = public;
CREATE TABLE fq.rows AS SELECT * FROM (VALUES
    ('1', 1.0::float8, 'a', true, 1.0::float8), ('2', 1, 'b', true, 2), ('3', 2.5, 'c', false, 'NaN'), ('x', NULL, NULL, NULL, NULL),
    ('y', -3, 'dd', true, 11), ('z', 'NaN', 'a', true, -1)) v (entity_id, amount, code, ok, free);
\set asked '''SELECT entity_id, timestamptz ''''2026-03-01'''' AS as_of, amount, code, ok, free FROM fq.rows'''
SELECT * FROM sira_validate_features('payments', entities => :asked);
SELECT * FROM sira_feature_violations('payments', entities => :asked) WHERE feature <> 'amount';
SELECT rule, string_agg(coalesce(entity_id, '?') || '=' || coalesce(value, 'NULL'), ',' ORDER BY entity_id) AS rows
FROM sira_feature_violations('payments', entities => :asked) WHERE feature = 'amount' GROUP BY rule ORDER BY rule;
-- A gate: errors refuse, warnings warn, nothing passes in silence.
SELECT count(*) FROM sira_validate_features('payments', gate => true, entities => :asked);
DO $$ BEGIN PERFORM sira_validate_features('payments', gate => true, entities => 'SELECT ''1'' AS entity_id, now() AS as_of, NULL::float8 AS amount');
EXCEPTION WHEN check_violation THEN RAISE INFO 'check_violation'; END $$;
SELECT feature, rule FROM sira_validate_features('payments', gate => true, entities =>
    'SELECT id::text AS entity_id, now() AS as_of, CASE id WHEN 1 THEN 1 ELSE 7 END::float8 AS amount, ''a'' AS code, true AS ok, -1 AS free FROM fq.shops')
WHERE feature <> 'code';
SELECT feature, rule FROM sira_validate_features('payments', gate => true, entities =>
    'SELECT id::text AS entity_id, now() AS as_of, CASE id WHEN 1 THEN 1 ELSE 7 END::float8 AS amount, true AS ok, -1 AS free FROM fq.shops');
SELECT * FROM sira_validate_features('payments', entities => 'SELECT ''1'' AS entity_id, now() AS as_of LIMIT 0');
SELECT * FROM sira_validate_features('payments', gate => true);
SELECT * FROM sira_validate_features('nosuch');
SELECT * FROM sira_validate_features(NULL);
SELECT * FROM sira_validate_features('payments', 'infinity');
SELECT * FROM sira_validate_features('payments', entities => 'DELETE FROM fq.rows RETURNING entity_id, now() AS as_of');
SELECT * FROM sira_validate_features('payments', entities => 'SELECT 1; DROP TABLE fq.rows');

-- An expression that some value cannot bear, and a relation that is gone, are errors that name the feature.
SELECT sira_define_request_feature('free', 'payment', rules => '{"sql": "1 / value > 0"}');
SELECT sira_define_feature_set('bad', 'payment', '{free}');
SELECT * FROM sira_validate_features('bad', entities => 'SELECT ''1'' AS entity_id, now() AS as_of, 0 AS free');
ALTER TABLE fq.shops RENAME TO stores;
SELECT * FROM sira_validate_features('payments', entities => :asked);
ALTER TABLE fq.stores RENAME TO shops;

-- Over snapshots: the newest of each entity up to the moment; what is not of its type is named.
SELECT sira_define_stored_feature('n', 'customer', max_age => '1 day', rules => '{"min": 0, "distribution": 0.2, "null_rate": 0.5}'),
       sira_define_stored_feature('kind', 'customer', 'text', rules => '{"distribution": {"psi": 0.2, "severity": "warning"}}'),
       sira_define_stored_feature('flag', 'customer', 'boolean');
SELECT sira_define_feature_set('snap', 'customer', '{n,kind,flag}');
INSERT INTO sira_feature_snapshots (entity_type, entity_id, feature_set, feature_set_version, snapshot_ts, features)
SELECT 'customer', i::text, 'snap', 1, '2026-03-01 00:00+00', jsonb_build_object('n', i, 'kind', CASE WHEN i % 4 = 0 THEN 'b' ELSE 'a' END, 'flag', true)
FROM generate_series(1, 200) i;
SELECT * FROM sira_validate_features('snap', '2026-02-28');
SELECT * FROM sira_validate_features('snap', '2026-03-01');
SELECT sira_record_feature_statistics('snap', '2026-03-01');
SELECT feature, as_of, rows, nulls, null_rate, nans, infinite, distinct_values, min, max, mean, round(stddev::numeric, 9) AS stddev, fractions, quantiles, cut_points, categories, bin_counts, accepted
FROM sira_feature_statistics WHERE feature_set = 'snap' ORDER BY feature;
-- The same figures as PostgreSQL's.
SELECT min, max, mean = (SELECT avg(i) FROM generate_series(1, 200) i) AS mean, abs(stddev - (SELECT stddev(i) FROM generate_series(1, 200) i)::float8) < 1e-12 AS stddev,
       quantiles = (SELECT percentile_cont(fractions) WITHIN GROUP (ORDER BY i) FROM generate_series(1, 200) i) AS quantiles
FROM sira_feature_statistics WHERE feature_set = 'snap' AND feature = 'n';
SELECT * FROM sira_validate_features('snap', '2026-03-01');
-- A newer snapshot counts, an older one does not. The distribution moves, and so do the categories.
INSERT INTO sira_feature_snapshots (entity_type, entity_id, feature_set, feature_set_version, snapshot_ts, features)
SELECT 'customer', i::text, 'snap', 1, '2026-03-02 00:00+00', jsonb_build_object('n', i / 4, 'kind', CASE WHEN i % 4 = 0 THEN 'a' ELSE 'c' END, 'flag', true)
FROM generate_series(1, 150) i;
SELECT * FROM sira_validate_features('snap', '2026-03-01 12:00+00');
SELECT feature, rule, severity, round(split_part(observed, ' ', 2)::numeric, 9) AS psi, expected, rows, detail FROM sira_validate_features('snap', '2026-03-02');
-- The index by hand: shares of the frozen bins, an empty one counted as 0.0001.
WITH b AS (SELECT cut_points, bin_counts FROM sira_feature_statistics WHERE feature_set = 'snap' AND feature = 'n'),
     v AS (SELECT width_bucket(CASE WHEN i <= 150 THEN i / 4 ELSE i END::float8, cut_points) AS bin FROM b, generate_series(1, 200) i),
     s AS (SELECT greatest(c / 200.0, 0.0001) AS p, greatest((SELECT count(*) FROM v WHERE v.bin = place - 1) / 200.0, 0.0001) AS q, c, (SELECT count(*) FROM v WHERE v.bin = place - 1) AS n
           FROM b, unnest(bin_counts) WITH ORDINALITY AS u (c, place))
SELECT round(sum((q - p) * ln(q / p))::numeric, 9) AS psi FROM s WHERE c > 0 OR n > 0;
-- What breaks a rule is kept and not accepted; the next is still compared with the last accepted. By hand a change is accepted.
SELECT sira_record_feature_statistics('snap', '2026-03-02');
SELECT feature, as_of, accepted FROM sira_feature_statistics WHERE feature_set = 'snap' ORDER BY as_of, feature;
SELECT feature, rule FROM sira_validate_features('snap', '2026-03-02');
SELECT feature_set, feature, as_of, accepted, last_accepted FROM sira_feature_quality WHERE feature_set = 'snap' ORDER BY feature;
UPDATE sira_feature_statistics SET accepted = true WHERE feature = 'n' AND as_of = '2026-03-02';
SELECT feature, rule FROM sira_validate_features('snap', '2026-03-02');
-- Wrong types, missing values, NaN.
INSERT INTO sira_feature_snapshots (entity_type, entity_id, feature_set, feature_set_version, snapshot_ts, features)
VALUES ('customer', '1', 'snap', 1, '2026-03-03', '{"n": "many", "kind": 3, "flag": 1}'), ('customer', '2', 'snap', NULL, '2026-03-03', '{"n": "NaN"}'),
       ('customer', '3', 'snap', 7, '2026-03-03', '{"n": -5}'), ('customer', '4', 'snap', 1, '2026-03-03', '{"n": -5}');
SELECT feature, rule, severity, observed, expected, rows, example_entity, detail FROM sira_validate_features('snap', '2026-03-03') WHERE rule <> 'distribution';
SELECT * FROM sira_feature_violations('snap', '2026-03-03');

-- Freshness: a stored feature by its newest sample, any other by its newest snapshot.
BEGIN;
INSERT INTO sira_features (entity_type, entity_id, feature_key, feature_value, value_text, sample_ts)
VALUES ('customer', '1', 'n', 1, NULL, now() - interval '2 days'), ('customer', '2', 'kind', NULL, 'a', now() - interval '9 days'), ('customer', '2', 'kind', NULL, 'a', now() - interval '1 hour');
SELECT feature_set, version, feature, kind, now() - newest_sample AS sample, newest_snapshot, age, max_age, stale FROM sira_feature_freshness WHERE feature_set IN ('snap', 'payments');
COMMIT;

-- Whose it is: another tenant sees nothing, other roles may not.
CREATE ROLE fq_user IN ROLE sira_user;
CREATE ROLE fq_admin IN ROLE sira_admin;
SET ROLE fq_user;
SELECT count(*) FROM sira_feature_statistics WHERE feature_set = 'snap';
SELECT * FROM sira_validate_features('snap');
SELECT sira_record_feature_statistics('snap');
UPDATE sira_feature_statistics SET accepted = true;
RESET ROLE;
GRANT USAGE ON SCHEMA fq TO fq_admin;
SET ROLE fq_admin;
SELECT count(*) > 0 AS found FROM sira_validate_features('snap', '2026-03-03');
-- References and expressions run as whoever asks.
SELECT * FROM sira_validate_features('payments', entities => 'SELECT ''1'' AS entity_id, now() AS as_of, 1 AS amount');
UPDATE sira_feature_statistics SET mean = 0;
UPDATE sira_feature_statistics SET accepted = accepted;
RESET ROLE;
REVOKE ALL ON SCHEMA fq FROM fq_admin;
INSERT INTO sira_tenant_members VALUES ('other', 'fq_admin'), ('other', 'fq_user');
SET ROLE fq_admin;
SELECT count(*) FROM sira_feature_statistics;
SELECT count(*) FROM sira_feature_quality;
SELECT count(*) FROM sira_feature_freshness;
SELECT count(*) FROM sira_feature_importance;
SELECT * FROM sira_validate_features('snap');
RESET ROLE;
DELETE FROM sira_tenant_members WHERE tenant_id = 'other';
DROP ROLE fq_user, fq_admin;

-- Importance: shares of the gain of each version. Nothing of it stays: later files count versions and runs.
BEGIN;
SELECT sira_create_model('fq_model', 'fraud_detection', entity_type => 'customer') IS NOT NULL AS made;
CREATE TABLE fq.learn AS SELECT timestamptz '2026-01-01' + i * interval '1 hour' AS at, (i * 37 % 101)::float8 AS useful, 1.0::float8 AS useless, (i * 37 % 101) > 60 AS label FROM generate_series(1, 2000) i;
SELECT status FROM sira_train('fq_model', 'SELECT at, useful, useless, label FROM fq.learn', 'label', 'at', params => '{"num_iterations": 5}');
SELECT model, version, feature_set, feature, gain > 0 AS gain, split > 0 AS split, share FROM sira_feature_importance WHERE model = 'fq_model' ORDER BY feature;
ROLLBACK;

DELETE FROM sira_feature_statistics WHERE feature_set IN ('snap', 'payments');
DELETE FROM sira_feature_snapshots WHERE feature_set = 'snap';
DELETE FROM sira_features WHERE feature_key IN ('n', 'kind');
DELETE FROM sira_feature_sets WHERE name IN ('payments', 'bad', 'snap');
DELETE FROM sira_feature_definitions WHERE name IN ('amount', 'code', 'ok', 'free', 'n', 'kind', 'flag');
DROP SCHEMA fq CASCADE;
