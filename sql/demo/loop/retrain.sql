-- The morning after the month: a challenger learns from everything whose truth is a week old. It is judged when the next month
-- is over and its truth is in: that month's payments become a table of features, each as it could be known at its moment, and
-- champion and challenger score the same rows. Neither has seen any of them.
SET TimeZone = 'UTC';

ALTER TABLE demo.payments DISABLE TRIGGER payments_sira;
INSERT INTO demo.payments (id, paid_at, customer_id, terminal_id, amount)
SELECT h.id, h.paid_at, h.customer_id, h.terminal_id, h.amount FROM demo.history h, demo.calendar
WHERE h.paid_at >= test_from AND h.paid_at < test_from + interval '1 month' ORDER BY h.paid_at, h.id;
UPDATE demo.payments p SET is_fraud = h.is_fraud FROM demo.history h WHERE h.id = p.id AND p.is_fraud IS NULL;
ALTER TABLE demo.payments ENABLE TRIGGER payments_sira;
VACUUM ANALYZE demo.payments;

SELECT sira_build_training_set('demo.judged', 'cards', format(
    'SELECT id AS entity_id, paid_at AS as_of, customer_id, terminal_id, amount, is_fraud FROM demo.payments WHERE paid_at >= %L',
    test_from))
FROM demo.calendar;
COMMENT ON TABLE demo.judged IS 'The month that champion and challenger are judged by, with the features of its moments.';

CREATE TABLE demo.retraining AS
SELECT t.* FROM demo.calendar, sira_retrain('fraud', as_of => test_from, as_known => false, label_maturity => '7 days',
                                            holdout => 'TABLE demo.judged') AS t;
COMMENT ON TABLE demo.retraining IS 'What sira_retrain answered.';

-- Where the gates were not passed there is no candidate, and the champion stays.
CREATE TABLE demo.promotion AS SELECT clock_timestamp() AS began, NULL::timestamptz AS done;
SELECT p.* FROM demo.retraining r, sira_promote('fraud/' || r.version, 'better on the month that neither has seen') AS p
WHERE r.status = 'registered';
UPDATE demo.promotion SET done = clock_timestamp();

-- For the story: what the challenger showed beside the champion, and the month as it was predicted against the truth.
CREATE TABLE demo.judgement AS
SELECT (SELECT e.metrics FROM sira_evaluations e JOIN sira_model_versions v ON v.id = e.model_version_id
        WHERE v.version = r.version AND e.purpose = 'comparison' ORDER BY e.evaluated_at DESC LIMIT 1) AS challenger
FROM demo.retraining r;
CREATE TABLE demo.as_predicted AS
SELECT sira_auc(p.risk_score, h.is_fraud) AS auc, sira_average_precision(p.risk_score, h.is_fraud) AS average_precision
FROM demo.payments p JOIN demo.history h USING (id) WHERE p.prediction_id IS NOT NULL;
