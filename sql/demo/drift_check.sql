-- What sql/demo/drift.sql must have found. For psql with -At.
SELECT CASE WHEN c.holds THEN 'ok: ' ELSE 'not ok: ' END || c.said
FROM (VALUES
    ('April is held against nine weeks', (SELECT count(DISTINCT week) = 9 AND count(*) FILTER (WHERE drift_type = 'overall') = 9 FROM demo.drift)),
    ('every feature is compared in every week', (SELECT count(DISTINCT (week, feature)) = 9 * (SELECT count(*) FROM sira_feature_members('cards'))
                                                 FROM demo.drift WHERE drift_type = 'data' AND statistic IS NOT NULL)),
    ('amounts and hours are what they were in April', (SELECT NOT bool_or(detected) FROM demo.drift WHERE feature IN ('amount', 'hour', 'amount_ratio'))),
    ('windows of 30 days, empty on the first of April, have filled', (SELECT bool_or(detected) FROM demo.drift WHERE feature ~ '_30d$')),
    ('quality is measured week by week', (SELECT count(*) >= 8 AND bool_and(auc > 0.8) FROM sira_model_performance WHERE NOT estimated AND period_end < '2018-07-01')),
    ('amounts three times as high are found in the amount and what is made of it', (SELECT array_agg(DISTINCT feature ORDER BY feature) = '{amount,amount_ratio,amount_score}'
                                                                                   FROM demo.tripled WHERE detected AND drift_type = 'data')),
    ('the scores of such payments have drifted', (SELECT bool_or(detected) FROM demo.tripled WHERE drift_type = 'prediction')),
    ('two halves of one week are the same', (SELECT NOT bool_or(detected) AND count(*) > 30 FROM demo.halves))
) AS c (said, holds);
