-- What every function is for, with one example where a person calls it. Tables and columns: comments_tables.sql.
COMMENT ON FUNCTION @extschema@.sira_create_model(text, text, text, text, text, text) IS
    'Registers a model and answers its id; makes the months of the growing tables when they are missing. Example: SELECT sira_create_model(''fraud'', ''fraud_detection'');';
COMMENT ON FUNCTION @extschema@.sira_promote(text, text) IS
    'Takes a version through the remaining steps to production; the champion becomes deprecated. A bare name means the newest version that may go. Example: SELECT * FROM sira_promote(''fraud'', ''better on June'');';
COMMENT ON FUNCTION @extschema@.sira_rollback(text, text) IS
    'Brings back the version that was in production before. Example: SELECT * FROM sira_rollback(''fraud'', ''too many declines'');';
COMMENT ON FUNCTION @extschema@.sira_transition(text, text, text) IS
    'Takes a version one step. Example: SELECT * FROM sira_transition(''fraud/3'', ''validated'');';
COMMENT ON FUNCTION @extschema@.sira_live_version(text, timestamptz) IS
    'The version number that was in production at a moment, NULL when none was. Example: SELECT sira_live_version(''fraud'', now() - interval ''1 day'');';
COMMENT ON FUNCTION @extschema@.sira_approve(text, text, text) IS
    'Signs a version for a stage and answers signatures given and needed; nobody approves what they registered. Example: SELECT * FROM sira_approve(''fraud/3'', ''production'', ''looks right'');';
COMMENT ON FUNCTION @extschema@.sira_reject(text, text, text) IS
    'Objects to a version at a stage: no policy is met while the objection stands. Example: SELECT * FROM sira_reject(''fraud/3'', ''production'', ''leak in a feature'');';
COMMENT ON FUNCTION @extschema@.sira_set_policy(text, jsonb, jsonb, double precision, text) IS
    'Appends a decision policy, which holds from now on, and answers its version. Example: SELECT sira_set_policy(''fraud'', ''[{"upto": 0.5, "class": "LOW", "decision": "approve"}, {"class": "HIGH", "decision": "decline"}]'');';
COMMENT ON FUNCTION @extschema@.sira_record_feedback(uuid, text, jsonb, text, text, text, integer) IS
    'Records what people said about a prediction and answers the id of the feedback. Example: SELECT sira_record_feedback(prediction_id, ''label'', ''{"is_fraud": true}'') FROM payments WHERE id = 1;';
COMMENT ON FUNCTION @extschema@.sira_resolve_version(text) IS
    'The version that name, name@alias, name@latest, name@champion or name/3 means; a bare name is the one in production. Example: SELECT * FROM sira_resolve_version(''fraud@latest'');';

COMMENT ON FUNCTION @extschema@.sira_parse_model(text) IS
    'Takes name, name@alias or name/3 apart. Example: SELECT * FROM sira_parse_model(''fraud/3'');';
COMMENT ON FUNCTION @extschema@.sira_find_model(text) IS
    'The model of that name, own before shared. Example: SELECT id FROM sira_find_model(''fraud'');';
COMMENT ON FUNCTION @extschema@.sira_pick_version(text, text[]) IS
    'The named version; a bare name is the newest one in the given states. Example: SELECT * FROM sira_pick_version(''fraud'', ''{staging}'');';
COMMENT ON FUNCTION @extschema@.sira_allowed_statuses(text) IS
    'The states that a version may go to from a state. Example: SELECT sira_allowed_statuses(''staging'');';
COMMENT ON FUNCTION @extschema@.sira_version_digest(text, uuid, bytea, jsonb) IS
    'SHA-256 over artifact digest, metrics and newest decision policy: what a signature covers. Example: SELECT sira_version_digest(tenant_id, model_id, artifact_digest, metrics) FROM sira_model_versions;';
COMMENT ON FUNCTION @extschema@.sira_signatures(text, uuid, uuid, text, bytea, text) IS
    'Signatures given and needed by approval policy; used by the gate. Example: SELECT s.* FROM sira_model_versions v, sira_signatures(v.tenant_id, v.id, v.model_id, v.created_by, sira_version_digest(v.tenant_id, v.model_id, v.artifact_digest, v.metrics), ''production'') s;';
COMMENT ON FUNCTION @extschema@.sira_is_member(text, text) IS
    'Whether a role was granted another, however indirectly; superusers only where it was. Example: SELECT sira_is_member(''alice'', ''finance_ops'');';
COMMENT ON FUNCTION @extschema@.sira_refuse_step(@extschema@.sira_model_versions, jsonb) IS
    'Refuses a step whose gates are not met, or warns a superuser who passes by. Example: SELECT sira_refuse_step(v, ''[{"gate": "smoke_test", "passed": false}]'') FROM sira_model_versions v;';
COMMENT ON FUNCTION @extschema@.sira_champion(text, uuid) IS
    'The version of a model in production. Example: SELECT c.version FROM sira_models m, sira_champion(m.tenant_id, m.id) c;';
COMMENT ON FUNCTION @extschema@.sira_lock_model(uuid) IS
    'Lets one session at a time move the versions of a model. Example: SELECT sira_lock_model(id) FROM sira_models WHERE name = ''fraud'';';
COMMENT ON FUNCTION @extschema@.sira_claim_model(uuid, text) IS
    'Checks the right to move versions of a model, then locks it. Example: SELECT sira_claim_model(id, name) FROM sira_models WHERE name = ''fraud'';';
COMMENT ON FUNCTION @extschema@.sira_take_step(uuid, text, text, text) IS
    'One step of one version; false when it is no longer where it was. Example: SELECT sira_take_step(id, status, ''rejected'', ''leak'') FROM sira_model_versions WHERE status = ''candidate'';';
COMMENT ON FUNCTION @extschema@.sira_sign(text, text, text, text) IS
    'The common part of sira_approve and sira_reject. Example: SELECT * FROM sira_sign(''fraud/3'', ''production'', ''approve'', NULL);';
COMMENT ON FUNCTION @extschema@.sira_partitioned_tables() IS
    'The growing tables, with the keys and indexes of their partitions. Example: SELECT relation FROM sira_partitioned_tables();';
COMMENT ON FUNCTION @extschema@.sira_equip_partition(text, text) IS
    'Gives a partition its key, its indexes and row-level security. Example: SELECT sira_equip_partition(''sira_predictions'', ''sira_predictions_202601'');';
COMMENT ON FUNCTION @extschema@.sira_reads_all_types() IS
    'Whether a role beside pay_admin lets the current user see models of every type. Example: SELECT sira_reads_all_types();';

COMMENT ON FUNCTION @extschema@.sira_touch() IS 'Trigger: keeps updated_at.';
COMMENT ON FUNCTION @extschema@.sira_version_fill() IS 'Trigger: number and artifact key of a version that came without.';
COMMENT ON FUNCTION @extschema@.sira_version_immutable() IS 'Trigger: refuses to change what a version is.';
COMMENT ON FUNCTION @extschema@.sira_version_reason() IS 'Trigger: tells an UPDATE with a reason from one without.';
COMMENT ON FUNCTION @extschema@.sira_version_gate() IS 'Trigger: allowed transition, gates and signatures; locks the model.';
COMMENT ON FUNCTION @extschema@.sira_version_step() IS 'Trigger: stamps who acts and retires the champion.';
COMMENT ON FUNCTION @extschema@.sira_version_record() IS 'Trigger: writes the row of sira_model_transitions.';
COMMENT ON FUNCTION @extschema@.sira_version_single() IS 'Trigger: refuses two promotions of a model in one statement.';
COMMENT ON FUNCTION @extschema@.sira_version_delete() IS 'Trigger: keeps versions that were in use.';
COMMENT ON FUNCTION @extschema@.sira_version_label() IS 'Trigger: refuses a label that another version bears.';
COMMENT ON FUNCTION @extschema@.sira_model_task() IS 'Trigger: keeps the task of a model that has versions.';
COMMENT ON FUNCTION @extschema@.sira_approval_fill() IS 'Trigger: signer, model and digest of a signature.';
COMMENT ON FUNCTION @extschema@.sira_policy_fill() IS 'Trigger: checks and numbers a new decision policy.';
COMMENT ON FUNCTION @extschema@.sira_prediction_fill() IS 'Trigger: model of a prediction written by hand.';
COMMENT ON FUNCTION @extschema@.sira_prediction_keep() IS 'Trigger: refuses to change or delete what was answered.';
COMMENT ON FUNCTION @extschema@.sira_feedback_fill() IS 'Trigger: entity, model and version of feedback, from what it is about.';
COMMENT ON FUNCTION @extschema@.sira_refuse_change() IS 'Trigger: keeps history append-only.';

COMMENT ON TYPE @extschema@.sira_version_step IS 'One step of a version, as sira_promote answers it.';
COMMENT ON COLUMN @extschema@.sira_version_step.model IS 'name of the model';
COMMENT ON COLUMN @extschema@.sira_version_step.version IS 'number of the version';
COMMENT ON COLUMN @extschema@.sira_version_step.from_status IS 'the state it left';
COMMENT ON COLUMN @extschema@.sira_version_step.to_status IS 'the state it entered';

-- The default partitions are tables too.
DO $default_partitions$
DECLARE
    col record;
BEGIN
    FOR col IN
        SELECT t.relation, a.attname, pg_catalog.col_description(a.attrelid, a.attnum) AS remark
        FROM @extschema@.sira_partitioned_tables() t
        JOIN pg_catalog.pg_attribute a ON a.attrelid = pg_catalog.to_regclass('@extschema@.' || t.relation)
        WHERE a.attnum > 0 AND NOT a.attisdropped
    LOOP
        EXECUTE pg_catalog.format('COMMENT ON COLUMN @extschema@.%I.%I IS %L', col.relation || '_default', col.attname, col.remark);
        EXECUTE pg_catalog.format('COMMENT ON TABLE @extschema@.%I IS %L', col.relation || '_default',
                                  pg_catalog.format('rows of %s whose month has no partition yet', col.relation));
    END LOOP;
END
$default_partitions$;
