-- The loop: labels come back, a challenger is trained with them, and registered if it passes the gates.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS sira;
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET datestyle = 'ISO';
BEGIN;
\set ON_ERROR_ROLLBACK on
SET sira.min_auc = 0.8; SET sira.min_precision = 0; SET sira.min_recall = 0; SET sira.min_improvement = 0.02;

-- In April fraud is what is large; from May on also what is small and by web.
CREATE TABLE payments AS
SELECT i AS id, timestamptz '2018-04-01' + i * interval '18 minutes' AS paid_at, (i * 7919 % 400)::float8 AS amount,
       (ARRAY['web', 'pos', 'app'])[1 + i % 3] AS channel
FROM generate_series(1, 4800) i;
ALTER TABLE payments ADD COLUMN is_fraud boolean;
CREATE TABLE truth AS
SELECT id, (amount > 320 OR paid_at >= '2018-05-01' AND channel = 'web' AND amount < 160) <> (id % 41 = 0) AS is_fraud FROM payments;
UPDATE payments p SET is_fraud = t.is_fraud FROM truth t WHERE t.id = p.id AND paid_at < '2018-05-01';

SELECT sira_create_model('fraud', 'fraud_detection', entity_type => 'transaction') IS NOT NULL AS made;
-- Nothing to go on from yet.
SELECT * FROM sira_retrain('fraud');
SELECT version, status, rows_train, rows_validation, rows_test
FROM sira_train('fraud', 'SELECT paid_at, amount, channel, is_fraud FROM payments WHERE paid_at < ''2018-05-01''', label => 'is_fraud',
    time_column => 'paid_at', params => '{"num_iterations": 30, "num_leaves": 7, "min_data_in_leaf": 10}');
SELECT from_status, to_status FROM sira_promote('fraud');
UPDATE sira_models SET label_maturity = '7 days';

-- May is predicted; what the model saw is logged.
SELECT count(*) AS predicted
FROM payments p, sira_predict('fraud', 'transaction', p.id, jsonb_build_object('amount', p.amount, 'channel', p.channel), as_of => p.paid_at)
WHERE p.paid_at >= '2018-05-01' AND p.paid_at < '2018-05-29';

SELECT status, version, labels, new_labels FROM sira_retrain('fraud', as_of => '2018-06-01', as_known => false);

-- People say what was fraud: the analyst by label, corrections of some, one refusal, one of no use.
SELECT count(sira_record_feedback(p.id, 'label', jsonb_build_object('is_fraud', t.is_fraud))) AS said
FROM sira_predictions p JOIN truth t ON t.id::text = p.entity_id;
SELECT count(sira_record_feedback(p.id, 'rating', rating => 2)) AS rated FROM sira_predictions p WHERE p.entity_id = '2500';
SELECT count(sira_record_feedback(p.id, 'correction', '{"is_fraud": true}')) AS corrected FROM sira_predictions p WHERE p.entity_id = '2501';
SELECT label, label_value, label_from, used_in_retraining FROM sira_labelled_predictions('fraud', as_of => '2018-06-01', as_known => false) WHERE entity_id = '2501';

-- Too young on the 8th to be believed, but for the first day's.
SELECT count(*), min(predicted_at), max(predicted_at) FROM sira_labelled_predictions('fraud', as_of => '2018-05-08 12:00', as_known => false);
SELECT status, labels, new_labels FROM sira_retrain('fraud', as_of => '2018-05-08 12:00', as_known => false, min_labels => 1000);

-- What was said later was not known then; a label of an event is that event's; the asked question and the stronger source win.
SELECT count(*) AS known_then FROM sira_labelled_predictions('fraud', as_of => '2018-06-01');
SELECT count(sira_record_label('transaction', e, l, s, '2018-06-01', n, t::timestamptz))
FROM (VALUES ('4700', 'false', 'rule', 'is_fraud', NULL), ('4700', 'true', 'import', 'label', NULL), ('4701', 'true', 'human', 'label', '2018-05-29')) AS v (e, l, s, n, t);
SELECT count(*) AS predicted FROM payments p, sira_predict('fraud', 'transaction', p.id, jsonb_build_object('amount', p.amount, 'channel', p.channel), as_of => p.paid_at)
WHERE p.id IN (4700, 4701);
SELECT entity_id, label, label_from FROM sira_labelled_predictions('fraud', as_of => '2018-07-01', as_known => true) ORDER BY 1;
-- What cannot be read as the label's type is no label.
SELECT count(sira_record_feedback(p.id, 'label', '{"is_fraud": "maybe"}')) AS unclear FROM sira_predictions p WHERE p.entity_id = '4701';

-- What should be done, and why.
SELECT suggestion_type, subject, priority, issue_identified, expected_metric, expected_improvement > 0 AS gains, effort, status
FROM sira_suggest_improvements('fraud', as_of => '2018-06-01', as_known => false) ORDER BY 1, 2;
-- Found again, it stands there once.
SELECT count(*) AS found, (SELECT count(*) FROM sira_improvement_suggestions) AS standing FROM sira_suggest_improvements('fraud', as_of => '2018-06-01', as_known => false);
SELECT best_threshold < current_threshold AS lower, best_value > current_value AS better, measure, rows, positives
FROM sira_threshold_gain('fraud', '2018-06-01', '7 days', false);
SELECT sira_move_suggestion(id, 'approved', 'this week') FROM sira_improvement_suggestions WHERE suggestion_type = 'model_retrain';
SELECT sira_move_suggestion(id, 'deployed') FROM sira_improvement_suggestions WHERE suggestion_type = 'model_retrain';
UPDATE sira_improvement_suggestions SET status = 'validated' WHERE suggestion_type = 'model_retrain';
SELECT status, status_note, history #- '{0,at}' AS history FROM sira_improvement_suggestions WHERE suggestion_type = 'model_retrain';

-- A gate that nothing passes: trained, judged, and nothing of it is registered.
SELECT sira_set_gates('fraud', '[{"stage": "validated", "metric": "auc", "minimum": 0.9999}]') > 0 AS set;
SELECT status, version, run_id IS NOT NULL AS trained, findings @> '[{"passed": false}]' AS unmet FROM sira_retrain('fraud', as_of => '2018-06-01', as_known => false);
SELECT count(*) AS versions, (SELECT count(*) FROM sira_training_runs) AS runs, (SELECT count(*) FROM sira_model_artifacts) AS artifacts,
       (SELECT count(*) FROM sira_feedback WHERE used_in_retraining) AS used
FROM sira_model_versions;
SELECT sira_set_gates('fraud', '[{"stage": "validated", "metric": "auc", "minimum": 0.8}]') > 0 AS set;

-- And one that passes: the challenger beats the champion on the same rows.
SELECT status, version, labels, new_labels, rows, (metrics ->> 'auc')::numeric > 0.85 AS challenger_knows,
       (champion_metrics ->> 'auc')::numeric < 0.8 AS champion_does_not, seconds > 0 AS took
FROM sira_retrain('fraud', as_of => '2018-06-01', as_known => false);
SELECT gate, metric, passed FROM sira_check_gates('fraud/2') WHERE gate <> 'signatures' ORDER BY 1, 2;
SELECT feedback_type, used_in_retraining, used_in_run = (SELECT run_id FROM sira_retrainings WHERE status = 'registered') AS of_this_run, count(*)
FROM sira_feedback GROUP BY 1, 2, 3 ORDER BY 1, 2;
SELECT from_status, to_status FROM sira_promote('fraud');
-- Nothing new has been said since.
SELECT status, labels, new_labels FROM sira_retrain('fraud', as_of => '2018-06-01', as_known => false);
SELECT status, champion_version, version, source, labels, new_labels FROM sira_retrainings ORDER BY started_at;

-- Labels into the rows of a query that has the entity's id.
SELECT status, version, labels, rows FROM sira_retrain('fraud', query => 'SELECT id, paid_at, amount, channel, is_fraud FROM payments',
    entity_column => 'id', as_of => '2018-06-01', as_known => false, min_labels => 0);
-- Only what was predicted.
SELECT status, version, labels, rows FROM sira_retrain('fraud', source => 'feedback', as_of => '2018-06-01', as_known => false, min_labels => 0);
-- On rows of one's own.
SELECT status, version, (champion_metrics ->> 'rows')::int AS judged_on
FROM sira_retrain('fraud', as_of => '2018-06-01', as_known => false, min_labels => 0,
    holdout => 'SELECT amount, channel, t.is_fraud FROM payments JOIN truth t USING (id) WHERE paid_at >= ''2018-05-29''');

SELECT * FROM sira_retrain('fraud', source => 'elsewhere');
SELECT * FROM sira_retrain('fraud', query => 'SELECT paid_at, amount, channel FROM payments', min_labels => 0);
UPDATE sira_retrainings SET status = 'registered';

-- Feedback becomes labels of its entities; what needs a person waits.
SELECT * FROM sira_process_feedback();
SELECT label, label_value, label_name, source FROM sira_current_labels WHERE entity_id IN ('2500', '2501') ORDER BY entity_id;
SELECT sira_review_feedback(id, 'dismissed', 'no reason given') FROM sira_feedback WHERE needs_review;
SELECT status, feedback_type, count(*) FROM sira_feedback GROUP BY 1, 2 ORDER BY 1, 2;
SELECT sira_review_feedback('00000000-0000-0000-0000-000000000001', 'dismissed');
SELECT sira_review_feedback(NULL, 'forgotten');

ROLLBACK;
