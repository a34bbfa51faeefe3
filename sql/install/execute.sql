-- Who may call what. Functions that tables, policies and triggers use (the tenant, ids, checks) stay open to all; whatever
-- reads or writes with the owner's rights, or costs the machine something, is for the roles named here, in all its overloads.
DO $execute$
DECLARE
    rule record;
    callable regprocedure;
BEGIN
    FOR rule IN
        SELECT * FROM (VALUES
            ('sira_inference, sira_admin', ARRAY['sira_score', 'sira_score_query', 'sira_raw_score', 'sira_score_classes', 'sira_explain',
                'sira_predict', 'sira_predict_batch', 'sira_prewarm', 'sira_get_features', 'sira_feature_vector',
                'sira_latest_snapshot']),
            ('sira_admin, sira_auditor', ARRAY['sira_replay']),
            ('sira_admin', ARRAY['sira_define_window_feature', 'sira_define_sql_feature', 'sira_define_stored_feature',
                'sira_define_derived_feature', 'sira_define_request_feature', 'sira_define_feature_set',
                'sira_deprecate_feature', 'sira_feature_members', 'sira_feature_indexes', 'sira_create_feature_indexes',
                'sira_historical_features', 'sira_build_training_set', 'sira_lint_training_set',
                'sira_validate_features', 'sira_feature_violations', 'sira_record_feature_statistics']),
            ('sira_admin, finance_ops, sira_auditor', ARRAY['sira_check_gates', 'sira_judge', 'sira_smoke_test',
                'sira_gates_in_force', 'sira_waiting_approvals']),
            ('sira_admin, finance_ops', ARRAY['sira_auto_promote']),
            ('sira_admin', ARRAY['sira_set_gates', 'sira_set_alias', 'sira_drop_alias']),
            -- Called by the library as the owner, after its checks.
            ('', ARRAY['sira_queue_job_by_owner', 'sira_job_begin_by_owner', 'sira_job_beat_by_owner', 'sira_job_end_by_owner',
                'sira_job_take_by_owner', 'sira_retry_job_by_owner', 'sira_job_check_path']),
            ('', ARRAY['sira_store_definition', 'sira_store_feature_set']),
            ('sira_admin', ARRAY['sira_materialize_snapshots', 'sira_backfill_features', 'sira_changed_entities',
                'sira_settled_at', 'sira_queue_job', 'sira_job_begin', 'sira_job_beat', 'sira_job_end', 'sira_cancel_job',
                'sira_run_feature_pipeline', 'sira_pipeline_open', 'sira_pipeline_step', 'sira_pipeline_work', 'sira_pipeline_move',
                'sira_pipeline_failed', 'sira_pipeline_verdict', 'sira_pipeline_lock', 'sira_pipeline_sets', 'sira_schedule',
                'sira_schedule_entries', 'sira_unschedule']),
            ('', ARRAY['sira_job_claim', 'sira_session_serves', 'sira_job_note_end', 'sira_wish_worker', 'sira_progress_open']),
            ('sira_admin', ARRAY['sira_run_jobs', 'sira_jobs_ready', 'sira_job_take', 'sira_job_open', 'sira_job_work', 'sira_job_close',
                'sira_job_interrupt', 'sira_job_worker', 'sira_job_call', 'sira_do_train', 'sira_do_evaluate', 'sira_do_tune',
                'sira_do_reproduce', 'sira_retry_job', 'sira_start_worker',
                'sira_start_workers', 'sira_worker_admitted', 'sira_jobs_wait', 'sira_delete_old_jobs', 'sira_collect_progress']),
            ('sira_admin, sira_auditor', ARRAY['sira_live_progress']),
            ('sira_admin', ARRAY['sira_evaluate', 'sira_compare_versions', 'sira_threshold_sweep']),
            ('sira_admin', ARRAY['sira_set_baseline', 'sira_count_predictions', 'sira_logged_hours', 'sira_logged_rows', 'sira_update_sketches', 'sira_drift_side',
                'sira_drift_labels', 'sira_detect_drift', 'sira_alert_of_drift', 'sira_validate_data_skew', 'sira_do_drift',
                'sira_raise_alert', 'sira_move_alert', 'sira_acknowledge_alert', 'sira_resolve_alert', 'sira_queue_due_retraining']),
            ('sira_admin', ARRAY['sira_import_mlflow', 'sira_export_mlflow', 'sira_read_mlflow', 'sira_mlflow_file', 'sira_write_mlflow']),
            ('sira_admin', ARRAY['sira_tune', 'sira_create_study', 'sira_tuning_step', 'sira_run_tuning', 'sira_reproduce',
                'sira_reproducible', 'sira_run_obstacles', 'sira_run_reads_as_before']),
            ('sira_admin, sira_user, finance_ops, sira_auditor', ARRAY['sira_counters', 'sira_prometheus_samples', 'sira_metrics_prometheus',
                'sira_model_health']),
            ('sira_admin', ARRAY['sira_aggregate_hourly_metrics', 'sira_record_metric', 'sira_record_cost', 'sira_book_storage',
                'sira_counters_problem', 'sira_maintenance_open', 'sira_maintenance_due', 'sira_maintenance_step',
                'sira_maintain_models', 'sira_run_maintenance']),
            ('sira_admin, finance_ops', ARRAY['sira_check_budgets', 'sira_hold_budgets', 'sira_set_budget', 'sira_set_cost_rate']),
            -- They concern all tenants: for the owner, and for the functions that run as it.
            ('', ARRAY['sira_set_throttles', 'sira_reset_counters', 'sira_move_mark', 'sira_book_training']),
            ('sira_admin', ARRAY['sira_set_baseline', 'sira_count_predictions', 'sira_logged_hours', 'sira_logged_rows', 'sira_update_sketches', 'sira_drift_side',
                'sira_drift_labels', 'sira_detect_drift', 'sira_alert_of_drift', 'sira_validate_data_skew', 'sira_do_drift',
                'sira_raise_alert', 'sira_move_alert', 'sira_acknowledge_alert', 'sira_resolve_alert', 'sira_queue_due_retraining']),
            ('sira_admin', ARRAY['sira_tune', 'sira_create_study', 'sira_tuning_step', 'sira_run_tuning', 'sira_reproduce',
                'sira_reproducible', 'sira_run_obstacles', 'sira_run_reads_as_before']),
            ('sira_admin', ARRAY['sira_retrain', 'sira_retrain_under', 'sira_do_retrain', 'sira_retraining_base', 'sira_retraining_query',
                'sira_labelled_predictions', 'sira_query_columns', 'sira_apart_from_holdout', 'sira_process_feedback', 'sira_review_feedback',
                'sira_suggest_improvements', 'sira_improvement_by_retraining', 'sira_improvement_by_threshold',
                'sira_improvement_by_features', 'sira_improvement_by_labels', 'sira_move_suggestion', 'sira_threshold_gain']),
            ('sira_admin', ARRAY['sira_train', 'sira_import_version', 'sira_export_version', 'sira_predict_trigger',
                'sira_doctor', 'sira_cache_problem', 'sira_missing_partitions', 'sira_compiled_models',
                'sira_collect_cache'])
        ) AS rules (roles, names)
    LOOP
        FOR callable IN
            SELECT p.oid FROM pg_catalog.pg_proc p
            WHERE p.pronamespace = '@extschema@'::regnamespace AND p.proname = ANY (rule.names)
        LOOP
            EXECUTE pg_catalog.format('REVOKE ALL ON ROUTINE %s FROM PUBLIC', callable);
            CONTINUE WHEN rule.roles = '';
            EXECUTE pg_catalog.format('GRANT EXECUTE ON ROUTINE %s TO %s', callable, rule.roles);
        END LOOP;
    END LOOP;
END
$execute$;

GRANT SELECT ON @extschema@.sira_model_cache TO sira_admin;
