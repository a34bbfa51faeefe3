-- Feedback takes entity, model and version from the prediction (or suggestion) it is about.

-- SECURITY DEFINER: who gives feedback need not be able to read what the model saw. The look-up is bound to the row's tenant,
-- which row-level security checks against the caller's right after.
CREATE FUNCTION @extschema@.sira_feedback_fill() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    made_at timestamptz;
    about record;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
                   WHERE p.pronamespace = to_regnamespace('@extschema@') AND p.proname = 'sira_current_tenant'
                     AND l.lanname = 'c') THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = format('the extension is no longer in schema "%s"', (parse_ident('@extschema@'))[1]),
            HINT = 'ALTER SCHEMA ... RENAME TO @extschema@;';
    END IF;
    IF NEW.tenant_id IS NULL THEN
        RETURN NEW;
    END IF;
    IF NEW.feedback_type NOT IN ('label', 'correction', 'flag', 'accept', 'reject', 'rating') THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('feedback type "%s" is not known', NEW.feedback_type),
            HINT = 'Choose one of label, correction, flag, accept, reject, rating.';
    END IF;
    IF NEW.target NOT IN ('prediction', 'action', 'explanation') THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('feedback target "%s" is not known', NEW.target),
            HINT = 'Choose one of prediction, action, explanation.';
    END IF;
    IF NEW.prediction_id IS NOT NULL THEN
        made_at := @extschema@.sira_uuid_v7_time(NEW.prediction_id);
        -- Our ids carry created_at, and one partition is looked at. An id made elsewhere is looked for in all.
        SELECT p.created_at, p.model_id, p.model_version_id, p.entity_type, p.entity_id INTO about
        FROM @extschema@.sira_predictions p
        WHERE p.id = NEW.prediction_id AND p.created_at = made_at AND p.tenant_id = NEW.tenant_id;
        IF NOT FOUND THEN
            SELECT p.created_at, p.model_id, p.model_version_id, p.entity_type, p.entity_id INTO about
            FROM @extschema@.sira_predictions p WHERE p.id = NEW.prediction_id AND p.tenant_id = NEW.tenant_id;
        END IF;
        IF NOT FOUND THEN
            RAISE EXCEPTION USING ERRCODE = 'foreign_key_violation',
                MESSAGE = format('prediction "%s" does not exist', NEW.prediction_id),
                HINT = 'SELECT id FROM sira_predictions ORDER BY created_at DESC LIMIT 10;';
        END IF;
    ELSIF NEW.suggestion_id IS NOT NULL THEN
        SELECT s.created_at, s.model_id, s.model_version_id, s.entity_type, s.entity_id INTO about
        FROM @extschema@.sira_suggestions s WHERE s.id = NEW.suggestion_id AND s.tenant_id = NEW.tenant_id;
        IF NOT FOUND THEN
            RAISE EXCEPTION USING ERRCODE = 'foreign_key_violation',
                MESSAGE = format('suggestion "%s" does not exist', NEW.suggestion_id),
                HINT = 'SELECT id FROM sira_suggestions ORDER BY created_at DESC LIMIT 10;';
        END IF;
    ELSE
        RAISE EXCEPTION USING ERRCODE = 'not_null_violation', MESSAGE = 'feedback needs a prediction_id or a suggestion_id',
            HINT = 'SELECT sira_record_feedback(prediction_id, ''label'', ''{"is_fraud": true}'');';
    END IF;
    NEW.prediction_created_at := about.created_at;
    NEW.model_id := about.model_id;
    NEW.model_version_id := about.model_version_id;
    NEW.entity_type := about.entity_type;
    NEW.entity_id := about.entity_id;
    IF NEW.rating <= coalesce(nullif(current_setting('sira.feedback_min_rating_for_review', true), '')::integer, 2) THEN
        NEW.needs_review := true;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER sira_feedback_fill BEFORE INSERT ON @extschema@.sira_feedback
    FOR EACH ROW WHEN (NEW.entity_id IS NULL OR NEW.prediction_created_at IS NULL)
    EXECUTE FUNCTION @extschema@.sira_feedback_fill();

CREATE FUNCTION @extschema@.sira_record_feedback(
    prediction_id uuid, feedback_type text, label jsonb DEFAULT NULL, note text DEFAULT NULL,
    reviewer_id text DEFAULT SESSION_USER, target text DEFAULT 'prediction', rating integer DEFAULT NULL)
RETURNS uuid
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- Made beforehand: RETURNING would ask for the right to read feedback.
    new_id uuid := @extschema@.sira_uuid_v7(transaction_timestamp());
BEGIN
    IF sira_record_feedback.feedback_type IS NULL
       OR sira_record_feedback.feedback_type NOT IN ('label', 'correction', 'flag', 'accept', 'reject', 'rating') THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('feedback type "%s" is not known', coalesce(sira_record_feedback.feedback_type, 'NULL')),
            HINT = 'Choose one of label, correction, flag, accept, reject, rating.';
    END IF;
    IF sira_record_feedback.target NOT IN ('prediction', 'action', 'explanation') THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('feedback target "%s" is not known', sira_record_feedback.target),
            HINT = 'Choose one of prediction, action, explanation.';
    END IF;
    IF sira_record_feedback.feedback_type IN ('label', 'correction') AND sira_record_feedback.label IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed',
            MESSAGE = format('feedback of type "%s" needs a label', sira_record_feedback.feedback_type),
            HINT = 'Give label => ''{"is_fraud": true}''.';
    END IF;
    IF (sira_record_feedback.feedback_type = 'rating' AND sira_record_feedback.rating IS NULL)
       OR sira_record_feedback.rating NOT BETWEEN 1 AND 5 THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('rating %s is not between 1 and 5', coalesce(sira_record_feedback.rating::text, 'NULL')),
            HINT = 'Give rating => 1 to 5.';
    END IF;
    IF @extschema@.sira_current_tenant() IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = format('role "%s" belongs to no tenant', CURRENT_USER),
            HINT = format('INSERT INTO sira_tenant_members (tenant_id, member) VALUES (''...'', %L); as the owner of the extension', CURRENT_USER);
    END IF;
    INSERT INTO @extschema@.sira_feedback (id, prediction_id, feedback_type, label, note, reviewer_id, target, rating)
    VALUES (new_id, sira_record_feedback.prediction_id, sira_record_feedback.feedback_type, sira_record_feedback.label,
            sira_record_feedback.note, coalesce(sira_record_feedback.reviewer_id, SESSION_USER),
            coalesce(sira_record_feedback.target, 'prediction'), sira_record_feedback.rating);
    RETURN new_id;
END
$$;
