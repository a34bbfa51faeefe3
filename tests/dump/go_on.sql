-- A restored database goes on. For psql with -XqAt.
SELECT 'ok: it makes the ' || count(*) || ' months it lacks' FROM (SELECT sira_maintain_partitions()) AS made;
SELECT CASE WHEN max(decision) = 'decline' THEN 'ok: ' ELSE 'not ok: ' END || 'it goes on predicting'
FROM sira_predict('fraud', 'transaction', 'after', '{"amount": 950, "hour": 12, "channel": "web"}');
SELECT CASE WHEN count(*) > 1 THEN 'ok: ' ELSE 'not ok: ' END || 'predictions lie in ' || count(*) || ' months'
FROM (SELECT DISTINCT tableoid FROM sira_predictions) AS month;
SELECT CASE WHEN count(*) = 0 THEN 'ok: ' ELSE 'not ok: ' END || 'nothing but old months lies in a default partition'
FROM sira_predictions p WHERE tableoid::regclass::text LIKE '%default' AND created_at >= now() - interval '1 day';
-- The walls stand: signed, it goes to staging, and no further.
SELECT CASE WHEN count(*) = 2 THEN 'ok: ' ELSE 'not ok: ' END || 'a signature from before the dump counts'
FROM (SELECT sira_transition('fraud/2', 'validated') UNION ALL SELECT sira_transition('fraud/2', 'staging')) AS steps;
DO $gate$
BEGIN
    PERFORM sira_promote('fraud/2');
    RAISE WARNING 'not ok: a gate from before the dump is gone';
EXCEPTION WHEN object_not_in_prerequisite_state THEN NULL;
END
$gate$;
SELECT CASE WHEN count(*) = 1 AND max(version) = 1 THEN 'ok: ' ELSE 'not ok: ' END || 'the gate holds, and one version is in production'
FROM sira_model_versions WHERE status = 'production';
SELECT CASE WHEN sira_alias_version('fraud@challenger') = 2 AND sira_set_alias('fraud/1', 'challenger') = 1
            THEN 'ok: ' ELSE 'not ok: ' END || 'an alias names what it named, and goes on';
SELECT CASE WHEN count(*) = 5 AND max(id) = 5 THEN 'ok: ' ELSE 'not ok: ' END || 'its history does too' FROM sira_model_alias_history;
