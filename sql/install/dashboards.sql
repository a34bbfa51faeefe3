-- Views for dashboards. None reads the predictions: they look at what was counted, at drift runs, and at a month of feedback.
CREATE VIEW @extschema@.sira_drift_detection_summary AS
SELECT d.tenant_id, m.name AS model, v.version, d.runs, d.last_run, d.last_score, @extschema@.sira_drift_severity(d.last_score) AS last_severity,
       d.worst_score, d.findings, (SELECT pg_catalog.array_agg(DISTINCT u.f ORDER BY u.f) FROM pg_catalog.unnest(d.features) AS u(f)) AS features_drifted,
       a.open_alerts
-- Run by run first: what is sorted and looked at twice is then a row a run and not one for each test.
FROM (SELECT r.tenant_id, r.model_id, r.model_version_id, count(*) AS runs, max(r.created_at) AS last_run,
             max(r.score) FILTER (WHERE r.created_at = r.newest) AS last_score, max(r.score) AS worst_score,
             sum(r.findings)::bigint AS findings, max(r.features) FILTER (WHERE r.created_at = r.newest) AS features
      FROM (SELECT t.tenant_id, t.model_id, t.model_version_id, t.created_at, max(t.drift_score) FILTER (WHERE t.segment IS NULL AND t.drift_type = 'overall') AS score,
                   count(*) FILTER (WHERE t.drift_detected) AS findings,
                   pg_catalog.array_agg(t.feature_key) FILTER (WHERE t.drift_detected AND t.drift_type = 'data' AND t.feature_key IS NOT NULL) AS features,
                   max(t.created_at) OVER (PARTITION BY t.tenant_id, t.model_id, t.model_version_id) AS newest
            FROM @extschema@.sira_data_drift t
            WHERE t.created_at > pg_catalog.now() - interval '30 days'
              AND (t.tenant_id = (SELECT @extschema@.sira_current_tenant()) OR (SELECT pg_catalog.current_setting('is_superuser')::boolean))
            GROUP BY 1, 2, 3, 4) r
      GROUP BY 1, 2, 3) d
JOIN @extschema@.sira_models m ON m.id = d.model_id
LEFT JOIN @extschema@.sira_model_versions v ON v.id = d.model_version_id
LEFT JOIN LATERAL (SELECT count(*) AS open_alerts FROM @extschema@.sira_drift_alerts a
                   WHERE a.tenant_id = d.tenant_id AND a.model_id = d.model_id AND a.status <> 'resolved') a ON true;
COMMENT ON VIEW @extschema@.sira_drift_detection_summary IS 'drift runs of the last 30 days, by tenant, model and version';
COMMENT ON COLUMN @extschema@.sira_drift_detection_summary.tenant_id IS 'the tenant';
COMMENT ON COLUMN @extschema@.sira_drift_detection_summary.model IS 'the model';
COMMENT ON COLUMN @extschema@.sira_drift_detection_summary.version IS 'the version';
COMMENT ON COLUMN @extschema@.sira_drift_detection_summary.runs IS 'drift runs in 30 days';
COMMENT ON COLUMN @extschema@.sira_drift_detection_summary.last_run IS 'when the last one was';
COMMENT ON COLUMN @extschema@.sira_drift_detection_summary.last_score IS 'its drift score';
COMMENT ON COLUMN @extschema@.sira_drift_detection_summary.last_severity IS 'what that means';
COMMENT ON COLUMN @extschema@.sira_drift_detection_summary.worst_score IS 'the highest score of the runs';
COMMENT ON COLUMN @extschema@.sira_drift_detection_summary.findings IS 'what all of them found';
COMMENT ON COLUMN @extschema@.sira_drift_detection_summary.features_drifted IS 'the features that had drifted in the last one';
COMMENT ON COLUMN @extschema@.sira_drift_detection_summary.open_alerts IS 'alerts about the model that are not resolved';

CREATE VIEW @extschema@.sira_feedback_insights AS
SELECT f.tenant_id, m.name AS model, f.day, f.feedback_type, f.target, f.total, f.pending, f.processed, f.dismissed, f.needs_review,
       f.positive, f.neutral, f.negative, f.average_rating, f.processed_within_24h / nullif(f.due, 0)::float8 AS share_processed_within_24h
FROM (SELECT t.tenant_id, t.model_id, pg_catalog.date_trunc('day', t.created_at AT TIME ZONE 'UTC')::date AS day, t.feedback_type, t.target,
             count(*) AS total, count(*) FILTER (WHERE t.status = 'pending') AS pending, count(*) FILTER (WHERE t.status = 'processed') AS processed,
             count(*) FILTER (WHERE t.status = 'dismissed') AS dismissed, count(*) FILTER (WHERE t.needs_review) AS needs_review,
             count(*) FILTER (WHERE t.sentiment = 'positive') AS positive, count(*) FILTER (WHERE t.sentiment = 'neutral') AS neutral,
             count(*) FILTER (WHERE t.sentiment = 'negative') AS negative, avg(t.rating)::float8 AS average_rating,
             count(*) FILTER (WHERE t.processed_at <= t.created_at + interval '24 hours') AS processed_within_24h,
             count(*) FILTER (WHERE t.processed_at IS NOT NULL OR t.created_at < pg_catalog.now() - interval '24 hours') AS due
      FROM @extschema@.sira_feedback t
      WHERE t.created_at > pg_catalog.now() - interval '30 days'
        AND (t.tenant_id = (SELECT @extschema@.sira_current_tenant()) OR (SELECT pg_catalog.current_setting('is_superuser')::boolean))
      GROUP BY 1, 2, 3, 4, 5) f
LEFT JOIN @extschema@.sira_models m ON m.id = f.model_id;
COMMENT ON VIEW @extschema@.sira_feedback_insights IS 'feedback of the last 30 days and what became of it, by tenant, model, day and type';
COMMENT ON COLUMN @extschema@.sira_feedback_insights.tenant_id IS 'the tenant';
COMMENT ON COLUMN @extschema@.sira_feedback_insights.model IS 'the model';
COMMENT ON COLUMN @extschema@.sira_feedback_insights.day IS 'the day (UTC)';
COMMENT ON COLUMN @extschema@.sira_feedback_insights.feedback_type IS 'label, correction, flag, accept, reject or rating';
COMMENT ON COLUMN @extschema@.sira_feedback_insights.target IS 'prediction, action or explanation';
COMMENT ON COLUMN @extschema@.sira_feedback_insights.total IS 'how many';
COMMENT ON COLUMN @extschema@.sira_feedback_insights.pending IS 'of them not processed';
COMMENT ON COLUMN @extschema@.sira_feedback_insights.processed IS 'processed';
COMMENT ON COLUMN @extschema@.sira_feedback_insights.dismissed IS 'dismissed';
COMMENT ON COLUMN @extschema@.sira_feedback_insights.needs_review IS 'that wait for a person';
COMMENT ON COLUMN @extschema@.sira_feedback_insights.positive IS 'of positive sentiment';
COMMENT ON COLUMN @extschema@.sira_feedback_insights.neutral IS 'of neutral sentiment';
COMMENT ON COLUMN @extschema@.sira_feedback_insights.negative IS 'of negative sentiment';
COMMENT ON COLUMN @extschema@.sira_feedback_insights.average_rating IS 'mean of the ratings, 1 to 5';
COMMENT ON COLUMN @extschema@.sira_feedback_insights.share_processed_within_24h IS 'share that was processed within 24 hours, of those that were or should have been';

DO $views$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['sira_drift_detection_summary', 'sira_feedback_insights'] LOOP
        EXECUTE pg_catalog.format('ALTER VIEW @extschema@.%I SET (%s = true)', name,
            CASE WHEN pg_catalog.current_setting('server_version_num')::integer >= 150000 THEN 'security_invoker' ELSE 'security_barrier' END);
    END LOOP;
END
$views$;
