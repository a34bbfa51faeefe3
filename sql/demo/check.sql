-- Are the two definitions of the features one? Compares what the trigger computed, payment by payment as they arrived,
-- with what the window functions compute of the whole history, to the last bit.

SELECT CASE WHEN count(*) > 0 AND count(*) FILTER (WHERE arrived IS DISTINCT FROM whole) = 0
            THEN 'ok: ' ELSE 'not ok: ' END
       || format('%s payments arrived with %s computed features; %s of them differ from the whole history''s', count(*),
                 max((SELECT count(*) - 5 FROM jsonb_object_keys(whole))), count(*) FILTER (WHERE arrived IS DISTINCT FROM whole))
FROM (
    SELECT to_jsonb(p) - ARRAY['is_fraud', 'risk_score', 'risk_decision', 'prediction_id'] AS arrived,
           to_jsonb(h) - 'is_fraud' AS whole
    FROM demo.payments p JOIN demo.history_features h USING (id)
    WHERE p.paid_at >= (SELECT stream_from FROM demo.calendar)
      -- Of payments at the very same moment the one that arrives first cannot see the other.
      AND NOT EXISTS (SELECT FROM demo.history o WHERE o.customer_id = p.customer_id AND o.paid_at = p.paid_at AND o.id <> p.id)
) AS compared;
