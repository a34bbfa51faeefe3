SELECT schedule, command FROM cron.job ORDER BY jobid;
SELECT DISTINCT status, return_message FROM cron.job_run_details WHERE command LIKE '%''cards'')' AND status <> 'running';
SELECT DISTINCT step, status, attempt FROM sira_jobs WHERE status <> 'running' ORDER BY step;
SELECT count(DISTINCT entity_id) FROM sira_feature_snapshots WHERE feature_set = 'cards';
-- As often as it is said, an entry is there once; taking one away leaves the others.
SELECT job_name, scheduled FROM sira_schedule('cards', '0 2 * * *', 'Europe/Berlin');
SELECT schedule, command FROM cron.job WHERE jobname LIKE '%cards' ORDER BY jobid;
SELECT sira_unschedule('cards'), sira_unschedule('cards');
SELECT sira_unschedule();
SELECT count(*) FROM cron.job;
