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
