-- A run trained again from its record: the same artifact, or what stands against it, said beforehand.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS sira;
\set SHOW_CONTEXT never
BEGIN;
\set ON_ERROR_ROLLBACK on
SELECT sira_create_model('rp', 'fraud_detection') IS NOT NULL AS made;
CREATE TABLE rp_rows AS
SELECT g AS id, (g::bigint * 7919 % 1000)::float8 AS amount, 'c' || g % 5 AS channel, hashint4(g) % 100 AS noise, 1 + g % 3 AS w,
       (g::bigint * 7919 % 1000) + hashint4(g + 1000000) % 300 > 700 AS bad, '2026-01-01'::timestamp + g * interval '1 hour' AS paid_at
FROM generate_series(1, 2000) g;
\set params '''{"num_iterations": 20, "min_data_in_leaf": 10, "feature_fraction": 0.7, "bagging_fraction": 0.8, "bagging_freq": 1}'''

-- Under settings that decide what the query gives, which the record keeps.
SET LOCAL TimeZone = 'Asia/Tokyo';
SET LOCAL DateStyle = 'German';
CREATE TABLE rp_runs AS
SELECT 'plain' AS kind, run_id, version FROM sira_train('rp', 'SELECT amount, channel, noise, paid_at::text AS written, paid_at::timestamptz AS at, bad FROM rp_rows', 'bad',
    time_column => 'at', exclude => '{written}', params => :params, embargo => '1 day', notes => 'kept')
UNION ALL
SELECT 'weighted', run_id, version FROM sira_train('rp', 'SELECT amount, channel, to_char(paid_at, ''Day'') AS day, extract(hour FROM paid_at::timestamptz AT TIME ZONE ''UTC'') AS hour, w, bad FROM rp_rows', 'bad',
    weight => 'w', split => '{"method": "random"}', params => :params, seed => 7, calibration => 'isotonic')
UNION ALL
SELECT 'written', run_id, version FROM sira_train('rp', 'SELECT amount, left(paid_at::date::text, 2) AS day, bad FROM rp_rows', 'bad', split => '{"method": "random"}', params => :params, calibration => 'platt');
INSERT INTO rp_runs SELECT 'continued', run_id, version FROM sira_train('rp', 'SELECT amount, channel, noise, paid_at::timestamptz AS at, bad FROM rp_rows', 'bad', time_column => 'at',
    params => '{"num_iterations": 5, "min_data_in_leaf": 10}', start_from => 'rp/1');
INSERT INTO rp_runs SELECT 'refitted', run_id, version FROM sira_train('rp', 'SELECT amount, channel, noise, paid_at::timestamptz AS at, bad FROM rp_rows WHERE id > 500', 'bad', time_column => 'at',
    params => '{"start_mode": "refit", "refit_decay_rate": 0.5}', start_from => 'rp/1');
INSERT INTO rp_runs SELECT 'tuned', run_id, version FROM sira_tune('rp', 'SELECT amount, channel, noise, paid_at::timestamptz AS at, bad FROM rp_rows', 'bad', '{"num_leaves": [7, 15]}', trials => 2,
    time_column => 'at', params => '{"num_iterations": 5}', method => 'random') WHERE best;
RESET TimeZone;
RESET DateStyle;
SELECT kind, r.* FROM rp_runs, sira_reproducible(run_id, check_data => true) r ORDER BY version;
CREATE TABLE rp_again AS SELECT kind, run_id, r.* FROM rp_runs, sira_reproduce(run_id) r;
SELECT kind, version, data_identical, artifact_identical, note FROM rp_again ORDER BY version;
-- The repetition is a run of its own that made no version; what it was measured by is the same too.
SELECT a.kind, again.reproduces = a.run_id AS points_back, again.model_version_id IS NULL AS no_version, again.artifact_digest = r.artifact_digest AS artifact, again.data_digest = r.data_digest AS data,
       again.metrics = r.metrics AS metrics, again.history = r.history AS history, again.options = r.options AS options, again.params = r.params AS params, again.notes = 'reproduction of run ' || r.id AS notes
FROM rp_again a JOIN sira_training_runs again ON again.id = a.reproduction_id JOIN sira_training_runs r ON r.id = a.run_id ORDER BY a.version;
SELECT count(*) AS versions, count(DISTINCT artifact_digest) AS artifacts FROM sira_model_versions;
-- A repetition can be repeated.
SELECT count(*) AS repeated FROM rp_again, sira_reproduce(reproduction_id) r WHERE r.artifact_identical;

-- The data changed: said beforehand by a look at the rows; nothing is trained.
UPDATE rp_rows SET amount = amount + 1 WHERE id = 1500;
SELECT reproducible, reason FROM rp_runs, sira_reproducible(run_id) r WHERE kind = 'plain';
SELECT reproducible, reason FROM rp_runs, sira_reproducible(run_id, true) r WHERE kind = 'plain';
SELECT r.* FROM rp_runs, LATERAL sira_reproduce(run_id) r WHERE kind = 'plain';
UPDATE rp_rows SET amount = amount - 1 WHERE id = 1500;
SELECT artifact_identical FROM rp_runs, LATERAL sira_reproduce(run_id) r WHERE kind = 'plain';
-- Another build; another role; a query that is gone; nothing recorded.
SAVEPOINT odd;
ALTER TABLE sira_training_runs DISABLE TRIGGER USER;
UPDATE sira_training_runs SET options = jsonb_set(options, '{build}', '"sira 0.0.1, lightgbm 3.3.5"') WHERE id = (SELECT run_id FROM rp_runs WHERE kind = 'plain');
SELECT reproducible, regexp_replace(reason, 'this is .*', 'this is …') AS reason FROM rp_runs, sira_reproducible(run_id) r WHERE kind = 'plain';
SELECT artifact_identical, regexp_replace(note, 'this is .*', 'this is …') AS note FROM rp_runs, LATERAL sira_reproduce(run_id) r WHERE kind = 'plain';
UPDATE sira_training_runs SET started_by = 'somebody' WHERE id = (SELECT run_id FROM rp_runs WHERE kind = 'written');
SELECT reproducible, reason FROM rp_runs, sira_reproducible(run_id) r WHERE kind = 'written';
SELECT * FROM rp_runs, LATERAL sira_reproduce(run_id) r WHERE kind = 'written';
\echo :LAST_ERROR_SQLSTATE
UPDATE sira_training_runs SET query = 'SELECT amount, bad FROM rp_gone' WHERE id = (SELECT run_id FROM rp_runs WHERE kind = 'weighted');
SELECT reproducible, reason FROM rp_runs, sira_reproducible(run_id) r WHERE kind = 'weighted';
ROLLBACK TO odd;
SELECT * FROM sira_reproduce('01890a5d-ac96-774b-bcce-b302099a8057');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_reproducible('01890a5d-ac96-774b-bcce-b302099a8057');
\echo :LAST_ERROR_SQLSTATE
SELECT count(*) AS of_null FROM sira_reproduce(NULL);
-- What a start does not go with.
SELECT * FROM sira_train('rp', 'SELECT amount, bad FROM rp_rows', 'bad', split => '{"method": "random"}', params => '{"start_mode": "refit"}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('rp', 'SELECT amount, bad FROM rp_rows', 'bad', split => '{"method": "random"}', start_from => 'rp/1');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('rp', 'SELECT amount, channel, noise, bad FROM rp_rows', 'bad', split => '{"method": "random"}', start_from => 'rp/1', params => '{"boosting": "dart"}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sira_train('rp', 'SELECT amount, channel, noise, bad FROM rp_rows', 'bad', split => '{"method": "random"}', start_from => 'rp/77');
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
