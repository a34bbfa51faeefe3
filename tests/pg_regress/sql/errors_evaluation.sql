-- What cannot be evaluated says why, and what to type.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS sira;
\set SHOW_CONTEXT never
BEGIN;
\set ON_ERROR_ROLLBACK on
SELECT sira_create_model('ee', 'fraud_detection') IS NOT NULL AS made;
SELECT sira_create_model('ee_word', 'fraud_detection') IS NOT NULL AS made;
SELECT sira_create_model('ee_kind', 'transaction_type', 'multiclass') IS NOT NULL AS made;
SELECT sira_create_model('ee_none', 'fraud_detection') IS NOT NULL AS made;
CREATE TABLE ee_rows AS
SELECT g AS id, (g * 7919 % 1000)::float8 AS amount, 'c' || g % 5 AS channel, g * 7919 % 1000 > 800 AS bad,
       CASE WHEN g * 7919 % 1000 > 800 THEN 'fraud' ELSE 'fine' END AS said, 'k' || g % 3 AS kind, 1.0 AS w
FROM generate_series(1, 300) g;
SELECT version FROM sira_train('ee', 'SELECT amount, channel, bad FROM ee_rows', 'bad', split => '{"method": "random"}', params => '{"rounds": 2}');
SELECT version FROM sira_train('ee_word', 'SELECT amount, said FROM ee_rows', 'said', positive => 'fraud', split => '{"method": "random"}', params => '{"rounds": 2}');
SELECT version FROM sira_train('ee_kind', 'SELECT amount, kind FROM ee_rows', 'kind', split => '{"method": "random"}', params => '{"rounds": 2}');

-- Arguments that no rows are read for.
SELECT * FROM sira_evaluate('ee/1', 'SELECT * FROM ee_rows', 'bad', resamples => 2000000000);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_compare_versions('ee/1', 'ee/1', 'SELECT * FROM ee_rows', 'bad', resamples => 100001);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_threshold_sweep('ee/1', 'SELECT * FROM ee_rows', 'bad', '{"fp": 1e308}');
\echo :LAST_ERROR_SQLSTATE

-- The version.
SELECT * FROM sira_evaluate('nobody', 'SELECT * FROM ee_rows', 'bad');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_evaluate('ee', 'SELECT * FROM ee_rows', 'bad');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_evaluate(NULL, 'SELECT * FROM ee_rows', 'bad');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_compare_versions('ee/1', 'ee_kind/1', 'SELECT * FROM ee_rows', 'bad');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_threshold_sweep('ee_kind/1', 'SELECT * FROM ee_rows', 'kind');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_evaluate('ee_kind/1', 'SELECT * FROM ee_rows', 'kind', threshold => 0.5);
\echo :LAST_ERROR_SQLSTATE

-- The query.
SELECT * FROM sira_evaluate('ee/1', 'SELECT * FROM ee_rows WHERE false', 'bad');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_evaluate('ee/1', 'SELECT amount, channel, NULL::boolean AS bad FROM ee_rows', 'bad');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_evaluate('ee/1', 'SELECT amount, bad FROM ee_rows', 'bad');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_evaluate('ee/1', 'SELECT channel AS amount, channel, bad FROM ee_rows', 'bad');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_evaluate('ee/1', 'SELECT amount, channel, channel, bad FROM ee_rows', 'bad');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_evaluate('ee/1', 'DELETE FROM ee_rows RETURNING *', 'bad');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_evaluate('ee/1', 'SELECT * FROM ee_nothing', 'bad');
\echo :LAST_ERROR_SQLSTATE
SELECT count(*) FROM ee_rows;

-- Its columns.
SELECT * FROM sira_evaluate('ee/1', 'SELECT amount, channel, bad FROM ee_rows', 'fraud');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_evaluate('ee/1', 'SELECT amount, channel, bad FROM ee_rows', 'bad', weight => 'w');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_evaluate('ee/1', 'SELECT *, w - 2 AS less FROM ee_rows', 'bad', weight => 'less');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_evaluate('ee/1', 'SELECT *, 0 * w AS nothing FROM ee_rows', 'bad', weight => 'nothing');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_evaluate('ee/1', 'SELECT * FROM ee_rows', 'bad', slices => '{country}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_evaluate('ee/1', 'SELECT 10 * amount + g AS slice, r.* FROM ee_rows r, generate_series(1, 5) g', 'bad', slices => '{slice}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_evaluate('ee/1', 'SELECT *, ''1 day''::interval AS span FROM ee_rows', 'bad', slices => '{span}');
\echo :LAST_ERROR_SQLSTATE

-- The label: a boolean says of any two classes which it is, another word nothing.
SELECT * FROM sira_evaluate('ee/1', 'SELECT * FROM ee_rows', 'said');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_evaluate('ee_kind/1', 'SELECT amount, ''k9'' AS kind FROM ee_rows', 'kind');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_evaluate('ee_word/1', 'SELECT amount, 2 AS y FROM ee_rows', 'y');
\echo :LAST_ERROR_SQLSTATE
SELECT a.value = b.value AS equal FROM sira_evaluate('ee_word/1', 'SELECT amount, bad FROM ee_rows', 'bad', resamples => 0) a
JOIN sira_evaluate('ee_word/1', 'SELECT amount, said FROM ee_rows', 'said', resamples => 0) b USING (metric) WHERE metric = 'auc';

-- How.
SELECT * FROM sira_evaluate('ee/1', 'SELECT * FROM ee_rows', 'bad', threshold => 'NaN');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_evaluate('ee/1', 'SELECT * FROM ee_rows', 'bad', capacity => 2);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_evaluate('ee/1', 'SELECT * FROM ee_rows', 'bad', resamples => -1);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_evaluate('ee/1', 'SELECT * FROM ee_rows', 'bad', confidence => 1);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_evaluate('ee/1', 'SELECT * FROM ee_rows', 'bad', purpose => 'test');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_threshold_sweep('ee/1', 'SELECT * FROM ee_rows', 'bad', '{"false alarm": 1}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_threshold_sweep('ee/1', 'SELECT * FROM ee_rows', 'bad', steps => 0);
\echo :LAST_ERROR_SQLSTATE
SET sira.training_memory = '1MB';
SELECT * FROM sira_evaluate('ee/1', 'SELECT r.* FROM ee_rows r, generate_series(1, 100) g', 'bad');
\echo :LAST_ERROR_SQLSTATE
RESET sira.training_memory;
-- A slice says what it holds, and nothing was written down above but one pair.
SELECT count(*) AS evaluations FROM sira_evaluations;

-- Rights: evaluating is for those who may score; a query runs as who asks, and history is written by the machinery alone.
DO $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'ee_reader') THEN CREATE ROLE ee_reader; END IF;
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'ee_chief') THEN CREATE ROLE ee_chief; END IF;
END
$$;
GRANT sira_user TO ee_reader;
GRANT sira_admin TO ee_chief;
SET ROLE ee_reader;
SELECT * FROM sira_evaluate('ee/1', 'SELECT 1', 'bad');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_compare_versions('ee/1', 'ee/1', 'SELECT 1', 'bad');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_threshold_sweep('ee/1', 'SELECT 1', 'bad');
\echo :LAST_ERROR_SQLSTATE
SELECT count(*) AS read FROM sira_evaluations;
SET ROLE ee_chief;
SELECT * FROM sira_evaluate('ee/1', 'SELECT * FROM ee_rows', 'bad');
\echo :LAST_ERROR_SQLSTATE
SELECT count(*) > 10 AS measured FROM sira_evaluate('ee/1', 'SELECT g AS amount, ''c1'' AS channel, g > 5 AS bad FROM generate_series(1, 10) g', 'bad', resamples => 0);
SELECT count(*) AS read FROM sira_evaluations;
INSERT INTO sira_evaluations (model_id, model_version_id, version, purpose, rows, data_digest, metrics)
SELECT model_id, model_version_id, version, purpose, rows, data_digest, '{"auc": 1}' FROM sira_evaluations LIMIT 1;
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
-- Another tenant sees neither the model nor what was found of it.
INSERT INTO sira_tenant_members (tenant_id, member) VALUES ('default', 'ee_chief'), ('elsewhere', 'ee_reader');
GRANT sira_admin TO ee_reader;
SET ROLE ee_reader;
SELECT count(*) AS read FROM sira_evaluations;
SELECT * FROM sira_evaluate('ee/1', 'SELECT 1', 'bad');
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
ROLLBACK;
