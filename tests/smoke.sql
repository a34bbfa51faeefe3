-- One pass through every layer, on any major: a table, a model trained on it, a score, its reasons, a prediction, its
-- replay. Each line says what holds. For psql with -XqAt.

CREATE EXTENSION sira;

CREATE TABLE payments AS
SELECT id, timestamptz '2026-01-01 00:00:00+00' + id * interval '10 minutes' AS paid_at,
       (id * 7919 % 1000)::double precision AS amount, id % 24 AS hour,
       CASE id % 3 WHEN 0 THEN 'web' WHEN 1 THEN 'shop' END AS channel,
       (id * 7919 % 1000) > 900 OR (id % 24 < 3 AND id % 3 = 0) AS is_fraud
FROM generate_series(1, 4000) AS id;

SELECT 'ok: version ' || sira_version();
SELECT 'ok: model made' WHERE sira_create_model('fraud', 'fraud_detection') IS NOT NULL;
SELECT 'ok: policy set' WHERE sira_set_policy('fraud',
    '[{"upto": 0.5, "class": "LOW", "decision": "approve"}, {"class": "HIGH", "decision": "decline"}]') IS NOT NULL;

SELECT CASE WHEN rows_train = 2800 AND rows_validation = 400 AND rows_test = 800 AND status = 'candidate'
            THEN 'ok: ' ELSE 'not ok: ' END
       || format('trained on %s, %s, %s rows: %s', rows_train, rows_validation, rows_test, status)
FROM sira_train('fraud', 'SELECT paid_at, amount, hour, channel, is_fraud FROM payments ORDER BY id', 'is_fraud',
                time_column => 'paid_at', params => '{"num_iterations": 40}');

SELECT CASE WHEN max(to_status) FILTER (WHERE to_status = 'production') IS NOT NULL THEN 'ok: ' ELSE 'not ok: ' END
       || 'promoted in ' || count(*) || ' steps'
FROM sira_promote('fraud', 'smoke');

SELECT CASE WHEN sira_score('fraud', '{"amount": 950, "hour": 12, "channel": "web"}'::jsonb) > 0.9
             AND sira_score('fraud', '{"amount": 100, "hour": 12, "channel": "shop"}'::jsonb) < 0.1
            THEN 'ok: ' ELSE 'not ok: ' END || 'scores tell fraud from what is not';

SELECT CASE WHEN abs(max(baseline) + sum(contribution)
                     - max(sira_raw_score('fraud', '{"amount": 950, "hour": 12, "channel": "web"}'::jsonb))) < 1e-9
            THEN 'ok: ' ELSE 'not ok: ' END || 'reasons add up to the raw score'
FROM sira_explain('fraud', '{"amount": 950, "hour": 12, "channel": "web"}'::jsonb);

CREATE TABLE answer AS
SELECT * FROM sira_predict('fraud', 'transaction', '4711', '{"amount": 950, "hour": 12, "channel": "web"}', explain => 2);
SELECT CASE WHEN decision = 'decline' AND jsonb_array_length(reasons) = 2 THEN 'ok: ' ELSE 'not ok: ' END
       || 'a prediction is logged with its decision' FROM answer;

SELECT CASE WHEN identical THEN 'ok: ' ELSE 'not ok: ' END || 'it replays to the last bit'
FROM answer, sira_replay(prediction_id);

SELECT CASE WHEN count(*) > 0 AND count(*) FILTER (WHERE status NOT IN ('ok', 'info', 'note')) = 0
            THEN 'ok: ' ELSE 'not ok: ' END
       || 'the doctor finds nothing wrong' || coalesce(': ' || string_agg(check_name || ' ' || status, ', ')
                                                        FILTER (WHERE status NOT IN ('ok', 'info', 'note')), '')
FROM sira_doctor();
