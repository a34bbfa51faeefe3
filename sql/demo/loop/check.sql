-- Is the loop closed? Goals come as variables: auc, of the month as it was predicted.

-- A label is believed from its eighth day on: which payments those are is counted from the archive.
SELECT CASE WHEN rows > 0 AND rows = mature AND labels = words AND latest <= test_from - interval '7 days' THEN 'ok: ' ELSE 'not ok: ' END
       || format('%s payments were retrained on, %s were a week old; %s of them had a word, %s were to have one', rows, mature, labels, words)
FROM demo.calendar, (SELECT rows, labels FROM demo.retraining) r,
     LATERAL (SELECT count(*) AS mature FROM demo.history WHERE paid_at <= test_from - interval '7 days') m,
     LATERAL (SELECT count(*) AS words FROM demo.payments p JOIN demo.history h USING (id)
              WHERE p.paid_at >= stream_from AND p.paid_at <= test_from - interval '7 days'
                AND (h.is_fraud OR p.risk_decision <> 'approve')) w,
     LATERAL (SELECT max(predicted_at) AS latest FROM sira_labelled_predictions('fraud', test_from, '7 days', as_known => false)) l;

-- Windows saw the payments before them, those of the same statement too.
SELECT CASE WHEN count(*) > 1000 AND count(*) FILTER (WHERE arrived IS DISTINCT FROM whole) = 0 THEN 'ok: ' ELSE 'not ok: ' END
       || format('%s payments of the month''s last day; %s have features other than those of the whole history', count(*),
                 count(*) FILTER (WHERE arrived IS DISTINCT FROM whole))
FROM (
    SELECT r.input_features AS arrived, h.features AS whole
    FROM sira_historical_features('cards', $$
             SELECT id AS entity_id, paid_at AS as_of, customer_id, terminal_id, amount FROM demo.payments, demo.calendar
             WHERE paid_at >= test_from - interval '1 day' AND paid_at < test_from$$) AS h
    JOIN demo.payments p ON p.id = h.entity_id::bigint
    LEFT JOIN sira_predictions r ON r.id = p.prediction_id
    WHERE NOT EXISTS (SELECT FROM demo.payments o WHERE o.paid_at = p.paid_at AND o.id > p.id
                      AND (o.customer_id = p.customer_id OR o.terminal_id = p.terminal_id))
) AS compared;

SELECT CASE WHEN auc >= :auc THEN 'ok: ' ELSE 'not ok: ' END
       || format('the month as it was predicted has an AUC of %s; %s was asked for', round(auc::numeric, 4), :auc)
FROM demo.as_predicted;
SELECT CASE WHEN (challenger ->> 'auc')::numeric >= (champion_metrics ->> 'auc')::numeric AND challenger -> 'rows' = champion_metrics -> 'rows'
            THEN 'ok: ' ELSE 'not ok: ' END
       || format('on the same %s payments the challenger has an AUC of %s, the champion %s', champion_metrics ->> 'rows',
                 round((challenger ->> 'auc')::numeric, 4), round((champion_metrics ->> 'auc')::numeric, 4))
FROM demo.retraining, demo.judgement;

-- One version is live, it is the challenger, it passed every gate, and its labels are marked as used.
SELECT CASE WHEN r.status = 'registered' AND live = ARRAY[r.version] AND NOT EXISTS (
                SELECT FROM jsonb_array_elements(r.findings) f WHERE NOT (f ->> 'passed')::boolean) AND used = r.labels
            THEN 'ok: ' ELSE 'not ok: ' END
       || format('%s; in production %s of %s; %s words used', r.status, live, r.version, used)
FROM demo.retraining r,
     (SELECT array_agg(version) AS live FROM sira_model_versions WHERE status = 'production') v,
     (SELECT count(*) AS used FROM sira_feedback f, demo.retraining r WHERE f.used_in_run = r.run_id) u;
