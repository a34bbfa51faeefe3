-- Does the demo tell the truth? Goals of the model come as variables: auc, average_precision.

SELECT CASE WHEN (metrics ->> 'auc')::numeric >= :auc AND (metrics ->> 'average_precision')::numeric >= :average_precision
            THEN 'ok: ' ELSE 'not ok: ' END
       || format('AUC %s and average precision %s on %s payments; %s and %s were asked for', round((metrics ->> 'auc')::numeric, 4),
                 round((metrics ->> 'average_precision')::numeric, 4), rows_test, :auc, :average_precision)
FROM demo.run;

-- Are online and offline one? What the trigger computed, payment by payment as they arrived, and what is computed of all
-- payments together afterwards, to the last bit. Of payments at the very same moment those that arrive first cannot see the
-- others: they are left out.
SELECT CASE WHEN count(*) > 1000 AND count(*) FILTER (WHERE arrived IS DISTINCT FROM whole) = 0 THEN 'ok: ' ELSE 'not ok: ' END
       || format('%s payments arrived with %s features; %s of them differ from those of the whole history', count(*),
                 max((SELECT count(*) FROM jsonb_object_keys(whole))), count(*) FILTER (WHERE arrived IS DISTINCT FROM whole))
FROM (
    SELECT r.input_features AS arrived, h.features AS whole
    FROM sira_historical_features('cards', $$
             SELECT id AS entity_id, paid_at AS as_of, customer_id, terminal_id, amount FROM demo.payments
             WHERE paid_at >= (SELECT stream_from FROM demo.calendar)$$) AS h
    JOIN demo.payments p ON p.id = h.entity_id::bigint
    LEFT JOIN sira_predictions r ON r.id = p.prediction_id
    WHERE NOT EXISTS (SELECT FROM demo.payments o WHERE o.paid_at = p.paid_at AND o.id > p.id
                      AND (o.customer_id = p.customer_id OR o.terminal_id = p.terminal_id))
) AS compared;

-- Is it what PostgreSQL computes? A window covers (t - delay - size, t - delay]: a RANGE frame includes its ends, so the lower
-- one is moved by the smallest step there is.
WITH framed AS (
    SELECT id AS entity_id, count(*) OVER c1 AS customer_count_1d, count(*) OVER c7 AS customer_count_7d,
           count(*) OVER c30 AS customer_count_30d, sum(amount) OVER c30 / count(*) OVER c30 AS customer_mean_30d,
           count(*) OVER t1 AS terminal_count_1d, count(*) FILTER (WHERE is_fraud) OVER k1 AS terminal_frauds_1d,
           count(*) FILTER (WHERE is_fraud) OVER k7 AS terminal_frauds_7d,
           count(*) FILTER (WHERE is_fraud) OVER k30 AS terminal_frauds_30d
    FROM demo.payments
    WINDOW customer AS (PARTITION BY customer_id ORDER BY paid_at), terminal AS (PARTITION BY terminal_id ORDER BY paid_at),
           c1 AS (customer RANGE '23:59:59.999999' PRECEDING), c7 AS (customer RANGE '167:59:59.999999' PRECEDING),
           c30 AS (customer RANGE '719:59:59.999999' PRECEDING), t1 AS (terminal RANGE '23:59:59.999999' PRECEDING),
           k1 AS (terminal RANGE BETWEEN '191:59:59.999999' PRECEDING AND '168:00:00' PRECEDING),
           k7 AS (terminal RANGE BETWEEN '335:59:59.999999' PRECEDING AND '168:00:00' PRECEDING),
           k30 AS (terminal RANGE BETWEEN '887:59:59.999999' PRECEDING AND '168:00:00' PRECEDING)
), compared AS (
    SELECT (j.customer_count_1d, j.customer_count_7d, j.customer_count_30d, j.terminal_count_1d, j.terminal_frauds_1d,
            j.terminal_frauds_7d, j.terminal_frauds_30d)
           = (f.customer_count_1d, f.customer_count_7d, f.customer_count_30d, f.terminal_count_1d, f.terminal_frauds_1d,
              f.terminal_frauds_7d, f.terminal_frauds_30d)
           AND abs(j.customer_mean_30d - f.customer_mean_30d) <= 1e-12 * f.customer_mean_30d AS same
    FROM demo.judged j LEFT JOIN framed f USING (entity_id)
)
SELECT CASE WHEN count(*) > 0 AND bool_and(coalesce(same, false)) THEN 'ok: ' ELSE 'not ok: ' END
       || format('%s judged payments have 8 features each as PostgreSQL''s window functions compute them; %s have not',
                 count(*) FILTER (WHERE same), count(*) FILTER (WHERE same IS NOT TRUE))
FROM compared;

-- Nothing was known too early, and each value that was planted is found, and no other.
SELECT CASE WHEN count(*) FILTER (WHERE what = 'judged') = 0 THEN 'ok: ' ELSE 'not ok: ' END
       || format('%s values of the judged payments were known too early', count(*) FILTER (WHERE what = 'judged'))
FROM demo.lint;
SELECT CASE WHEN planted > 0 AND found = planted AND others = 0 THEN 'ok: ' ELSE 'not ok: ' END
       || format('%s values were planted a day too late; %s of them are found, and %s others', planted, found, others)
FROM (
    SELECT (SELECT count(*) FROM demo.judged j JOIN demo.planted p USING (entity_id)
            WHERE j.terminal_frauds_7d IS DISTINCT FROM p.terminal_frauds_7d) AS planted,
           count(*) FILTER (WHERE feature = 'terminal_frauds_7d' AND j.terminal_frauds_7d IS DISTINCT FROM p.terminal_frauds_7d
                            AND l.found::float8 = p.terminal_frauds_7d AND l.expected::float8 = j.terminal_frauds_7d) AS found,
           count(*) FILTER (WHERE feature <> 'terminal_frauds_7d'
                            OR j.terminal_frauds_7d IS NOT DISTINCT FROM p.terminal_frauds_7d) AS others
    FROM demo.lint l JOIN demo.judged j ON j.entity_id = l.entity_id::bigint JOIN demo.planted p ON p.entity_id = j.entity_id
    WHERE l.what = 'planted'
) AS counted;
