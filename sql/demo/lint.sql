-- Does the training set know anything too early? The payments that the model is judged by become a table with a column for
-- each feature, and SIRA computes each value once more, as it could be known at its payment's moment. Then a mistake is
-- planted that is easily made: in a copy of the table, one column is as a nightly job would fill it, a day later.

SELECT sira_build_training_set('demo.judged', 'cards', format(
    'SELECT id AS entity_id, paid_at AS as_of, customer_id, terminal_id, amount, is_fraud FROM demo.payments WHERE paid_at >= %L',
    test_from))
FROM demo.calendar;
COMMENT ON TABLE demo.judged IS 'The payments that the model is judged by, with the features of their moments.';

SELECT sira_define_feature_set('nightly', 'transaction', '{terminal_frauds_7d}', keys => '{"terminal": "terminal_id"}',
                               description => 'one feature, to plant a mistake with');
SELECT sira_build_training_set('demo.a_day_later', 'nightly',
    'SELECT entity_id, as_of + interval ''24 hours'' AS as_of, terminal_id FROM demo.judged');

CREATE TABLE demo.planted AS TABLE demo.judged;
UPDATE demo.planted p SET terminal_frauds_7d = l.terminal_frauds_7d FROM demo.a_day_later l WHERE l.entity_id = p.entity_id;

CREATE TABLE demo.lint AS
SELECT 'judged' AS what, f.* FROM sira_lint_training_set('cards', 'demo.judged') AS f
UNION ALL
SELECT 'planted', f.* FROM sira_lint_training_set('cards', 'demo.planted') AS f;
COMMENT ON TABLE demo.lint IS 'What was known too early: nothing in demo.judged, and what was planted in demo.planted.';
