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
COMMENT ON COLUMN demo.payments.is_fraud IS 'What turned out to be true; NULL until it is known, a week later.';
COMMENT ON COLUMN demo.payments.hour IS 'Hour of the day in UTC.';
COMMENT ON COLUMN demo.payments.weekday IS '1 Monday to 7 Sunday.';
COMMENT ON COLUMN demo.payments.is_night IS 'Before six in the morning.';
COMMENT ON COLUMN demo.payments.customer_count_7d IS
    'Payments of the customer in the last 7 days, this one included.';
COMMENT ON COLUMN demo.payments.customer_mean_7d IS 'Mean amount of those payments.';
COMMENT ON COLUMN demo.payments.amount_ratio IS 'The amount as a multiple of the customer''s mean over 30 days.';
COMMENT ON COLUMN demo.payments.terminal_count_7d IS
    'Payments at the terminal in the 7 days that ended a week ago: those whose truth is known by now.';
COMMENT ON COLUMN demo.payments.terminal_fraud_rate_7d IS 'The part of them that was fraud; 0 when there were none.';

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
