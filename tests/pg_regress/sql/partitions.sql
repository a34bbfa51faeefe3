-- Months are made ahead, drain the default partition, and bear their own keys and row-level security.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS sira;
SET timezone = 'Asia/Tokyo';
SET datestyle = 'ISO';
\set SHOW_CONTEXT never
BEGIN;
\set ON_ERROR_ROLLBACK on
SELECT count(*) > -1 AS made FROM sira_maintain_partitions();
SELECT count(*) AS made_by_a_second_call FROM sira_maintain_partitions();
SELECT relation, months_ahead, row_threshold, size_threshold_gb FROM sira_partition_config ORDER BY relation;

-- The current month and the twelve after it, in UTC whatever the session's time zone.
SELECT t.relation, count(*) AS months_there
FROM sira_partitioned_tables() t,
     generate_series(date_trunc('month', now() AT TIME ZONE 'UTC'),
                     date_trunc('month', now() AT TIME ZONE 'UTC') + interval '12 months', interval '1 month') month
JOIN pg_inherits i ON true
WHERE i.inhparent = to_regclass(t.relation) AND i.inhrelid = to_regclass(t.relation || '_' || to_char(month, 'YYYYMM'))
GROUP BY t.relation ORDER BY t.relation;
SELECT bool_and(pg_get_expr(c.relpartbound, c.oid) ~ '-01 09:00:00\+09') AS bounds_at_utc_midnight,
       bool_and(c.relrowsecurity) AS row_security,
       bool_and(EXISTS (SELECT 1 FROM pg_index x WHERE x.indrelid = c.oid AND x.indisprimary)) AS own_key,
       bool_and(c.relacl IS NULL OR c.relacl::text !~ 'sira_|finance_ops|pay_admin') AS no_grants,
       bool_or(EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')) AS in_the_extension
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
JOIN sira_partitioned_tables() t ON i.inhparent = to_regclass(t.relation)
WHERE c.relname !~ '_default$';
SELECT count(*) AS parents_with_an_index FROM pg_index x JOIN sira_partitioned_tables() t ON x.indrelid = to_regclass(t.relation);

-- Late rows land in the default partition first; the next call gives them their month. What is older than asked stays.
INSERT INTO sira_features (entity_type, entity_id, feature_key, feature_value, sample_ts)
SELECT 'user', 'rt-' || n, 'rt_late', n, date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' - n * interval '12 days'
FROM generate_series(1, 20) n;
INSERT INTO sira_features (entity_type, entity_id, feature_key, feature_value, sample_ts)
VALUES ('user', 'rt-old', 'rt_late', 0, '1999-12-31 23:59:59+00'), ('user', 'rt-new', 'rt_late', 0, now()),
       ('user', 'rt-never', 'rt_late', 0, 'infinity');
SELECT count(*) AS in_default FROM ONLY sira_features_default WHERE feature_key = 'rt_late';
INSERT INTO sira_predictions (created_at, model_id, model_version_id, entity_type, entity_id, prediction)
VALUES (date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' - interval '1 day', gen_random_uuid(), gen_random_uuid(),
        'user', 'rt-late', '{}');
SELECT relation, action, sum(rows_moved) FROM sira_maintain_partitions() GROUP BY 1, 2 ORDER BY 1;
-- A prediction that moved is kept as before, and so is the default partition.
DELETE FROM sira_predictions WHERE entity_id = 'rt-late';
\echo :LAST_ERROR_SQLSTATE
SELECT tgenabled FROM pg_trigger WHERE tgrelid = 'sira_predictions_default'::regclass AND tgname ~ '^sira_prediction_' ORDER BY tgname;
SELECT count(*) AS in_default FROM ONLY sira_features_default WHERE feature_key = 'rt_late';
SELECT count(*) AS kept, sum(feature_value) FROM sira_features WHERE feature_key = 'rt_late';

-- The edges of a month belong to the right side.
INSERT INTO sira_features (entity_type, entity_id, feature_key, sample_ts)
VALUES ('user', 'rt-edge', 'rt_edge', date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC');
SELECT tableoid::regclass::text = 'sira_features_' || to_char(now() AT TIME ZONE 'UTC', 'YYYYMM') AS in_its_month
FROM sira_features WHERE feature_key = 'rt_edge';

-- A relation that stands in the way is named, not touched.
UPDATE sira_partition_config SET months_ahead = 13 WHERE relation = 'sira_suggestions';
DO $$
BEGIN
    EXECUTE format('CREATE TABLE sira_suggestions_%s ()',
                   to_char(date_trunc('month', now() AT TIME ZONE 'UTC') + interval '13 months', 'YYYYMM'));
END
$$;
SET client_min_messages = error;
SELECT relation, action, detail FROM sira_maintain_partitions();
RESET client_min_messages;

-- A prediction is found by id in one partition.
SELECT sira_uuid_v7_time(id) = created_at AS id_carries_the_time
FROM (SELECT sira_uuid_v7(transaction_timestamp()) AS id, transaction_timestamp() AS created_at) x;

-- Whoever may not maintain, may not.
CREATE ROLE rt_reader IN ROLE sira_user;
CREATE ROLE rt_admin IN ROLE sira_admin;
SET ROLE rt_reader;
SELECT count(*) FROM sira_maintain_partitions();
\echo :LAST_ERROR_SQLSTATE
SET ROLE rt_admin;
SET client_min_messages = error;
SELECT count(*) FROM sira_maintain_partitions() WHERE action = 'created';
SELECT count(*) FROM sira_predictions_default;
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
ROLLBACK;
RESET timezone;
RESET datestyle;
