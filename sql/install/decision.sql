-- Decision policies: appended, never changed. The INSERT privilege leaves out the version, so that a row written by hand is
-- checked and numbered like one of sira_set_policy; a restored row is whole and passes.
CREATE FUNCTION @extschema@.sira_policy_fill() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM @extschema@.sira_check_bands(NEW.bands);
    PERFORM @extschema@.sira_check_decision(NEW.fallback);
    IF NEW.tenant_id IS NOT NULL THEN
        PERFORM 1 FROM @extschema@.sira_models m WHERE m.id = NEW.model_id FOR NO KEY UPDATE;
        NEW.version := 1 + coalesce((SELECT max(p.version) FROM @extschema@.sira_decision_policies p
                                     WHERE p.tenant_id = NEW.tenant_id AND p.model_id = NEW.model_id), 0);
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER sira_policy_fill BEFORE INSERT ON @extschema@.sira_decision_policies
    FOR EACH ROW WHEN (NEW.version IS NULL) EXECUTE FUNCTION @extschema@.sira_policy_fill();

CREATE FUNCTION @extschema@.sira_set_policy(
    model text, bands jsonb, cost_matrix jsonb DEFAULT NULL, threshold double precision DEFAULT NULL, fallback text DEFAULT NULL)
RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    owner_model @extschema@.sira_models :=
        @extschema@.sira_find_model((@extschema@.sira_parse_model(sira_set_policy.model)).name);
    new_version integer;
BEGIN
    IF sira_set_policy.bands IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'a decision policy needs bands',
            HINT = format('SELECT sira_set_policy(%L, ''[{"upto": 0.3, "class": "LOW", "decision": "approve"},'
                          ' {"class": "HIGH", "decision": "decline"}]'');', sira_set_policy.model);
    END IF;
    IF sira_set_policy.threshold IS NOT NULL AND NOT sira_set_policy.threshold BETWEEN 0 AND 1 THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('threshold %s is not between 0 and 1', sira_set_policy.threshold),
            HINT = 'A threshold is a probability.';
    END IF;
    -- A shared model's policy belongs to those who administer it; row-level security would say so less clearly.
    IF owner_model.tenant_id IS DISTINCT FROM @extschema@.sira_current_tenant() THEN
        RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
            MESSAGE = format('model "%s" belongs to tenant "%s"', owner_model.name, owner_model.tenant_id),
            HINT = format('Act as a role that sira_tenant_members lists for tenant %L.', owner_model.tenant_id);
    END IF;
    INSERT INTO @extschema@.sira_decision_policies (model_id, bands, cost_matrix, threshold, fallback)
    VALUES (owner_model.id, sira_set_policy.bands, sira_set_policy.cost_matrix, sira_set_policy.threshold,
            sira_set_policy.fallback)
    RETURNING version INTO new_version;
    RETURN new_version;
END
$$;
