-- History is append-only for everybody, the owner included: who must change it has to disable a trigger, and that is seen.
CREATE FUNCTION @extschema@.sira_refuse_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
        MESSAGE = format('table "%s" is append-only', TG_TABLE_NAME), DETAIL = format('%s is refused.', TG_OP),
        HINT = 'Add a row that says what holds from now on.';
END
$$;

CREATE TRIGGER sira_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON @extschema@.sira_model_transitions
    FOR EACH STATEMENT EXECUTE FUNCTION @extschema@.sira_refuse_change();
CREATE TRIGGER sira_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON @extschema@.sira_approvals
    FOR EACH STATEMENT EXECUTE FUNCTION @extschema@.sira_refuse_change();
CREATE TRIGGER sira_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON @extschema@.sira_decision_policies
    FOR EACH STATEMENT EXECUTE FUNCTION @extschema@.sira_refuse_change();
