-- Row-level security on every table, and who may do what. The policies stand beside the privileges: a role that is granted a
-- table here or later still sees only its tenant's rows.
DO $tenants$
DECLARE
    own text := '(SELECT @extschema@.sira_current_tenant())';
    tab text;
BEGIN
    FOREACH tab IN ARRAY ARRAY[
        'sira_baselines', 'sira_drift_sketches', 'sira_sketch_watermarks', 'sira_drift_alerts',
        'sira_tuning_studies', 'sira_tuning_trials',
        'sira_tenant_members', 'sira_feature_definitions', 'sira_feature_sets', 'sira_features', 'sira_feature_snapshots',
        'sira_labels', 'sira_models', 'sira_model_versions', 'sira_model_artifacts', 'sira_model_aliases',
        'sira_model_transitions', 'sira_approval_policies', 'sira_approvals', 'sira_training_runs', 'sira_decision_policies',
        'sira_predictions', 'sira_prediction_requests', 'sira_feedback', 'sira_suggestions', 'sira_data_drift',
        'sira_model_performance', 'sira_feature_statistics', 'sira_partition_config', 'sira_feature_watermarks', 'sira_jobs', 'sira_snapshot_work',
        'sira_evaluations', 'sira_model_curves', 'sira_gates', 'sira_model_examples', 'sira_model_alias_history',
        'sira_retrainings', 'sira_improvement_suggestions',
        'sira_system_metrics', 'sira_metric_days', 'sira_counter_marks', 'sira_metric_marks', 'sira_cost_tracking', 'sira_cost_rates', 'sira_budgets',
        'sira_maintenance_schedule']
    LOOP
        EXECUTE pg_catalog.format('ALTER TABLE @extschema@.%I ENABLE ROW LEVEL SECURITY', tab);
        -- In a sub-select, so that the tenant is asked for once a statement and not once a row.
        EXECUTE pg_catalog.format('CREATE POLICY tenant ON @extschema@.%I USING (tenant_id = %s) WITH CHECK (tenant_id = %2$s)',
                                  tab, own);
    END LOOP;
    -- Shared models are read by every tenant, and only the registry is shared.
    FOREACH tab IN ARRAY ARRAY[
        'sira_baselines',
        'sira_models', 'sira_model_versions', 'sira_model_artifacts', 'sira_model_aliases', 'sira_model_transitions',
        'sira_decision_policies', 'sira_model_curves', 'sira_gates', 'sira_model_alias_history']
    LOOP
        EXECUTE pg_catalog.format('CREATE POLICY shared ON @extschema@.%I FOR SELECT USING (tenant_id = ''*'' AND %s IS NOT NULL)',
                                  tab, own);
    END LOOP;
END
$tenants$;

-- A partition holds all tenants' rows: every tenant reads its settings.
DROP POLICY tenant ON @extschema@.sira_partition_config;
CREATE POLICY everybody ON @extschema@.sira_partition_config FOR SELECT USING (tenant_id = '*');

-- pay_admin sees fraud detection only. The policy restricts, so it must not take away what another role of the same person gives.
CREATE FUNCTION @extschema@.sira_reads_all_types() RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN EXISTS (SELECT 1 FROM pg_roles r
                   WHERE r.rolname IN ('sira_admin', 'sira_user', 'finance_ops', 'sira_auditor')
                     AND pg_has_role(CURRENT_USER, r.oid, 'USAGE'));
END
$$;
CREATE POLICY fraud_only ON @extschema@.sira_models AS RESTRICTIVE TO pay_admin
    USING (model_type = 'fraud_detection' OR (SELECT @extschema@.sira_reads_all_types()));
DO $fraud$
DECLARE
    tab text;
BEGIN
    -- What hangs on a model is seen where the model is: the sub-select passes through the policies of sira_models.
    FOREACH tab IN ARRAY ARRAY['sira_baselines', 'sira_drift_sketches', 'sira_drift_alerts',
                               'sira_model_versions', 'sira_model_aliases', 'sira_model_transitions', 'sira_training_runs',
                               'sira_tuning_studies',
                               'sira_decision_policies', 'sira_predictions', 'sira_feedback', 'sira_data_drift',
                               'sira_model_performance', 'sira_evaluations', 'sira_model_curves', 'sira_model_alias_history',
                               'sira_retrainings', 'sira_improvement_suggestions',
                               'sira_system_metrics', 'sira_metric_days', 'sira_cost_tracking', 'sira_budgets']
    LOOP
        EXECUTE pg_catalog.format(
            'CREATE POLICY fraud_only ON @extschema@.%1$I AS RESTRICTIVE TO pay_admin USING ('
            '(SELECT @extschema@.sira_reads_all_types()) OR model_id IN (SELECT m.id FROM @extschema@.sira_models m))', tab);
    END LOOP;
END
$fraud$;

-- Trigger functions that run as the owner: whoever could bind one to a table of their own could write history with it.
REVOKE ALL ON FUNCTION @extschema@.sira_version_gate(), @extschema@.sira_version_record(), @extschema@.sira_version_delete(),
    @extschema@.sira_feedback_fill(), @extschema@.sira_alias_record() FROM PUBLIC;

GRANT USAGE ON SCHEMA @extschema@ TO sira_admin, sira_user, sira_inference, finance_ops, pay_admin, sira_auditor;

-- sira_inference gets no table at all: scoring reads and logs on its behalf.

-- Reads models and metrics; neither artifacts nor what a prediction was about.
GRANT SELECT ON @extschema@.sira_models, @extschema@.sira_model_versions, @extschema@.sira_model_aliases,
    @extschema@.sira_model_transitions, @extschema@.sira_training_runs, @extschema@.sira_decision_policies,
    @extschema@.sira_model_performance, @extschema@.sira_data_drift TO sira_user;

GRANT SELECT ON @extschema@.sira_models, @extschema@.sira_model_versions, @extschema@.sira_model_performance TO pay_admin;

-- Approves production: reads the registry, signs, and moves versions; nothing else of a version is theirs to write.
GRANT SELECT ON @extschema@.sira_models, @extschema@.sira_model_versions, @extschema@.sira_model_aliases,
    @extschema@.sira_model_transitions, @extschema@.sira_approval_policies, @extschema@.sira_approvals,
    @extschema@.sira_training_runs, @extschema@.sira_decision_policies, @extschema@.sira_model_performance TO finance_ops;
GRANT UPDATE (status, status_reason, promoted_at, promoted_by) ON @extschema@.sira_model_versions TO finance_ops;
-- What sira_lock_model needs to lock the row, under row-level security; the trigger overwrites the value whatever it is.
GRANT UPDATE (updated_at) ON @extschema@.sira_models TO finance_ops;
GRANT INSERT (model_version_id, stage, decision, comment) ON @extschema@.sira_approvals TO finance_ops;

-- Reads history.
GRANT SELECT ON @extschema@.sira_models, @extschema@.sira_model_versions, @extschema@.sira_model_aliases,
    @extschema@.sira_model_transitions, @extschema@.sira_approval_policies, @extschema@.sira_approvals,
    @extschema@.sira_training_runs, @extschema@.sira_decision_policies, @extschema@.sira_predictions,
    @extschema@.sira_prediction_requests, @extschema@.sira_feedback, @extschema@.sira_suggestions, @extschema@.sira_data_drift,
    @extschema@.sira_model_performance TO sira_auditor;

-- Everything but the walls: history and audit rows are written by the machinery, status enters as candidate, and what a guard
-- fills in is not theirs to give.
-- Definitions and sets are written by the functions that check them.
GRANT SELECT ON @extschema@.sira_feature_definitions, @extschema@.sira_feature_sets TO sira_admin;
-- A change that was meant is accepted by hand; figures are written by sira_record_feature_statistics.
GRANT SELECT, DELETE ON @extschema@.sira_feature_statistics TO sira_admin;
GRANT UPDATE (accepted) ON @extschema@.sira_feature_statistics TO sira_admin;
GRANT SELECT ON @extschema@.sira_feature_statistics TO sira_user, sira_auditor;
-- When a value was recorded is the clock's to say, and a correction is a record beside it: who could set the time back, or
-- change a value under it, would hide from the lint what was known too late.
GRANT SELECT, DELETE ON @extschema@.sira_features TO sira_admin;
GRANT INSERT (tenant_id, entity_type, entity_id, feature_key, feature_value, value_text, value_json, sample_ts, source)
    ON @extschema@.sira_features TO sira_admin;
GRANT SELECT, INSERT, UPDATE, DELETE ON @extschema@.sira_feature_snapshots, @extschema@.sira_labels,
    @extschema@.sira_suggestions TO sira_admin;
-- Drift runs write as their caller; what was found is neither changed nor taken away by hand.
GRANT SELECT, INSERT ON @extschema@.sira_data_drift, @extschema@.sira_model_performance TO sira_admin;
-- Name, type and task are guarded by triggers; which model it is and whose tenant's never changes.
GRANT SELECT, INSERT, DELETE ON @extschema@.sira_models TO sira_admin;
GRANT UPDATE (name, display_name, description, model_type, task, owner, entity_type, enabled, label_maturity, updated_at)
    ON @extschema@.sira_models TO sira_admin;
-- What the pipeline notes in the name of whoever runs it; its jobs are written by functions.
GRANT SELECT, INSERT, UPDATE, DELETE ON @extschema@.sira_feature_watermarks, @extschema@.sira_snapshot_work TO sira_admin;
GRANT SELECT ON @extschema@.sira_jobs TO sira_admin, sira_auditor;
-- What concerns other tenants too is the owner's to write.
GRANT SELECT ON @extschema@.sira_tenant_members, @extschema@.sira_partition_config TO sira_admin;
-- Baselines are written by the library; sketches are made of predictions and can be made again; alerts are worked on.
GRANT SELECT ON @extschema@.sira_baselines TO sira_admin, sira_user, sira_auditor;
GRANT SELECT, INSERT, UPDATE, DELETE ON @extschema@.sira_drift_sketches, @extschema@.sira_sketch_watermarks TO sira_admin;
-- Who acknowledged and who resolved, and when, the trigger says.
GRANT SELECT ON @extschema@.sira_drift_alerts TO sira_admin;
GRANT INSERT (tenant_id, model_tenant_id, model_id, model_version_id, alert_type, subject, severity, message, evidence, cooldown, first_seen_at, last_seen_at,
    retrain_due), UPDATE (occurrences, last_seen_at, severity, message, evidence, model_version_id, status, note, retrain_due, retrain_job_id)
    ON @extschema@.sira_drift_alerts TO sira_admin;
GRANT SELECT ON @extschema@.sira_drift_sketches, @extschema@.sira_drift_alerts TO sira_user, sira_auditor;
GRANT SELECT ON @extschema@.sira_drift_alerts TO finance_ops;
-- A wall may be raised; lowering it is the owner's.
GRANT SELECT ON @extschema@.sira_approval_policies TO sira_admin;
GRANT INSERT (tenant_id, model_id, model_type, stage, required_signatures, required_role, valid_for)
    ON @extschema@.sira_approval_policies TO sira_admin;
GRANT INSERT (tenant_id, model_id, model_type, stage, kind, metric, slice, minimum, maximum, max_gap, min_rows, enabled, reason)
    ON @extschema@.sira_gates TO sira_admin;
GRANT SELECT ON @extschema@.sira_gates, @extschema@.sira_model_alias_history
    TO sira_admin, sira_user, finance_ops, sira_auditor;
GRANT SELECT ON @extschema@.sira_pending_approvals TO sira_admin, finance_ops, sira_auditor;
-- When an alias was set and by whom is filled in: its history goes by it.
GRANT SELECT, DELETE ON @extschema@.sira_model_aliases TO sira_admin;
GRANT INSERT (tenant_id, model_id, alias, version_id), UPDATE (version_id) ON @extschema@.sira_model_aliases TO sira_admin;
GRANT USAGE ON SEQUENCE @extschema@.sira_features_id_seq TO sira_admin;
-- Runs and artifacts are written by sira_train and sira_import_version, and so are versions that can score. A version by hand
-- names an artifact elsewhere.
GRANT SELECT ON @extschema@.sira_training_runs TO sira_admin;
GRANT SELECT ON @extschema@.sira_tuning_studies, @extschema@.sira_tuning_trials TO sira_admin, sira_user, sira_auditor;
GRANT UPDATE (experiment_name, notes) ON @extschema@.sira_training_runs TO sira_admin;
GRANT SELECT, DELETE ON @extschema@.sira_model_artifacts, @extschema@.sira_model_versions TO sira_admin;
-- Gates decide by them, so nobody writes them by hand.
GRANT SELECT ON @extschema@.sira_evaluations TO sira_admin, sira_user, finance_ops, pay_admin, sira_auditor;
-- Curves are aggregates, as metrics are.
GRANT SELECT ON @extschema@.sira_model_curves TO sira_admin, sira_user, finance_ops, pay_admin, sira_auditor;
GRANT INSERT (tenant_id, model_id, version_label, artifact_s3_key, metrics, parameters, tags)
    ON @extschema@.sira_model_versions TO sira_admin;
-- Not metrics: gates look at them and signatures cover them.
GRANT UPDATE (version_label, tags, status, status_reason, promoted_at, promoted_by)
    ON @extschema@.sira_model_versions TO sira_admin;
GRANT SELECT ON @extschema@.sira_model_transitions, @extschema@.sira_approvals, @extschema@.sira_decision_policies,
    @extschema@.sira_predictions, @extschema@.sira_prediction_requests, @extschema@.sira_feedback TO sira_admin;
GRANT INSERT (model_version_id, stage, decision, comment) ON @extschema@.sira_approvals TO sira_admin;
GRANT INSERT (model_id, bands, cost_matrix, threshold, fallback) ON @extschema@.sira_decision_policies TO sira_admin;
-- An audit row by hand is possible, but never one that looks like ours: source and model_id are filled in.
GRANT INSERT (tenant_id, model_version_id, entity_type, entity_id, input_features, prediction, raw_score, score, predicted_class,
    confidence, decision, explanation, variant, request_id, context, as_of) ON @extschema@.sira_predictions TO sira_admin;
-- No tenant_id: the look-up behind it runs as the owner, and whom it is made for must not be the caller's to say.
GRANT INSERT (id, prediction_id, suggestion_id, feedback_type, target, label, rating, sentiment, note, reviewer_id)
    ON @extschema@.sira_feedback TO sira_admin;
GRANT UPDATE (used_in_retraining, used_in_run, needs_review, status, processed_at, reviewed_by, review_note)
    ON @extschema@.sira_feedback TO sira_admin;
-- What a retraining found is written by the one that did it, and stays; who that was is not theirs to say.
GRANT SELECT ON @extschema@.sira_retrainings, @extschema@.sira_improvement_suggestions TO sira_user, sira_auditor, finance_ops;
GRANT SELECT ON @extschema@.sira_retrainings TO sira_admin;
GRANT INSERT (id, tenant_id, model_id, champion_version_id, champion_version, run_id, version_id, version, status, source, base_query,
    query, label, as_of, label_maturity, labels, new_labels, rows, metrics, champion_metrics, findings, started_at)
    ON @extschema@.sira_retrainings TO sira_admin;
-- Where in the workflow a suggestion is, and how it came there, is the trigger's to say.
GRANT SELECT ON @extschema@.sira_improvement_suggestions TO sira_admin;
GRANT INSERT (id, tenant_id, model_id, model_version_id, suggestion_type, subject, priority, issue_identified, root_cause_analysis,
    recommendation, expected_improvement, expected_metric, confidence_score, implementation_steps, effort, evidence)
    ON @extschema@.sira_improvement_suggestions TO sira_admin;
GRANT UPDATE (model_version_id, priority, issue_identified, root_cause_analysis, recommendation, expected_improvement, expected_metric,
    confidence_score, implementation_steps, effort, evidence, status, status_note)
    ON @extschema@.sira_improvement_suggestions TO sira_admin;

-- How the system does and what it costs. What the library measured is written by it alone: a row by hand says that it is one.
GRANT SELECT ON @extschema@.sira_system_metrics, @extschema@.sira_metric_days, @extschema@.sira_hourly_metrics, @extschema@.sira_daily_metrics,
    @extschema@.sira_weekly_metrics, @extschema@.sira_monthly_metrics, @extschema@.sira_recorded_metrics, @extschema@.sira_cost_tracking,
    @extschema@.sira_cost_summary_by_tenant, @extschema@.sira_budgets, @extschema@.sira_budget_status, @extschema@.sira_cost_rates,
    @extschema@.sira_drift_detection_summary TO sira_admin, sira_user, finance_ops, sira_auditor;
GRANT SELECT ON @extschema@.sira_data_drift TO finance_ops;
GRANT SELECT ON @extschema@.sira_feedback_insights TO sira_admin, sira_auditor;
GRANT INSERT (tenant_id, metric, value, labels, hour) ON @extschema@.sira_system_metrics TO sira_admin;
GRANT INSERT (tenant_id, cost_type, service, model_id, units, unit, unit_cost, currency, billing_period, labels)
    ON @extschema@.sira_cost_tracking TO sira_admin;
-- Budgets and rates are for who answers for the money.
GRANT INSERT (tenant_id, cost_type, service, unit_cost, currency), UPDATE (unit_cost, currency), DELETE
    ON @extschema@.sira_cost_rates TO sira_admin, finance_ops;
GRANT INSERT (tenant_id, model_id, amount, period, currency, on_exceeded, sample, enabled),
    UPDATE (amount, on_exceeded, sample, enabled), DELETE ON @extschema@.sira_budgets TO sira_admin, finance_ops;
GRANT SELECT, INSERT, UPDATE, DELETE ON @extschema@.sira_maintenance_schedule TO sira_admin;
