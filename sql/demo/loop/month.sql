-- A month, day by day. In the morning the truth of a week ago is entered: of the payments that will be a week old in the course
-- of the day, for the features count each from its own hour. People have looked at what was stopped, and customers have
-- complained of what was not: both become feedback on the predictions. Then the day's payments arrive, each scored from its
-- own moment by the trigger.
SET TimeZone = 'UTC';

CREATE TABLE demo.days (day timestamptz NOT NULL, payments bigint, words bigint, seconds double precision);
COMMENT ON TABLE demo.days IS 'The month that was predicted: payments that arrived, words that were said of older ones, and how long it took.';

CREATE PROCEDURE pg_temp.live_through(day timestamptz) LANGUAGE plpgsql AS $$
DECLARE
    began timestamptz := clock_timestamp();
    payments bigint;
    words bigint;
BEGIN
    UPDATE demo.payments p SET is_fraud = h.is_fraud
    FROM demo.history h WHERE h.id = p.id AND p.is_fraud IS NULL AND p.paid_at < day - interval '6 days';
    SELECT count(sira_record_feedback(p.prediction_id, 'label', jsonb_build_object('is_fraud', p.is_fraud),
                                      reviewer_id => CASE p.risk_decision WHEN 'approve' THEN 'customer' ELSE 'fraud-desk' END))
    INTO words
    FROM demo.payments p
    WHERE p.paid_at >= day - interval '7 days' AND p.paid_at < day - interval '6 days'
      AND p.prediction_id IS NOT NULL AND (p.is_fraud OR p.risk_decision <> 'approve');
    INSERT INTO demo.payments (id, paid_at, customer_id, terminal_id, amount)
    SELECT h.id, h.paid_at, h.customer_id, h.terminal_id, h.amount FROM demo.history h
    WHERE h.paid_at >= day AND h.paid_at < day + interval '1 day' ORDER BY h.paid_at, h.id;
    GET DIAGNOSTICS payments = ROW_COUNT;
    INSERT INTO demo.days VALUES (day, payments, words, extract(epoch FROM clock_timestamp() - began));
END
$$;

CREATE INDEX ON demo.history (paid_at);
CREATE INDEX ON demo.history (id);
CREATE INDEX ON demo.payments (paid_at);
ANALYZE demo.history;
SELECT format('CALL pg_temp.live_through(%L)', day)
FROM demo.calendar, generate_series(stream_from, test_from - interval '1 day', '1 day') AS day ORDER BY day
\gexec
