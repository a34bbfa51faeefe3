-- A model, what its scores mean for a payment, a training run, and the version it gave goes live.

SELECT sira_create_model('fraud', 'fraud_detection', owner => 'fraud-desk', entity_type => 'transaction',
                         description => 'Is this card payment fraud?');

SELECT sira_set_policy('fraud', '[
    {"upto": 0.05, "class": "LOW",      "decision": "approve"},
    {"upto": 0.30, "class": "MEDIUM",   "decision": "review"},
    {"upto": 0.70, "class": "HIGH",     "decision": "block_and_review"},
    {              "class": "CRITICAL", "decision": "decline"}]', threshold => 0.3, fallback => 'review');

-- The query says which payments, when, and what they turned out to be; the set says everything else, each feature as of
-- its payment's moment. The truth is known a week later: the embargo leaves out the payments whose truth nobody could have
-- known on the day from which the model is judged.
CREATE TABLE demo.run AS
SELECT t.* FROM demo.calendar, sira_train('fraud',
    'SELECT id AS entity_id, paid_at AS as_of, customer_id, terminal_id, amount, is_fraud FROM demo.payments',
    label => 'is_fraud', feature_set => 'cards',
    split => jsonb_build_object('method', 'time', 'test_from', test_from), embargo => '7 days',
    params => '{"num_iterations": 300, "num_leaves": 15, "learning_rate": 0.03, "min_data_in_leaf": 100}') AS t;

-- What a version has to show before it may score a payment. The threshold of the policy blocks: half of what it blocks must be
-- fraud, and half of the frauds must be blocked. A later version must be better than the champion on the same payments.
SELECT sira_set_gates('fraud', '[
    {"stage": "validated",  "metric": "auc",       "minimum": 0.85},
    {"stage": "validated",  "metric": "precision", "minimum": 0.5},
    {"stage": "validated",  "metric": "recall",    "minimum": 0.5},
    {"stage": "production", "metric": "auc",       "minimum": 0.85},
    {"stage": "production", "improvement": 0.01}]', reason => 'what the demo promises');

SELECT * FROM sira_promote('fraud', 'first version for the demo');

-- Each payment is scored inside its own INSERT, from the features of its moment. Payments of one customer, or at one
-- terminal, that arrive at once wait for each other, so that each sees those before it.
CREATE TRIGGER payments_sira BEFORE INSERT ON demo.payments
    FOR EACH ROW EXECUTE FUNCTION sira_predict_trigger(
        'fraud', 'transaction', 'id', 'features=cards', 'serialize=on',
        'score=risk_score', 'decision=risk_decision', 'prediction_id=prediction_id', 'explain=3');
