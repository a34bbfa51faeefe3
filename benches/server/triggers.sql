-- Four tables that take the same payments: nothing happens, or an audit row is written beside each.
--
-- `bare` builds the audit row from the row that is being inserted, as somebody without SIRA would in PL/pgSQL; `constant`
-- writes one and the same row each time, as large, which no real trigger could: the least that an audit row costs. Neither
-- scores anything. Their ids, tenant, model and policy are those of the measured model.
DROP TABLE IF EXISTS bench.plain, bench.bare, bench.constant, bench.sira;
DROP SEQUENCE IF EXISTS bench.next_id;
CREATE SEQUENCE bench.next_id CACHE 100;

CREATE TABLE bench.plain (LIKE bench.payments, risk_score float8, risk_decision text, prediction_id uuid);
ALTER TABLE bench.plain ADD PRIMARY KEY (id);
CREATE TABLE bench.bare (LIKE bench.plain INCLUDING ALL);
CREATE TABLE bench.constant (LIKE bench.plain INCLUDING ALL);
CREATE TABLE bench.sira (LIKE bench.plain INCLUDING ALL);

CREATE OR REPLACE FUNCTION bench.constant_row(OUT input jsonb, OUT vector float8[]) LANGUAGE sql STABLE AS $$
    SELECT features, ARRAY(SELECT n::float8 + 0.1 FROM generate_series(1, 30) n) FROM bench.asked WHERE id = 1
$$;

-- The literals are written into the functions, so that looking them up costs the peer nothing.
DO $make$
DECLARE
    v record;
    columns text := (SELECT string_agg('NEW.f' || n, ', ' ORDER BY n) FROM generate_series(0, 25) n);
    body text := $body$
        CREATE OR REPLACE FUNCTION bench.%1$I_audit() RETURNS trigger LANGUAGE plpgsql AS $trigger$
        BEGIN
            NEW.prediction_id := sira_uuid_v7(transaction_timestamp());
            INSERT INTO sira_predictions (id, tenant_id, model_id, model_version_id, entity_type, entity_id,
                input_features, feature_vector, features_digest, prediction, raw_score, score, predicted_class,
                confidence, decision, policy_id, source, fallback, latency_us)
            VALUES (NEW.prediction_id, 'default', %2$L, %3$L, 'transaction', NEW.id::text, %4$s, %5$s,
                '\x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f',
                '{"score": 0.3358012345678901, "class": "LOW", "decision": "approve"}', -0.6821343956816832,
                0.3358012345678901, 'LOW', 0.664198765432109, 'approve', %6$L, 'sira', false, 20);
            NEW.risk_score := 0.3358012345678901;
            NEW.risk_decision := 'approve';
            RETURN NEW;
        END
        $trigger$
        $body$;
BEGIN
    SELECT m.id AS model_id, mv.id AS version_id, p.id AS policy_id, c.input, c.vector INTO STRICT v
    FROM sira_models m
    JOIN sira_model_versions mv ON mv.model_id = m.id
    JOIN sira_decision_policies p ON p.model_id = m.id, bench.constant_row() c
    WHERE m.name = 'm100x31';
    EXECUTE format(body, 'bare', v.model_id, v.version_id, 'to_jsonb(NEW)',
        -- Codes of texts are their digits.
        format('ARRAY[%s, substr(NEW.f26, 2)::float8, substr(NEW.f27, 2)::float8, NEW.f28, NEW.f29]', columns), v.policy_id);
    EXECUTE format(body, 'constant', v.model_id, v.version_id, quote_literal(v.input) || '::jsonb',
        quote_literal(v.vector) || '::float8[]', v.policy_id);
END
$make$;

CREATE TRIGGER audit BEFORE INSERT ON bench.bare FOR EACH ROW EXECUTE FUNCTION bench.bare_audit();
CREATE TRIGGER audit BEFORE INSERT ON bench.constant FOR EACH ROW EXECUTE FUNCTION bench.constant_audit();
CREATE TRIGGER audit BEFORE INSERT ON bench.sira FOR EACH ROW EXECUTE FUNCTION sira_predict_trigger(
    'm100x31', 'transaction', 'id', 'score=risk_score', 'decision=risk_decision', 'prediction_id=prediction_id');
