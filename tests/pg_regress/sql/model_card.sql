-- A model card says what is recorded, to whoever may read it, and its page is whole and needs nothing from elsewhere.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS sira;
\set SHOW_CONTEXT never
BEGIN;
\set ON_ERROR_ROLLBACK on
CREATE TABLE card_rows AS
    SELECT timestamptz '2026-01-01 00:00+00' + i * interval '1 hour' AS at, (i * 7919) % 101 AS amount,
           (ARRAY['web', 'pos', 'app'])[1 + i % 3] AS channel, (i * 7919) % 101 + (i * 31) % 40 > 95 AS is_fraud
    FROM generate_series(1, 2000) i;
SELECT sira_create_model('carded', 'fraud_detection', description => 'Is <this> "payment" disputed?') IS NOT NULL AS made;
SELECT version, status FROM sira_train('carded', 'SELECT at, amount, channel, is_fraud FROM card_rows', 'is_fraud', 'at',
                                       params => '{"num_iterations": 20}');
SELECT sira_set_policy('carded', '[{"upto": 0.5, "class": "LOW", "decision": "approve"}, {"class": "HIGH", "decision": "decline"}]');

-- Every part, and what kind of thing it is.
SELECT key, jsonb_typeof(value) FROM jsonb_each(sira_model_card('carded/1')) WHERE key <> 'gates' ORDER BY key;
SELECT card -> 'model' -> 'description' AS description, card -> 'version' -> 'number' AS version,
       card -> 'training' -> 'rows_test' AS rows_test, card -> 'training' -> 'time_bounds' ? 'test' AS has_bounds,
       card -> 'signature' -> 'features' AS features, card -> 'limits' ->> 1 AS limit_of_text
FROM sira_model_card('carded/1') card;
SELECT key, jsonb_typeof(value) FROM jsonb_each(sira_model_card('carded/1') -> 'curves') ORDER BY key;
-- Curves are thin.
SELECT jsonb_array_length(curves #> '{roc,0,points}') BETWEEN 5 AND 200 AS thin_roc,
       jsonb_array_length(curves #> '{precision_recall,0,points}') BETWEEN 5 AND 201 AS thin_precision,
       jsonb_array_length(curves #> '{shap,mean_absolute}') AS explained
FROM sira_model_curves c JOIN sira_models m ON m.id = c.model_id WHERE m.name = 'carded';

-- The page: its parts, its plots, and nothing that is fetched or run.
SELECT m[1] AS section FROM regexp_matches(sira_model_card_html('carded/1'), '<h2 [^>]*>([^<]*)</h2>', 'g') m;
SELECT m[1] AS plot FROM regexp_matches(sira_model_card_html('carded/1'), 'role="img" aria-label="([^"]*)"', 'g') m;
SELECT page LIKE '%Is &lt;this&gt; &quot;payment&quot; disputed?%' AS escaped,
       page !~* '<(script|link|img|iframe|object)' AND page !~* '(src=|url\(|@import|javascript:)' AS whole,
       replace(page, 'http://www.w3.org/2000/svg', '') !~ 'https?:' AS alone
FROM sira_model_card_html('carded/1') page;

-- Brought from elsewhere: what is not known is said. Through MLflow's files, there and back.
SELECT sira_create_model('brought', 'fraud_detection') IS NOT NULL AS made;
SELECT sira_import_mlflow('brought', convert_from(mlmodel.content, 'UTF8'), artifact.content, params => '{"eta": 0.1}') AS version
FROM sira_export_mlflow('carded/1') mlmodel, sira_export_mlflow('carded/1') artifact
WHERE mlmodel.path = 'MLmodel' AND artifact.path = 'model.lgb';
SELECT path FROM sira_export_mlflow('brought/1');
SELECT sira_export_version('brought/1') = sira_export_version('carded/1') AS same_bytes,
       sira_score('brought/1', '{"amount": 99, "channel": "pos"}') = sira_score('carded/1', '{"amount": 99, "channel": "pos"}') AS same_score;
SELECT tags -> 'mlflow' -> 'flavor' AS flavor, tags -> 'mlflow' -> 'params' AS params
FROM sira_model_versions WHERE tags ? 'mlflow';
SELECT card -> 'curves' AS curves, card -> 'training' AS training, card -> 'limits' ->> -2 AS said FROM sira_model_card('brought/1') card;
SELECT sira_model_card_html('brought/1') LIKE '%Not recorded%' AS says_so;
SELECT sira_import_mlflow('brought', 'flavors: {sklearn: {pickled_model: model.pkl}}', '\x00');
SELECT sira_import_mlflow('brought', E'flavors:\n  lightgbm:\n    data: ../../etc/passwd\n', '\x00');

-- Who reads models and metrics reads cards; who scores only does not, and nobody else brings models in.
CREATE ROLE card_reader;
GRANT sira_user TO card_reader;
CREATE ROLE card_scorer;
GRANT sira_inference TO card_scorer;
SET ROLE card_reader;
SELECT sira_model_card('carded/1') ? 'curves' AS curves, sira_model_card('carded/1') ? 'approvals' AS approvals;
SELECT sira_model_card_html('carded/1') LIKE '%Signatures may not be read by your role%' AS says_so;
SELECT sira_import_mlflow('brought', '/nowhere');
INSERT INTO sira_model_curves (model_id, version_id, curves) SELECT model_id, version_id, '{}' FROM sira_model_curves;
SET ROLE card_scorer;
SELECT sira_model_card('carded/1');
RESET ROLE;
ROLLBACK;
