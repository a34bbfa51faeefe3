-- The loop, word by word: what accepting and rejecting mean, what classes are called, and what is new.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS sira;
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET datestyle = 'ISO';
BEGIN;
\set ON_ERROR_ROLLBACK on
SET sira.min_auc = 0; SET sira.min_precision = 0; SET sira.min_recall = 0; SET sira.min_improvement = -1;

CREATE TABLE w_rows AS
SELECT i AS id, timestamptz '2018-04-01' + i * interval '18 minutes' AS at, (i * 7919 % 10007)::float8 AS amount, (ARRAY['web', 'pos'])[1 + i % 2] AS channel,
       i * 7919 % 10007 > 7000 AND i % 5 > 0 AS bad
FROM generate_series(1, 3000) i;
ALTER TABLE w_rows ADD COLUMN verdict text;
UPDATE w_rows SET verdict = CASE WHEN bad THEN 'fraud' ELSE 'legit' END;

-- A rejection is about the threshold that the prediction was made under, wherever it is moved to.
SELECT sira_create_model('flags', 'fraud_detection', entity_type => 'transaction') IS NOT NULL AS made;
UPDATE sira_models SET label_maturity = '0';
SELECT version FROM sira_train('flags', 'SELECT id, at, amount, channel, bad FROM w_rows WHERE id <= 2000', label => 'bad', time_column => 'at',
    exclude => '{id}', params => '{"num_iterations": 10, "num_leaves": 7}');
SELECT count(*) FROM sira_promote('flags');
SELECT sira_set_policy('flags', '[{"upto": 0.99, "class": "LOW", "decision": "approve"}, {"class": "HIGH", "decision": "review"}]', threshold => 0.99) AS policy;
SELECT prediction_id, score BETWEEN 0.1 AND 0.99 AS between FROM sira_predict('flags', 'transaction', 'said-1', '{"amount": 9000, "channel": "web"}') \gset
\echo :between
SELECT sira_record_feedback(:'prediction_id', 'reject') IS NOT NULL AS rejected;
SELECT label, label_value, label_from FROM sira_labelled_predictions('flags');
SELECT sira_set_policy('flags', '[{"upto": 0.1, "class": "LOW", "decision": "approve"}, {"class": "HIGH", "decision": "review"}]', threshold => 0.1) AS policy;
SELECT label, label_value, label_from FROM sira_labelled_predictions('flags');
SELECT prediction_id FROM sira_predict('flags', 'transaction', 'said-2', '{"amount": 9000, "channel": "web"}') \gset
SELECT sira_record_feedback(:'prediction_id', 'reject') IS NOT NULL AS rejected;
SELECT entity_id, label FROM sira_labelled_predictions('flags') ORDER BY 1;

-- Words as classes: people may accept, reject, name the class, or say that it is the positive one.
SELECT sira_create_model('words', 'fraud_detection', entity_type => 'transaction') IS NOT NULL AS made;
UPDATE sira_models SET label_maturity = '0' WHERE name = 'words';
SELECT version FROM sira_train('words', 'SELECT id, at, amount, channel, verdict FROM w_rows WHERE id <= 2000', label => 'verdict', time_column => 'at',
    exclude => '{id}', params => '{"num_iterations": 10, "num_leaves": 7}', positive => 'fraud');
SELECT count(*) FROM sira_promote('words');
SELECT sira_set_policy('words', '[{"upto": 0.5, "class": "LOW", "decision": "approve"}, {"class": "HIGH", "decision": "review"}]', threshold => 0.5) AS policy;
SELECT count(*) AS predicted, count(*) FILTER (WHERE p.score >= 0.5) > 100 AS suspected
FROM w_rows w, sira_predict('words', 'transaction', w.id, jsonb_build_object('amount', w.amount, 'channel', w.channel), as_of => w.at) p WHERE w.id > 2000;
SELECT count(CASE w.id % 7
         WHEN 0 THEN sira_record_feedback(p.id, 'label', to_jsonb(w.verdict))
         WHEN 1 THEN sira_record_feedback(p.id, 'label', jsonb_build_object('verdict', w.bad))
         WHEN 2 THEN sira_record_feedback(p.id, 'correction', to_jsonb(w.bad::integer))
         WHEN 3 THEN sira_record_feedback(p.id, 'label', '"who knows"')
         ELSE sira_record_feedback(p.id, CASE WHEN (p.score >= 0.5) = w.bad THEN 'accept' ELSE 'reject' END) END) AS said
FROM sira_predictions p JOIN w_rows w ON w.id::text = p.entity_id JOIN sira_models m ON m.id = p.model_id WHERE m.name = 'words';
SELECT l.label, l.label_value, count(*) > 50 AS many, bool_and(l.label = w.verdict) AS true FROM sira_labelled_predictions('words') l JOIN w_rows w ON w.id::text = l.entity_id
GROUP BY 1, 2 ORDER BY 1;
SELECT rows, positives > 100 AS some, measure FROM sira_threshold_gain('words', now(), '0');
SELECT count(*) >= 0 AS looked FROM sira_suggest_improvements('words');
-- What is neither class is no label, of whichever type: it takes its row with it.
SELECT status, version, labels, new_labels, rows FROM sira_retrain('words', entity_column => 'id', as_of => '2018-05-09', as_known => false,
    query => 'SELECT id, at, amount, channel, verdict FROM w_rows');
SELECT status, version, labels, rows FROM sira_retrain('words', source => 'feedback', entity_column => 'id', as_of => '2018-05-09', as_known => false,
    query => 'SELECT id, at, amount, channel, verdict FROM w_rows', min_labels => 0);
SELECT signature -> 'classes' AS classes, signature ->> 'positive' AS positive FROM sira_model_versions v JOIN sira_models m ON m.id = v.model_id WHERE name = 'words' ORDER BY version;
SELECT l AS said, n AS negative, p AS positive, sira_label_class(l, n, p) AS class
FROM (VALUES ('true', 'legit', 'fraud'), ('1', 'legit', 'fraud'), ('2', 'legit', 'fraud'), ('no', 'legit', 'fraud'), ('1', 'false', 'true'), ('0.0', 'false', 'true'),
             ('t', 'false', 'true'), ('false', '0', '1'), ('true', '1', '2'), ('1', '1', '2'), ('0', '1', '2'), ('2.0', '1', '2'), ('yes', 'no', 'yes'),
             ('maybe', 'false', 'true'), (NULL, 'false', 'true'), ('true', 'true', 'false')) AS v (l, n, p);

-- A champion that names no classes counts 0 and 1, whichever is the rarer among what was said.
SELECT sira_create_model('nameless', 'fraud_detection', entity_type => 'transaction') IS NOT NULL AS made;
UPDATE sira_models SET label_maturity = '0' WHERE name = 'nameless';
SELECT sira_import_version('nameless', sira_export_version('flags/1'), signature => signature - 'classes' - 'positive') AS version
FROM sira_model_versions v JOIN sira_models m ON m.id = v.model_id WHERE name = 'flags';
SELECT count(*) FROM sira_promote('nameless');
SELECT count(sira_record_feedback(p.prediction_id, 'label', to_jsonb(w.bad))) AS said
FROM w_rows w, sira_predict('nameless', 'transaction', w.id, jsonb_build_object('amount', w.amount, 'channel', w.channel), as_of => w.at) p
WHERE w.bad OR w.id % 10 = 0;
SELECT label, label_value, count(*) > 100 AS many FROM sira_labelled_predictions('nameless') GROUP BY 1, 2 ORDER BY 1;
SELECT status, rows = labels AS all, (metrics ->> 'auc')::numeric > 0.9 AS knows
FROM sira_retrain('nameless', source => 'feedback', label => 'bad');
SELECT signature ->> 'positive' AS positive FROM sira_model_versions v JOIN sira_models m ON m.id = v.model_id WHERE name = 'nameless' AND version = 2;

-- A correction of what was used is new, and asked for by the suggestion and by the retraining alike.
SELECT count(sira_record_feedback(f.prediction_id, 'correction', '"legit"')) AS corrected
FROM (SELECT f.prediction_id FROM sira_feedback f JOIN sira_models m ON m.id = f.model_id WHERE m.name = 'words' AND f.used_in_retraining AND f.feedback_type = 'label' ORDER BY f.entity_id LIMIT 200) f;
SELECT count(*) FILTER (WHERE NOT used_in_retraining AND label_from = 'feedback: correction') AS fresh FROM sira_labelled_predictions('words');
SELECT evidence -> 'new_labels' AS fresh FROM sira_suggest_improvements('words') WHERE suggestion_type = 'model_retrain';
SELECT status, new_labels FROM sira_retrain('words', entity_column => 'id', as_of => '2018-05-09', as_known => false,
    query => 'SELECT id, at, amount, channel, verdict FROM w_rows');
SELECT status, new_labels FROM sira_retrain('words', entity_column => 'id', as_of => '2018-05-09', as_known => false,
    query => 'SELECT id, at, amount, channel, verdict FROM w_rows');
-- So is a label of the entity, until a retraining has taken it.
SELECT count(*) AS predicted FROM sira_predict('words', 'transaction', 'late', '{"amount": 9000, "channel": "web"}', as_of => '2018-05-10');
SELECT sira_record_label('transaction', 'late', 'fraud', 'human', now(), 'verdict') IS NOT NULL AS labelled;
SELECT count(*) FILTER (WHERE NOT used_in_retraining) AS fresh FROM sira_labelled_predictions('words');
SELECT status, new_labels FROM sira_retrain('words', entity_column => 'id', as_of => '2018-05-11', as_known => false,
    query => 'SELECT id, at, amount, channel, verdict FROM w_rows');
SELECT count(*) FILTER (WHERE NOT used_in_retraining) AS fresh FROM sira_labelled_predictions('words');
ROLLBACK;
