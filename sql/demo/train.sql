-- A model, what its scores mean for a payment, a training run, and the version it gave goes live.

SELECT sira_create_model('fraud', 'fraud_detection', owner => 'fraud-desk', entity_type => 'transaction',
                         description => 'Is this card payment fraud?');

SELECT sira_set_policy('fraud', '[
    {"upto": 0.05, "class": "LOW",      "decision": "approve"},
    {"upto": 0.30, "class": "MEDIUM",   "decision": "review"},
    {"upto": 0.70, "class": "HIGH",     "decision": "block_and_review"},
    {              "class": "CRITICAL", "decision": "decline"}]', threshold => 0.3, fallback => 'review');

-- The truth about a payment is known a week later: the embargo leaves out the payments whose truth nobody could have
-- known on the day from which the model is judged.
CREATE TABLE demo.run AS
SELECT t.* FROM demo.calendar, sira_train('fraud', $$
    SELECT paid_at, is_fraud, amount, hour, weekday, is_weekend, is_night,
           customer_count_1d, customer_count_7d, customer_count_30d,
           customer_mean_1d, customer_mean_7d, customer_mean_30d, amount_ratio,
           terminal_count_1d, terminal_count_7d, terminal_count_30d,
           terminal_fraud_rate_1d, terminal_fraud_rate_7d, terminal_fraud_rate_30d
    FROM demo.payments ORDER BY paid_at, id $$,
    label => 'is_fraud', time_column => 'paid_at',
    split => jsonb_build_object('method', 'time', 'validation_from', validation_from, 'test_from', test_from),
    embargo => '7 days',
    params => '{"num_iterations": 200, "num_leaves": 15, "learning_rate": 0.05, "min_data_in_leaf": 100,
                "early_stopping_rounds": 50}') AS t;

SELECT * FROM sira_promote('fraud', 'first version for the demo');

-- Triggers of one kind fire in the order of their names: the features are there when the score is asked for.
CREATE TRIGGER payments_2_sira BEFORE INSERT ON demo.payments
    FOR EACH ROW EXECUTE FUNCTION sira_predict_trigger(
        'fraud', 'transaction', 'id', 'score=risk_score', 'decision=risk_decision', 'prediction_id=prediction_id',
        'explain=3');
