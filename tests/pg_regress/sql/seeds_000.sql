-- Every query and DML statement printed in the first system that SIRA replaces, as printed, with its placeholders bound. What
-- holds ids and times goes into variables; what can be compared is printed.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS sira;
\set SHOW_CONTEXT never
BEGIN;

-- Verify installation: at least the nine.
SELECT table_name FROM information_schema.tables
WHERE table_name LIKE 'sira_%'
ORDER BY table_name \g /dev/null
SELECT wanted, to_regclass(wanted) IS NOT NULL AS there
FROM unnest(ARRAY['sira_data_drift', 'sira_feature_snapshots', 'sira_features', 'sira_feedback', 'sira_model_performance',
                  'sira_model_versions', 'sira_models', 'sira_predictions', 'sira_training_runs']) wanted
ORDER BY wanted;

-- Their columns, by name and type.
SELECT c.relname AS table_name, w.column_name, format_type(a.atttypid, a.atttypmod) AS type
FROM (VALUES
    ('sira_features', 'id'), ('sira_features', 'entity_type'), ('sira_features', 'entity_id'), ('sira_features', 'feature_key'),
    ('sira_features', 'feature_value'), ('sira_features', 'sample_ts'),
    ('sira_feature_snapshots', 'id'), ('sira_feature_snapshots', 'entity_type'), ('sira_feature_snapshots', 'entity_id'),
    ('sira_feature_snapshots', 'snapshot_ts'), ('sira_feature_snapshots', 'features'),
    ('sira_models', 'id'), ('sira_models', 'name'), ('sira_models', 'display_name'), ('sira_models', 'description'),
    ('sira_models', 'model_type'), ('sira_models', 'owner'),
    ('sira_model_versions', 'id'), ('sira_model_versions', 'model_id'), ('sira_model_versions', 'version'),
    ('sira_model_versions', 'artifact_s3_key'), ('sira_model_versions', 'metrics'), ('sira_model_versions', 'status'),
    ('sira_model_versions', 'promoted_at'), ('sira_model_versions', 'promoted_by'),
    ('sira_predictions', 'id'), ('sira_predictions', 'model_version_id'), ('sira_predictions', 'entity_type'),
    ('sira_predictions', 'entity_id'), ('sira_predictions', 'input_features'), ('sira_predictions', 'prediction'),
    ('sira_predictions', 'raw_score'), ('sira_predictions', 'explanation'), ('sira_predictions', 'created_at'),
    ('sira_feedback', 'id'), ('sira_feedback', 'prediction_id'), ('sira_feedback', 'feedback_type'), ('sira_feedback', 'label'),
    ('sira_feedback', 'reviewer_id'), ('sira_feedback', 'used_in_retraining'), ('sira_feedback', 'note'),
    ('sira_training_runs', 'error_message')) w (table_name, column_name)
LEFT JOIN pg_class c ON c.oid = to_regclass(w.table_name)
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = w.column_name
ORDER BY w.table_name, a.attnum;

-- Insert sample model.
INSERT INTO sira_models (name, display_name, description, model_type, owner)
VALUES (
  'fraud-detector-v1',
  'Fraud Detection Model',
  'Real-time transaction fraud detection using LightGBM',
  'fraud_detection',
  'sira-team'
) RETURNING * \gset model_
\echo :model_name :model_display_name :model_model_type :model_owner

-- Store and query user features.
INSERT INTO sira_features (entity_type, entity_id, feature_key, feature_value, sample_ts)
VALUES ('user', '123e4567-e89b-12d3-a456-426614174000', 'txn_count_7d', 42.0, NOW());
SELECT feature_key, feature_value, sample_ts
FROM sira_features
WHERE entity_type = 'user' AND entity_id = '123e4567-e89b-12d3-a456-426614174000'
ORDER BY sample_ts DESC LIMIT 100 \gset feature_
\echo :feature_feature_key :feature_feature_value

-- Get latest feature snapshot for user.
INSERT INTO sira_feature_snapshots (entity_type, entity_id, snapshot_ts, features)
VALUES ('user', '123e4567-e89b-12d3-a456-426614174000', NOW(), '{"txn_count_7d": 42, "avg_amount": 150.5, "velocity": 0.8}');
SELECT features
FROM sira_feature_snapshots
WHERE entity_type = 'user' AND entity_id = '123e4567-e89b-12d3-a456-426614174000'
ORDER BY snapshot_ts DESC LIMIT 1;

-- Promote model to production, through the gate: a version must be in staging before an UPDATE may make it production.
INSERT INTO sira_model_versions (model_id, version, artifact_s3_key, metrics)
VALUES (:'model_id', 1, 's3://molam-sira-models/fraud-detector-v1/1.txt', '{"auc": 0.95, "precision": 0.90}')
RETURNING id AS version_id \gset
\set ON_ERROR_ROLLBACK on
UPDATE sira_model_versions
SET status = 'production', promoted_at = NOW(), promoted_by = 'ops-user-id'
WHERE id = :'version_id';
\echo :LAST_ERROR_SQLSTATE
UPDATE sira_model_versions SET status = 'validated' WHERE id = :'version_id';
UPDATE sira_model_versions SET status = 'staging' WHERE id = :'version_id';
UPDATE sira_model_versions
SET status = 'production', promoted_at = NOW(), promoted_by = 'ops-user-id'
WHERE id = :'version_id';

-- Get production model.
SELECT m.name, mv.version, mv.artifact_s3_key, mv.metrics
FROM sira_models m
JOIN sira_model_versions mv ON m.id = mv.model_id
WHERE m.name = 'fraud-detector-v1' AND mv.status = 'production';

-- Log prediction.
INSERT INTO sira_predictions (
  model_version_id, entity_type, entity_id,
  input_features, prediction, raw_score
) VALUES (
  :'version_id', 'transaction', '5f0c6e1a-6d1c-4c38-9a55-0f3e8a9b2c11',
  '{"f1": 0.5, "f2": 10}', '{"risk_score": 0.85}', 0.85
) RETURNING * \gset prediction_
SELECT :'prediction_model_id' = :'model_id' AS model_filled_in, :'prediction_source' AS source;

-- Query recent predictions for entity.
INSERT INTO sira_predictions (model_version_id, entity_type, entity_id, input_features, prediction, raw_score)
VALUES (:'version_id', 'user', '123e4567-e89b-12d3-a456-426614174000', '{}', '{"risk_score": 0.1}', 0.1);
SELECT prediction, raw_score, created_at
FROM sira_predictions
WHERE entity_type = 'user' AND entity_id = '123e4567-e89b-12d3-a456-426614174000'
ORDER BY created_at DESC LIMIT 10 \gset recent_
\echo :recent_prediction :recent_raw_score

-- Submit feedback.
INSERT INTO sira_feedback (
  prediction_id, feedback_type, label, reviewer_id, note
) VALUES (
  :'prediction_id', 'label', '{"is_fraud": true}', '9d3f7a52-31d5-4d2c-8e7b-64f0f1f7a0aa',
  'Confirmed fraud after investigation'
);

-- Get labels for retraining.
SELECT p.input_features, f.label
FROM sira_feedback f
JOIN sira_predictions p ON f.prediction_id = p.id
WHERE f.used_in_retraining = false AND f.feedback_type = 'label' \g /dev/null
SELECT p.input_features, f.label
FROM sira_feedback f
JOIN sira_predictions p ON f.prediction_id = p.id
WHERE f.used_in_retraining = false AND f.feedback_type = 'label' AND f.prediction_id = :'prediction_id';

-- Test feature storage and snapshot materialisation: uuid expressions become text on their way in.
INSERT INTO sira_features (entity_type, entity_id, feature_key, feature_value, sample_ts)
VALUES ('user', gen_random_uuid(), 'test_feature', 1.0, NOW());
INSERT INTO sira_feature_snapshots (entity_type, entity_id, snapshot_ts, features)
VALUES ('user', gen_random_uuid(), NOW(), '{"f1": 1.0, "f2": 2.0}');
SELECT count(*) FROM sira_features WHERE feature_key = 'test_feature';
ROLLBACK;
