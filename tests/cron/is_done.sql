SELECT EXISTS (SELECT 1 FROM cron.job_run_details WHERE command LIKE '%''cards'')' AND status IN ('succeeded', 'failed'));
