-- Predictions that leave an audit row, and what becomes of them. They run as the invoker; only the audit row is written by the
-- owner, so that nobody else can forge one.

-- A type, for an argument and a column of the answer may not share the name "model".
CREATE TYPE @extschema@.sira_prediction AS (
    prediction_id uuid, score double precision, predicted_class text, confidence double precision, decision text,
    reasons jsonb, model text, version integer, variant text, latency_us integer);
COMMENT ON TYPE @extschema@.sira_prediction IS 'what sira_predict answers';

CREATE FUNCTION @extschema@.sira_predict(
    model text, entity_type text, entity_id text, features jsonb DEFAULT NULL, as_of timestamptz DEFAULT NULL,
    explain integer DEFAULT 0, request_id text DEFAULT NULL, context jsonb DEFAULT NULL)
RETURNS SETOF @extschema@.sira_prediction
LANGUAGE c VOLATILE ROWS 1 AS 'MODULE_PATHNAME', 'sira_predict_wrapper';
COMMENT ON FUNCTION @extschema@.sira_predict(text, text, text, jsonb, timestamptz, integer, text, jsonb) IS
    'Scores an entity, decides by the model''s policy and writes the audit row; where the model was trained on a feature set, what features does not give is computed, with what it gives as the row at hand (such as customer_id); else features NULL means the newest snapshot. A repeated request_id gets the first answer. Example: SELECT * FROM sira_predict(''fraud'', ''transaction'', ''42'', ''{"amount": 120}'', explain => 3);';

CREATE FUNCTION @extschema@.sira_predict(
    model text, entity_type text, entity_id anynonarray, features jsonb DEFAULT NULL, as_of timestamptz DEFAULT NULL,
    explain integer DEFAULT 0, request_id text DEFAULT NULL, context jsonb DEFAULT NULL)
RETURNS SETOF @extschema@.sira_prediction
LANGUAGE sql VOLATILE ROWS 1 AS $$
    SELECT * FROM @extschema@.sira_predict($1, $2, $3::pg_catalog.text, $4, $5, $6, $7, $8)
$$;
COMMENT ON FUNCTION @extschema@.sira_predict(text, text, anynonarray, jsonb, timestamptz, integer, text, jsonb) IS
    'The same for entity ids that are uuid or integers. Example: SELECT * FROM sira_predict(''fraud'', ''transaction'', 42, ''{"amount": 120}'');';

CREATE FUNCTION @extschema@.sira_predict_batch(
    model text, entity_type text, entity_ids text[], features jsonb[] DEFAULT NULL, as_of timestamptz DEFAULT NULL,
    explain integer DEFAULT 0, context jsonb DEFAULT NULL)
RETURNS SETOF @extschema@.sira_prediction
LANGUAGE c VOLATILE ROWS 100 AS 'MODULE_PATHNAME', 'sira_predict_batch_wrapper';
COMMENT ON FUNCTION @extschema@.sira_predict_batch(text, text, text[], jsonb[], timestamptz, integer, jsonb) IS
    'sira_predict for many entities: a row each, in the order of entity_ids. Example: SELECT * FROM sira_predict_batch(''fraud'', ''transaction'', ''{42,43}'', ARRAY[''{"amount": 120}'', ''{"amount": 9}'']::jsonb[]);';

CREATE FUNCTION @extschema@.sira_predict_trigger() RETURNS trigger
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'sira_predict_trigger';
COMMENT ON FUNCTION @extschema@.sira_predict_trigger() IS
    'Scores a row BEFORE it is written and fills its columns; features=SET computes a feature set with the row as one more event, at the time that the row says, and serialize=on lets rows of the same entities wait for each other. Example: CREATE TRIGGER score BEFORE INSERT ON payments FOR EACH ROW EXECUTE FUNCTION sira_predict_trigger(''fraud'', ''transaction'', ''id'', ''score=risk_score'', ''decision=risk_decision'', ''prediction_id=prediction_id'', ''explain=3'');';

CREATE FUNCTION @extschema@.sira_replay(prediction_id uuid)
RETURNS TABLE (recorded double precision, recomputed double precision, identical boolean, note text)
LANGUAGE c STABLE STRICT ROWS 1 AS 'MODULE_PATHNAME', 'sira_replay_wrapper';
COMMENT ON FUNCTION @extschema@.sira_replay(uuid) IS
    'Computes a logged prediction again from what was stored and compares it bit by bit. Example: SELECT * FROM sira_replay((SELECT id FROM sira_predictions ORDER BY created_at DESC LIMIT 1));';
