-- The first version, as it could be trained on the evening before the month arrives: nobody knows yet what the payments of
-- the last week were. Rows without a label are left out by sira_train itself.
SET TimeZone = 'UTC';

UPDATE demo.payments SET is_fraud = NULL
WHERE paid_at >= (SELECT stream_from - interval '7 days' FROM demo.calendar);
VACUUM ANALYZE demo.payments;

SELECT sira_create_model('fraud', 'fraud_detection', owner => 'fraud-desk', entity_type => 'transaction',
                         description => 'Is this card payment fraud?');
-- How old a payment must be for its label to be believed: silence of a week means that it was honest.
UPDATE sira_models SET label_maturity = '7 days' WHERE name = 'fraud';
SELECT sira_set_policy('fraud', '[
    {"upto": 0.05, "class": "LOW",      "decision": "approve"},
    {"upto": 0.30, "class": "MEDIUM",   "decision": "review"},
    {"upto": 0.70, "class": "HIGH",     "decision": "block_and_review"},
    {              "class": "CRITICAL", "decision": "decline"}]', threshold => 0.3, fallback => 'review');

CREATE TABLE demo.first_run AS
SELECT * FROM sira_train('fraud',
    'SELECT id AS entity_id, paid_at AS as_of, customer_id, terminal_id, amount, is_fraud FROM demo.payments',
    label => 'is_fraud', feature_set => 'cards', split => '{"method": "time", "train": 0.8, "validation": 0.05, "test": 0.15}',
    params => '{"num_iterations": 300, "num_leaves": 15, "learning_rate": 0.03, "min_data_in_leaf": 100}');

-- The first version is judged by few payments, hence modest minima. A challenger may not be worse than the champion on the same
-- payments.
SELECT sira_set_gates('fraud', '[
    {"stage": "validated",  "metric": "auc",       "minimum": 0.8},
    {"stage": "validated",  "metric": "precision", "minimum": 0.5},
    {"stage": "validated",  "metric": "recall",    "minimum": 0.4},
    {"stage": "production", "metric": "auc",       "minimum": 0.8},
    {"stage": "production", "improvement": 0}]', reason => 'what the loop promises');
SELECT * FROM sira_promote('fraud', 'first version of the loop');

-- One session writes: rows of one statement see those before them, and nobody else has to be waited for.
CREATE TRIGGER payments_sira BEFORE INSERT ON demo.payments
    FOR EACH ROW EXECUTE FUNCTION sira_predict_trigger('fraud', 'transaction', 'id', 'features=cards',
        'score=risk_score', 'decision=risk_decision', 'prediction_id=prediction_id');
