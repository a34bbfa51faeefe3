-- The loop, row by row: none is trained on twice, and none of those that judge.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS sira;
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET datestyle = 'ISO';
BEGIN;
\set ON_ERROR_ROLLBACK on
SET sira.min_auc = 0; SET sira.min_precision = 0; SET sira.min_recall = 0; SET sira.min_improvement = -1;

CREATE TABLE r_rows AS
SELECT i AS id, timestamptz '2018-04-01' + i * interval '18 minutes' AS at, (i * 7919 % 10007)::float8 AS amount, (ARRAY['web', 'pos'])[1 + i % 2] AS channel,
       i * 7919 % 10007 > 7000 AND i % 5 > 0 AS bad
FROM generate_series(1, 3000) i;
ALTER TABLE r_rows ADD COLUMN verdict text;
UPDATE r_rows SET verdict = CASE WHEN bad THEN 'fraud' ELSE 'legit' END;
SELECT sira_create_model(m, 'fraud_detection', entity_type => 'transaction') IS NOT NULL AS made FROM unnest('{flags,words}'::text[]) m;
UPDATE sira_models SET label_maturity = '0';
SELECT version FROM sira_train('flags', 'SELECT id, at, amount, channel, bad FROM r_rows WHERE id <= 2000', label => 'bad', time_column => 'at',
    exclude => '{id}', params => '{"num_iterations": 10, "num_leaves": 7}');
SELECT version FROM sira_train('words', 'SELECT id, at, amount, channel, verdict FROM r_rows WHERE id <= 2000', label => 'verdict', time_column => 'at',
    exclude => '{id}', params => '{"num_iterations": 10, "num_leaves": 7}', positive => 'fraud');
SELECT count(*) FROM unnest('{flags,words}'::text[]) m, sira_promote(m);

-- What the query shows of the same moment is there once, with the word that counts; what only might be the same is warned of.
SELECT count(*) AS predicted FROM r_rows r, sira_predict('flags', 'transaction', r.id, jsonb_build_object('amount', r.amount, 'channel', r.channel), as_of => r.at) WHERE r.id > 2000;
SELECT count(sira_record_feedback(p.id, 'label', to_jsonb(r.bad))) AS said
FROM sira_predictions p JOIN r_rows r ON r.id::text = p.entity_id JOIN sira_models m ON m.id = p.model_id WHERE m.name = 'flags';
SELECT status, labels, rows FROM sira_retrain('flags', query => 'SELECT at, amount, channel, bad FROM r_rows');
SELECT status, labels, rows FROM sira_retrain('flags', query => 'SELECT at + ''1 second'' AS at, amount, channel, bad FROM r_rows', min_labels => 0);
SELECT status, labels, rows FROM sira_retrain('flags', query => 'SELECT at, amount, channel, bad FROM r_rows WHERE id <= 2000', min_labels => 0);

-- Nobody is judged by what they learned by heart: by entity, or by content where the holdout names none.
\set heart '{"num_iterations": 200, "num_leaves": 255, "min_data_in_leaf": 1, "early_stopping_rounds": 0}'
SELECT status, rows, (champion_metrics ->> 'rows')::integer AS judged_on FROM sira_retrain('flags', entity_column => 'id', min_labels => 0, params => :'heart',
    query => 'SELECT id, at, amount, channel, bad FROM r_rows', holdout => 'SELECT * FROM r_rows WHERE id BETWEEN 1001 AND 1500;');
SELECT status, rows, (champion_metrics ->> 'rows')::integer AS judged_on FROM sira_retrain('flags', entity_column => 'id', min_labels => 0, params => :'heart',
    query => 'SELECT id, at, amount, channel, bad FROM r_rows', holdout => 'SELECT amount, channel, bad FROM r_rows WHERE id BETWEEN 1001 AND 1500');
-- As often as the holdout has it and no more; labels and numbers of other types are the same.
SELECT status, rows, (champion_metrics ->> 'rows')::integer AS judged_on FROM sira_retrain('flags', source => 'query', min_labels => 0,
    query => 'SELECT at, round(amount / 1000)::float8 AS amount, channel, bad FROM r_rows',
    holdout => 'SELECT round(amount / 1000)::integer AS amount, channel, bad::integer AS bad FROM r_rows WHERE id BETWEEN 1001 AND 1500');
SELECT status, rows, (champion_metrics ->> 'rows')::integer AS judged_on FROM sira_retrain('words', source => 'query', min_labels => 0,
    query => 'SELECT at, amount, channel, verdict FROM r_rows', holdout => 'SELECT amount, channel, bad AS verdict FROM r_rows WHERE id BETWEEN 1001 AND 1500');
-- The rows of a set have no features before it makes them: only entities tell them apart.
SELECT sira_apart_from_holdout('TABLE r_rows', 'SELECT amount, channel, bad FROM r_rows', 'bad', 'as_of', 'entity_id', '{"features": []}', 'cards', 'public');
-- By time too, where the holdout has it: what was alike at another moment stays.
SELECT status, rows FROM sira_retrain('flags', source => 'query', min_labels => 0, query => 'SELECT at, amount, channel, bad FROM r_rows',
    holdout => 'SELECT at + ''1 second'' AS at, amount, channel, bad FROM r_rows WHERE id BETWEEN 1001 AND 1500');

-- What the run left out need not be in another query.
SELECT r.options -> 'exclude' AS left_out FROM sira_retraining_base('flags') b, LATERAL (SELECT (b.run).options) r;
SELECT status, rows FROM sira_retrain('flags', source => 'query', query => 'SELECT at, amount, channel, bad FROM r_rows', min_labels => 0);
ROLLBACK;
