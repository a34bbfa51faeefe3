-- What smoke.sql left, and more: predictions of four months, with features that jsonb cannot hold exactly.

SELECT sira_maintain_partitions();

-- Logged by someone else, in months that have passed.
INSERT INTO sira_predictions (id, created_at, entity_type, entity_id, model_version_id, prediction, score)
SELECT sira_uuid_v7(at), sira_uuid_v7_time(sira_uuid_v7(at)), 'transaction', 'past-' || n, v.id, '{}', n / 10.0
FROM generate_series(1, 3) AS n, LATERAL (SELECT now() - n * interval '1 month' AS at) AS moment,
     (SELECT id FROM sira_model_versions WHERE status = 'production') AS v;

SELECT count(*) FROM sira_predict_batch('fraud', 'transaction', ARRAY['a', 'b', 'c', 'd'], ARRAY[
    '{"amount": 0.1, "hour": 3, "channel": "web"}', '{"amount": 1e-300, "hour": 0}',
    '{"channel": "never seen"}', '{"amount": 123456789.123456789, "hour": 23, "channel": "shop"}']::jsonb[]);

SELECT sira_record_feedback(prediction_id, 'label', '{"is_fraud": true}', 'confirmed by the customer') FROM answer;

-- The walls and their history: gates, signatures, an alias that moved, a version that waits, an evaluation.
SELECT sira_import_version('fraud', convert_from(sira_export_version('fraud'), 'UTF8'));
SELECT sira_set_gates('fraud', '[{"stage": "production", "metric": "auc", "minimum": 0.99}]', reason => 'only the best');
INSERT INTO sira_approval_policies (model_id, stage, required_role) SELECT id, 'staging', 'finance_ops' FROM sira_models;
CREATE ROLE dump_signer LOGIN IN ROLE finance_ops;
SET SESSION AUTHORIZATION dump_signer;
SELECT sira_approve('fraud/2', 'staging', 'seen');
RESET SESSION AUTHORIZATION;
SELECT sira_set_alias('fraud/1', 'challenger');
SELECT sira_set_alias('fraud/2', 'challenger');
SELECT sira_set_alias('fraud/1', 'gone');
SELECT sira_drop_alias('fraud', 'gone');
INSERT INTO sira_evaluations (model_id, model_version_id, version, purpose, rows, data_digest, metrics)
SELECT model_id, id, version, 'holdout', 10, sha256('rows'), '{}' FROM sira_model_versions;
