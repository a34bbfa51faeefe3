-- Walls of the audit log. Our own rows come whole from sira_predict and pay for none of this; a row written by hand has no model
-- yet (its INSERT privilege covers neither model_id nor source) and is checked against the registry.
CREATE FUNCTION @extschema@.sira_prediction_fill() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- Nobody's tenant: row-level security answers.
    IF NEW.tenant_id IS NULL THEN
        RETURN NEW;
    END IF;
    SELECT v.model_id INTO NEW.model_id FROM @extschema@.sira_model_versions v
    WHERE v.id = NEW.model_version_id AND v.tenant_id IN (NEW.tenant_id, '*');
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'foreign_key_violation',
            MESSAGE = format('version "%s" does not exist', coalesce(NEW.model_version_id::text, 'NULL')),
            HINT = 'SELECT id FROM sira_model_versions;';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER sira_prediction_fill BEFORE INSERT ON @extschema@.sira_predictions
    FOR EACH ROW WHEN (NEW.source = 'external' AND NEW.model_id IS NULL)
    EXECUTE FUNCTION @extschema@.sira_prediction_fill();

-- What was answered stays (sira_prediction_keep, serving.sql); sira_equip_partition keeps each partition from TRUNCATE.
CREATE TRIGGER sira_prediction_keep
    BEFORE UPDATE OF id, tenant_id, created_at, model_id, model_version_id, entity_type, features_digest, prediction, raw_score,
        score, predicted_class, confidence, decision, policy_id, variant, as_of, source, fallback, latency_us
    ON @extschema@.sira_predictions FOR EACH ROW EXECUTE FUNCTION @extschema@.sira_prediction_keep();
CREATE TRIGGER sira_prediction_stay BEFORE DELETE
    ON @extschema@.sira_predictions FOR EACH ROW EXECUTE FUNCTION @extschema@.sira_prediction_keep();
CREATE TRIGGER sira_prediction_whole BEFORE TRUNCATE
    ON @extschema@.sira_predictions FOR EACH STATEMENT EXECUTE FUNCTION @extschema@.sira_prediction_keep();
