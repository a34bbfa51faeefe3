-- What happened, for somebody who knows payments and not machine learning. For psql with -At.
SET TimeZone = 'UTC';

-- The reasons of one payment, the strongest first: what its features were when it arrived is in its audit row.
CREATE OR REPLACE FUNCTION pg_temp.reasons(payment demo.payments) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT format('      %s %s = %s%s', CASE WHEN contribution > 0 THEN 'for fraud    ' ELSE 'against fraud' END,
                  rpad(feature, 24), rpad(round(value::numeric, 2)::text, 7), coalesce(' (' || description || ')', ''))
    FROM sira_predictions p,
         sira_explain('fraud', p.input_features, 3) WITH ORDINALITY AS e (feature, value, contribution, baseline, n)
    LEFT JOIN sira_feature_catalog c ON c.name = e.feature AND c.version = 1
    WHERE p.id = payment.prediction_id
    ORDER BY n
$$;

CREATE OR REPLACE FUNCTION pg_temp.payment(payment demo.payments) RETURNS text LANGUAGE sql AS $$
    SELECT format('  Payment %s, %s, %s by customer %s at terminal %s: score %s, %s.', payment.id,
                  to_char(payment.paid_at, 'DD Mon HH24:MI'), payment.amount, payment.customer_id, payment.terminal_id,
                  round(payment.risk_score::numeric, 4), upper(replace(payment.risk_decision, '_', ' ')))
$$;

-- The payments to tell of: one that passed, one that did not.
SELECT (SELECT id FROM demo.payments WHERE risk_decision = 'approve' ORDER BY id DESC LIMIT 1) AS approved,
       (SELECT p.id FROM demo.payments p JOIN demo.history h USING (id) WHERE p.risk_decision IS NOT NULL
        ORDER BY p.risk_decision = 'decline' DESC, h.is_fraud DESC, p.risk_score DESC LIMIT 1) AS declined
\gset

\echo
\echo 'WHAT WAS TRAINED'
SELECT format('  Model "fraud" version %s learned from %s card payments (%s) in %s s,', r.version,
              to_char(r.rows_train, 'FM999,999,999'), c.source, round(r.seconds::numeric, 1)),
       E'\n' || format('  with the %s features of set "%s", each as it could be known at its payment''s moment:', t.feature_count,
                       t.feature_set),
       E'\n' || (SELECT format('  %s windows over customers and terminals, %s more of the payment itself.',
                               count(*) FILTER (WHERE kind = 'window'), count(*) FILTER (WHERE kind <> 'window'))
                 FROM sira_feature_members(t.feature_set))
FROM demo.run r, demo.calendar c, sira_training_runs t WHERE t.id = r.run_id;

\echo
\echo 'HOW GOOD IT IS'
SELECT format('  Judged on the %s payments from %s on, of which it had seen none; %s %% of them were fraud.',
              to_char(rows_test, 'FM999,999,999'), to_char(test_from, 'DD Mon YYYY'), round(100 * (metrics->>'prevalence')::numeric, 2)),
       E'\n' || format('    AUC                %s   0.5 is a coin: how often a fraud scores above an honest payment',
              to_char((metrics->>'auc')::numeric, '0.000')),
       E'\n' || format('    average precision  %s   a coin has %s here: how clean the top of the list is',
              to_char((metrics->>'average_precision')::numeric, '0.000'), round((metrics->>'prevalence')::numeric, 3)),
       E'\n' || format('    blocked from a score of %s on: %s of 100 blocked payments are fraud, %s of 100 frauds are blocked',
              metrics->>'threshold', round(100 * (metrics->>'precision')::numeric), round(100 * (metrics->>'recall')::numeric))
FROM demo.run, demo.calendar;

\echo
\echo 'WHETHER IT KNEW ANYTHING TOO EARLY'
SELECT format('  %s judged payments, %s computed features each, computed once more for their moments: %s were known too early.',
              to_char(r.rows_test, 'FM999,999,999'),
              (SELECT count(*) FROM sira_feature_members(t.feature_set) WHERE kind <> 'request'), count(l.what)),
       E'\n  In a copy one column is as a nightly job would fill it, a day later (terminal_frauds_7d):',
       E'\n' || (SELECT format('  %s values are found, in %s payments. The first: payment %s has %s for what was %s.',
                               to_char(count(*), 'FM999,999,999'), to_char(count(DISTINCT row_number), 'FM999,999,999'),
                               (array_agg(entity_id ORDER BY row_number))[1], (array_agg(found ORDER BY row_number))[1],
                               (array_agg(expected ORDER BY row_number))[1])
                 FROM demo.lint WHERE what = 'planted')
FROM demo.run r JOIN sira_training_runs t ON t.id = r.run_id LEFT JOIN demo.lint l ON l.what = 'judged'
GROUP BY t.feature_set, r.rows_test;

\echo
\echo 'PAYMENTS THAT ARRIVED SINCE, each with its features computed and scored inside its own INSERT'
SELECT format('  %s payments: %s. Half of them took less than %s microseconds, features included.', sum(n),
              string_agg(format('%s %s', n, replace(risk_decision, '_', ' ')), ', ' ORDER BY n DESC),
              (SELECT round(percentile_cont(0.5) WITHIN GROUP (ORDER BY latency_us)) FROM sira_predictions WHERE source = 'sira'))
FROM (SELECT risk_decision, count(*) AS n FROM demo.payments WHERE prediction_id IS NOT NULL GROUP BY 1) AS arrived;
SELECT pg_temp.payment(p) FROM demo.payments p WHERE id = :approved;
SELECT pg_temp.reasons(p) FROM demo.payments p WHERE id = :approved;
SELECT pg_temp.payment(p) FROM demo.payments p WHERE id = :declined;
SELECT pg_temp.reasons(p) FROM demo.payments p WHERE id = :declined;
SELECT format('      A week later it turned out to be %s.', CASE WHEN is_fraud THEN 'fraud' ELSE 'honest' END)
FROM demo.history WHERE id = :declined;

\echo
\echo 'FOR THE AUDITOR: the decision computed again from what was stored'
SELECT format('  recorded %s, recomputed %s: %s', recorded, recomputed,
              CASE WHEN identical THEN 'identical to the last bit' ELSE 'DIFFERENT, ' || note END)
FROM demo.payments p, sira_replay(p.prediction_id) WHERE p.id = :declined;

\echo
\echo 'FOR THE DBA'
SELECT format('  Live: fraud/%s, by way of %s.', sira_live_version('fraud'),
              (SELECT string_agg(to_status, ', ' ORDER BY t.id) FROM sira_model_transitions t WHERE to_status <> 'candidate'))
    || E'\n' || format('  Audit rows: %s. Database: %s. The doctor finds %s.', (SELECT count(*) FROM sira_predictions),
              pg_size_pretty(pg_database_size(current_database())),
              (SELECT coalesce(nullif(count(*), 0) || ' things to look at: SELECT * FROM sira_doctor();', 'nothing wrong')
               FROM sira_doctor() WHERE status NOT IN ('ok', 'info', 'note')));

\echo
\echo 'GO ON: type "make psql" and try'
\echo '  SELECT id, amount, risk_score, risk_decision FROM demo.payments WHERE risk_decision = ''decline'' LIMIT 5;'
SELECT format('  SELECT * FROM sira_get_features(''cards'', %s, %L, ''{"customer_id": %s, "terminal_id": %s, "amount": %s}'');',
              id, paid_at, customer_id, terminal_id, amount) FROM demo.payments WHERE id = :declined;
\echo '  SELECT * FROM sira_lint_training_set(''cards'', ''demo.planted'') LIMIT 5;'
\echo '  BEGIN; INSERT INTO demo.payments (id, paid_at, customer_id, terminal_id, amount)'
\echo '    VALUES (-1, now(), 1, 1, 999) RETURNING risk_score, risk_decision; ROLLBACK;'
\echo '"make stop" stops this database and keeps it.'
