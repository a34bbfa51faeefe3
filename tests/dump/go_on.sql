-- A restored database goes on. For psql with -XqAt.
SELECT 'ok: it makes the ' || count(*) || ' months it lacks' FROM (SELECT sira_maintain_partitions()) AS made;
SELECT CASE WHEN max(decision) = 'decline' THEN 'ok: ' ELSE 'not ok: ' END || 'it goes on predicting'
FROM sira_predict('fraud', 'transaction', 'after', '{"amount": 950, "hour": 12, "channel": "web"}');
SELECT CASE WHEN count(*) > 1 THEN 'ok: ' ELSE 'not ok: ' END || 'predictions lie in ' || count(*) || ' months'
FROM (SELECT DISTINCT tableoid FROM sira_predictions) AS month;
SELECT CASE WHEN count(*) = 0 THEN 'ok: ' ELSE 'not ok: ' END || 'nothing but old months lies in a default partition'
FROM sira_predictions p WHERE tableoid::regclass::text LIKE '%default' AND created_at >= now() - interval '1 day';
