-- The demo's tables. A file of payments, or a generated world, fills demo.history; features.sql turns all of it but
-- the last payments into demo.payments; stream.sql lets the last ones arrive through the trigger.

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

-- What the business writes to. The features are columns of the payment, filled by a trigger of the demo's own
-- (features.sql); the last three are filled by SIRA.
CREATE TABLE demo.payments (
    id                     bigint        NOT NULL,
    paid_at                timestamptz   NOT NULL,
    customer_id            int           NOT NULL,
    terminal_id            int           NOT NULL,
    amount                 numeric(12,2) NOT NULL,
    is_fraud               boolean,
    hour                   smallint,
    weekday                smallint,
    is_weekend             boolean,
    is_night               boolean,
    customer_count_1d      int,
    customer_count_7d      int,
    customer_count_30d     int,
    customer_mean_1d       double precision,
    customer_mean_7d       double precision,
    customer_mean_30d      double precision,
    amount_ratio           double precision,
    terminal_count_1d      int,
    terminal_count_7d      int,
    terminal_count_30d     int,
    terminal_fraud_rate_1d double precision,
    terminal_fraud_rate_7d double precision,
    terminal_fraud_rate_30d double precision,
    risk_score             double precision,
    risk_decision          text,
    prediction_id          uuid
);
COMMENT ON TABLE demo.payments IS 'Card payments with the features they are judged by, and SIRA''s judgement.';
COMMENT ON COLUMN demo.payments.is_fraud IS 'what turned out to be true; NULL until it is known, a week later';
COMMENT ON COLUMN demo.payments.amount IS 'the amount';
COMMENT ON COLUMN demo.payments.hour IS 'hour of the day, UTC';
COMMENT ON COLUMN demo.payments.weekday IS 'day of the week, 1 is Monday';
COMMENT ON COLUMN demo.payments.is_weekend IS 'Saturday or Sunday';
COMMENT ON COLUMN demo.payments.is_night IS 'before six in the morning';
COMMENT ON COLUMN demo.payments.customer_count_1d IS 'payments of this customer within 1 day';
COMMENT ON COLUMN demo.payments.customer_count_7d IS 'payments of this customer within 7 days';
COMMENT ON COLUMN demo.payments.customer_count_30d IS 'payments of this customer within 30 days';
COMMENT ON COLUMN demo.payments.customer_mean_1d IS 'the customer''s mean amount within 1 day';
COMMENT ON COLUMN demo.payments.customer_mean_7d IS 'the customer''s mean amount within 7 days';
COMMENT ON COLUMN demo.payments.customer_mean_30d IS 'the customer''s mean amount within 30 days';
COMMENT ON COLUMN demo.payments.amount_ratio IS 'times the customer''s mean amount within 30 days';
COMMENT ON COLUMN demo.payments.terminal_count_1d IS 'payments at this terminal, 1 day, a week ago';
COMMENT ON COLUMN demo.payments.terminal_count_7d IS 'payments at this terminal, 7 days, a week ago';
COMMENT ON COLUMN demo.payments.terminal_count_30d IS 'payments at this terminal, 30 days, a week ago';
COMMENT ON COLUMN demo.payments.terminal_fraud_rate_1d IS 'part of those that was fraud, 1 day';
COMMENT ON COLUMN demo.payments.terminal_fraud_rate_7d IS 'part of those that was fraud, 7 days';
COMMENT ON COLUMN demo.payments.terminal_fraud_rate_30d IS 'part of those that was fraud, 30 days';
COMMENT ON COLUMN demo.payments.risk_score IS 'SIRA''s estimate of the chance of fraud';
COMMENT ON COLUMN demo.payments.risk_decision IS 'what the policy says about such a score';
COMMENT ON COLUMN demo.payments.prediction_id IS 'the audit row; SELECT * FROM sira_replay(…)';

-- What is decided about the periods, said once and used by every step.
CREATE TABLE demo.calendar (
    source          text        NOT NULL,
    validation_from timestamptz NOT NULL,
    test_from       timestamptz NOT NULL,
    stream_from     timestamptz NOT NULL
);
COMMENT ON TABLE demo.calendar IS
    'One row: what is before validation_from trains, before test_from says when to stop, before stream_from is the test;
the rest arrives through the trigger.';
