-- Months behind go when their rows are over, late rows keep theirs, and what grows large is said.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS sira;
\set SHOW_CONTEXT never
SET timezone = 'Asia/Tokyo';
SET datestyle = 'German';
BEGIN;
\set ON_ERROR_ROLLBACK on
SELECT count(*) > -1 AS made FROM sira_maintain_partitions();
SELECT relation, retention, expire_by FROM sira_partition_config ORDER BY relation;
SELECT sira_retention('sira_features'), sira_retention('sira_predictions');

-- A year of values, recorded when they happened; and late ones of the same months, recorded yesterday.
CREATE VIEW rt_months AS
    SELECT n, 'sira_features_' || to_char(date_trunc('month', now() AT TIME ZONE 'UTC') - n * interval '1 month', 'YYYYMM') AS partition
    FROM generate_series(0, 13) AS n;
INSERT INTO sira_features (entity_type, entity_id, feature_key, feature_value, sample_ts, recorded_at)
SELECT 'user', 'rt-' || n, 'rt', n, at, at
FROM generate_series(1, 12) n, LATERAL (SELECT (date_trunc('month', now() AT TIME ZONE 'UTC') - n * interval '1 month' + interval '3 days') AT TIME ZONE 'UTC' AS at) x;
INSERT INTO sira_features (entity_type, entity_id, feature_key, feature_value, sample_ts, recorded_at)
SELECT 'user', 'rt-late', 'rt', 0, sample_ts, now() - interval '1 day' FROM sira_features WHERE entity_id = 'rt-9';
INSERT INTO sira_features (entity_type, entity_id, feature_key, feature_value, sample_ts, recorded_at)
VALUES ('user', 'rt-ancient', 'rt', 0, '1999-12-31', '1999-12-31'), ('user', 'rt-history', 'rt', 0, '1999-12-31', now());
-- One call makes the months of the late rows and drops those that are over.
SELECT action, CASE action WHEN 'dropped' THEN count(*) BETWEEN 8 AND 9 ELSE count(*) = CASE action WHEN 'created' THEN 12 ELSE 1 END END AS as_many_as_expected,
       sum(rows_moved) AS rows
FROM sira_maintain_partitions() WHERE relation = 'sira_features' GROUP BY 1 ORDER BY 1;
SELECT count(*) AS a_second_call_does FROM sira_maintain_partitions();
-- Of the values older than 90 days those recorded lately are left, with all their month.
SELECT entity_id FROM sira_features WHERE feature_key = 'rt' AND sample_ts < now() - interval '130 days' ORDER BY 1;
SELECT count(*) AS young_ones_lost FROM generate_series(1, 2) n
WHERE NOT EXISTS (SELECT 1 FROM sira_features WHERE entity_id = 'rt-' || n);
SELECT count(*) FILTER (WHERE to_regclass(partition) IS NULL) > 6 AS months_gone,
       bool_and(to_regclass(partition) IS NOT NULL) FILTER (WHERE n IN (0, 1, 2, 9)) AS months_kept
FROM rt_months;

-- Detached, a month is out of the table and there; a definition that asks for longer keeps all.
UPDATE sira_partition_config SET expire_by = 'detach', retention = '5 days' WHERE relation = 'sira_features';
INSERT INTO sira_feature_definitions (name, entity_type, kind, retention) VALUES ('rt', 'user', 'stored', '10 years');
SELECT sira_retention('sira_features');
SELECT count(*) AS expired FROM sira_maintain_partitions();
UPDATE sira_feature_definitions SET status = 'deprecated', deprecated_at = now() WHERE name = 'rt';
-- Deprecated, it goes on in the sets that have it, whatever their version.
INSERT INTO sira_feature_sets (name, entity_type, features, definition_ids)
SELECT 'rt_set', 'user', '{rt}', ARRAY[id] FROM sira_feature_definitions WHERE name = 'rt';
INSERT INTO sira_feature_sets (name, version, entity_type, features, definition_ids) VALUES ('rt_set', 2, 'user', '{}', '{}');
SELECT sira_retention('sira_features');
SELECT count(*) AS expired FROM sira_maintain_partitions();
DELETE FROM sira_feature_sets WHERE name = 'rt_set';
SELECT action, count(*) > 0 AS some FROM sira_maintain_partitions() GROUP BY 1;
SELECT to_regclass(partition) IS NOT NULL AS there, EXISTS (SELECT 1 FROM pg_inherits WHERE inhrelid = to_regclass(partition)) AS attached,
       (SELECT count(*) FROM sira_features WHERE entity_id = 'rt-2') AS rows_seen
FROM rt_months WHERE n = 2;

-- Predictions go by whole months, and only where somebody says how long they are kept.
INSERT INTO sira_predictions (created_at, model_id, model_version_id, entity_type, entity_id, prediction)
SELECT now() - n * interval '31 days', gen_random_uuid(), gen_random_uuid(), 'user', 'rt-' || n, '{}' FROM generate_series(0, 11) n;
INSERT INTO sira_prediction_requests (entity_type, entity_id, request_id, model_id, prediction_id, created_at)
SELECT entity_type, entity_id, 'request', model_id, id, created_at FROM sira_predictions WHERE entity_id LIKE 'rt-%';
SELECT action, sum(rows_moved) > 5 AS moved FROM sira_maintain_partitions('sira_predictions') GROUP BY 1;
UPDATE sira_partition_config SET retention = '180 days' WHERE relation = 'sira_predictions';
SELECT DISTINCT action, detail FROM sira_maintain_partitions('sira_predictions');
SELECT count(*) BETWEEN 6 AND 8 AS left_over, min(created_at) > now() - interval '215 days' AS young FROM sira_predictions WHERE entity_id LIKE 'rt-%';
-- Requests go with their answers.
SELECT count(*) BETWEEN 6 AND 8 AS requests_left, count(*) = count(p.id) AS all_answered
FROM sira_prediction_requests r LEFT JOIN sira_predictions p ON p.id = r.prediction_id WHERE r.entity_id LIKE 'rt-%';

-- What somebody built upon stops it, and so does a table that only bears the name.
UPDATE sira_partition_config SET expire_by = 'drop', retention = '1 day' WHERE relation = 'sira_suggestions';
INSERT INTO sira_suggestions (created_at, entity_type, entity_id, mode, source, candidates)
VALUES (now() - interval '70 days', 'user', 'rt', 'heuristic', 'rule', '["x"]');
UPDATE sira_partition_config SET enabled = false WHERE relation = 'sira_suggestions';
SELECT count(*) AS of_a_table_that_is_left_alone FROM sira_maintain_partitions('sira_suggestions');
UPDATE sira_partition_config SET enabled = true, retention = NULL WHERE relation = 'sira_suggestions';
SELECT action FROM sira_maintain_partitions('sira_suggestions');
DO $$ BEGIN
    EXECUTE format('CREATE VIEW rt_upon AS SELECT id FROM sira_suggestions_%s', to_char(now() - interval '70 days', 'YYYYMM'));
EXCEPTION WHEN undefined_table THEN
    EXECUTE format('CREATE VIEW rt_upon AS SELECT id FROM sira_suggestions_%s', to_char((now() - interval '70 days') AT TIME ZONE 'UTC', 'YYYYMM'));
END $$;
UPDATE sira_partition_config SET retention = '1 day' WHERE relation = 'sira_suggestions';
SELECT action, detail ~ 'depend' AS says_why FROM sira_maintain_partitions('sira_suggestions');
SELECT count(*) FROM sira_suggestions WHERE entity_id = 'rt';

-- Thresholds.
UPDATE sira_partition_config SET row_threshold = 5, size_threshold_gb = 1 WHERE relation = 'sira_feedback';
SELECT count(*) AS small FROM sira_maintain_partitions('sira_feedback');
INSERT INTO sira_suggestions (id, entity_type, entity_id, mode, source, candidates)
VALUES ('00000000-0000-7000-8000-000000000001', 'user', 'rt', 'heuristic', 'rule', '["x"]');
SELECT count(sira_answer_suggestion('00000000-0000-7000-8000-000000000001', 'accept')) FROM generate_series(1, 10);
ANALYZE sira_feedback;
SELECT relation, action, detail FROM sira_maintain_partitions('sira_feedback');

-- The log has said it all; whoever maintains may read it and not write it.
SELECT relation, action, count(*) > 0 AS logged, sum(rows_moved) > 0 AS rows, bool_and(milliseconds >= 0) AS timed
FROM sira_partition_log WHERE action <> 'created' GROUP BY 1, 2 ORDER BY 1, 2;
CREATE ROLE rt_keeper IN ROLE sira_admin;
SET ROLE rt_keeper;
SELECT count(*) > 0 AS read FROM sira_partition_log;
INSERT INTO sira_partition_log (action) VALUES ('forged');
SELECT count(*) AS nothing_left_to_do FROM sira_maintain_partitions('sira_features');
SELECT * FROM sira_make_partition('sira_features', '2031-01-01', '1 s', true);
RESET ROLE;
SELECT * FROM sira_maintain_partitions('pg_class');
SELECT * FROM sira_maintain_partitions(max_block => '0');
ROLLBACK;
RESET timezone;
RESET datestyle;
