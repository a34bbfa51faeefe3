-- The demo's tables. A file of payments, or a generated world, fills demo.history; features.sql copies all of it but the
-- last payments into demo.payments; arrive.sql lets the last ones arrive through the trigger.

DROP SCHEMA IF EXISTS demo CASCADE;
CREATE SCHEMA demo;
COMMENT ON SCHEMA demo IS 'Card payments to try SIRA on. DROP SCHEMA demo CASCADE removes them.';

-- What an archive would hold: the payments and, known a week later, what turned out to be fraud.
CREATE TABLE demo.history (
    id          bigint        NOT NULL,
    paid_at     timestamptz   NOT NULL,
    customer_id int           NOT NULL,
    terminal_id int           NOT NULL,
    amount      numeric(12,2) NOT NULL,
    is_fraud    boolean       NOT NULL
);

-- What the business writes to: nothing in it was made for a model. The last three columns are filled by SIRA.
CREATE TABLE demo.payments (
    id            bigint        NOT NULL,
    paid_at       timestamptz   NOT NULL,
    customer_id   int           NOT NULL,
    terminal_id   int           NOT NULL,
    amount        numeric(12,2) NOT NULL,
    is_fraud      boolean,
    risk_score    double precision,
    risk_decision text,
    prediction_id uuid
);
COMMENT ON TABLE demo.payments IS 'Card payments, and SIRA''s judgement of them.';
COMMENT ON COLUMN demo.payments.is_fraud IS 'what turned out to be true; NULL until it is known, a week later';
COMMENT ON COLUMN demo.payments.risk_score IS 'SIRA''s estimate of the chance of fraud';
COMMENT ON COLUMN demo.payments.risk_decision IS 'what the policy says about such a score';
COMMENT ON COLUMN demo.payments.prediction_id IS 'the audit row; SELECT * FROM sira_replay(…)';

-- What is decided about the periods, said once and used by every step.
CREATE TABLE demo.calendar (
    source      text        NOT NULL,
    test_from   timestamptz NOT NULL,
    stream_from timestamptz NOT NULL
);
COMMENT ON TABLE demo.calendar IS
    'One row: what is before test_from trains (but for the last week), before stream_from is the test; the rest arrives through the trigger.';
