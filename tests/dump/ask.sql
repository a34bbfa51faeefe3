-- Questions whose answers must be the same before and after. For psql with -XqAt.
SET extra_float_digits = 3;
SET TimeZone = 'UTC';
SELECT id, created_at, entity_id, score, raw_score, decision, feature_vector, input_features FROM sira_predictions ORDER BY id;
SELECT id, (sira_replay(id)).* FROM sira_predictions WHERE source = 'sira' ORDER BY id;
SELECT p.id, sira_score('fraud', to_jsonb(p)) FROM payments p WHERE id <= 50 ORDER BY id;
SELECT e.* FROM sira_explain('fraud', '{"amount": 950, "hour": 12, "channel": "web"}'::jsonb) AS e;
SELECT * FROM sira_model_transitions ORDER BY id;
SELECT id, model_id, version, status, encode(artifact_digest, 'hex') FROM sira_model_versions ORDER BY id;
SELECT encode(sha256(sira_export_version('fraud')), 'hex');
SELECT * FROM sira_decision_policies ORDER BY id;
SELECT * FROM sira_feedback ORDER BY id;
