-- Models come and go as the bytes they are; a digest twice is one artifact.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS sira;
\set SHOW_CONTEXT never
BEGIN;
\set ON_ERROR_ROLLBACK on
SELECT sira_create_model('ie', 'fraud_detection') IS NOT NULL AS made;
SELECT sira_create_model('ie_other', 'fraud_detection') IS NOT NULL AS made;
CREATE TABLE ie_rows AS
SELECT g AS id, (g * 7919 % 1000)::float8 AS amount, (ARRAY['web', 'shop', 'atm'])[1 + g % 3] AS channel,
       g * 7919 % 1000 > 800 OR (g * 7919 % 1000 > 300 AND g % 3 = 1) AS bad
FROM generate_series(1, 400) g;
SELECT version FROM sira_train('ie', 'SELECT amount AS "the amount", channel, bad FROM ie_rows', 'bad', split => '{"method": "random"}',
                               params => '{"num_iterations": 20, "min_data_in_leaf": 5}');
CREATE TABLE ie_text AS SELECT sira_export_version('ie/1') AS bytes;
SELECT convert_from(bytes, 'UTF8') LIKE E'tree\n%' AS a_lightgbm_text, sha256(bytes) = v.artifact_digest AS digest,
       v.artifact_s3_key = 'sira:sha256/' || encode(v.artifact_digest, 'hex') AS key
FROM ie_text, sira_model_versions v;

-- As text, as bytes, for another model: the same bytes back, stored once.
SELECT sira_import_version('ie', convert_from(bytes, 'UTF8'), metrics => '{"auc": 0.91}', version_label => 'v1.0.0') FROM ie_text;
SELECT sira_import_version('ie', bytes) FROM ie_text;
SELECT sira_import_version('ie_other', bytes) FROM ie_text;
SELECT bool_and(sira_export_version(m) = bytes) AS same_bytes FROM ie_text, unnest('{ie/1,ie/2,ie/3,ie_other/1}'::text[]) m;
SELECT count(*) AS artifacts, bool_and(size = length(content) AND digest = sha256(content)) AS true_to_themselves, min(format) AS format FROM sira_model_artifacts;
SELECT m.name, v.version, v.version_label, v.status, v.metrics, v.parameters, v.format, v.training_run_id, v.created_by = session_user AS by_me
FROM sira_model_versions v JOIN sira_models m ON m.id = v.model_id WHERE v.training_run_id IS NULL ORDER BY 1, 2;
SELECT sira_import_version('ie', bytes, version_label => 'v1.0.0') FROM ie_text;
\echo :LAST_ERROR_SQLSTATE

-- The signature is the artifact's own: LightGBM takes no blanks in names, and knows codes where SQL has words.
SELECT v.version, v.signature FROM sira_model_versions v JOIN sira_models m ON m.id = v.model_id WHERE m.name = 'ie' AND version < 3 ORDER BY 1;
SELECT sira_score('ie/2', '{"the_amount": 900, "channel": 1}') = sira_score('ie/1', '{"the amount": 900, "channel": "shop"}') AS the_same;
SELECT sira_score('ie/2', '{"the_amount": 900, "channel": "shop"}');
\echo :LAST_ERROR_SQLSTATE
-- One may be given: names, words for codes, what the positive class is called.
SELECT sira_import_version('ie', bytes, signature => '{"task": "binary", "positive": "evil", "classes": ["good", "evil"], "features": [
    {"name": "amount", "kind": "numeric"}, {"name": "channel", "kind": "text", "categories": ["atm", "shop", "web"]}]}') FROM ie_text;
SELECT sira_score('ie/4', '{"amount": 900, "channel": "shop"}') = sira_score('ie/1', '{"the amount": 900, "channel": "shop"}') AS the_same;
SELECT predicted_class FROM sira_predict('ie/4', 'transaction', '1', '{"amount": 990, "channel": "shop"}');

-- Imported versions are candidates: they go to production like any other, and a rolled-back import leaves nothing.
SELECT to_status FROM sira_promote('ie/4');
SELECT sira_export_version('ie') = bytes AS same_bytes FROM ie_text;
SAVEPOINT before_it;
SELECT sira_import_version('ie', bytes) FROM ie_text;
ROLLBACK TO before_it;
SELECT sira_import_version('ie', bytes) AS the_same_number FROM ie_text;
-- Line ends of another system do not fit the sizes of the trees; the trailer may be missing.
SELECT sira_import_version('ie', replace(convert_from(bytes, 'UTF8'), E'\n', E'\r\n')) FROM ie_text;
\echo :LAST_ERROR_SQLSTATE
SELECT sira_import_version('ie', left(convert_from(bytes, 'UTF8'), position('end of trees' IN convert_from(bytes, 'UTF8')) + 12)) AS without_trailer FROM ie_text;
ROLLBACK;
