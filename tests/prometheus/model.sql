-- Two tenants whose models have answered, and a reader of one who may read metrics and do nothing else.
CREATE EXTENSION sira;
GRANT sira_admin TO sira_elsewhere;
GRANT sira_user TO sira_metrics;
INSERT INTO sira_tenant_members (tenant_id, member) VALUES ('elsewhere', 'sira_elsewhere'), ('default', 'sira_metrics');
SELECT sira_create_model('cards', 'fraud_detection');
CREATE TABLE payments AS SELECT i % 1009 AS amount, i % 17 AS hour, i % 1009 > 500 AS bad FROM generate_series(1, 2000) AS i;
SELECT * FROM sira_train('cards', 'SELECT * FROM payments', 'bad', split => '{"method": "random"}', params => '{"num_iterations": 5}');
SELECT * FROM sira_promote('cards');
SELECT sira_set_policy('cards', '[{"upto": 0.5, "decision": "approve"}, {"decision": "decline"}]');
SELECT sira_predict('cards', 'transaction', i::text, jsonb_build_object('amount', 100 * i, 'hour', 1)) FROM generate_series(1, 7) i;
SELECT count(sira_score('cards', payments)) FROM payments;
-- What is written down more than once stays one series, and what was recorded is one.
INSERT INTO sira_features (entity_type, entity_id, feature_key, feature_value, sample_ts) SELECT 'merchant', i::text, 'turnover', i, now() - interval '1 hour' FROM generate_series(1, 3) i;
SELECT sira_aggregate_hourly_metrics();
INSERT INTO sira_features (entity_type, entity_id, feature_key, feature_value, sample_ts) SELECT 'merchant', i::text, 'turnover', i, now() - interval '1 hour' FROM generate_series(4, 7) i;
SELECT sira_aggregate_hourly_metrics();
SELECT sira_record_metric('llm_tokens', 100, jsonb_build_object('service', E'with "quotes" and\nlines'));
SELECT sira_record_metric('llm_tokens', 200, jsonb_build_object('service', E'with "quotes" and\nlines'));
SELECT sira_record_metric('huge', 1.7e308) FROM generate_series(1, 2);
SET ROLE sira_elsewhere;
SELECT sira_create_model('elsewhere', 'fraud_detection');
DO $$
BEGIN
    PERFORM sira_score('elsewhere', '{"amount": 1}');
EXCEPTION WHEN OTHERS THEN
    RAISE NOTICE '%', SQLERRM;
END
$$;
RESET ROLE;
