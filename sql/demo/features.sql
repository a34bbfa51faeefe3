-- The features, defined twice and equal to the last bit (a test compares them): for all payments at once with window
-- functions, and for one payment as it arrives. A window covers (t - delay - length, t - delay]: a RANGE frame
-- includes its ends, so the lower one is moved by the smallest step there is, a microsecond. A day is 24 hours.
-- Whether a payment was fraud is known a week later, hence the delay of 7 days at the terminal.
-- Means are sums of whole cents divided once: the order in which rows are added cannot show.

SET work_mem = '512MB';

CREATE FUNCTION demo.mean(cents bigint, n bigint) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT cents::double precision / (100 * n)';

CREATE FUNCTION demo.rate(hits bigint, n bigint) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS 'SELECT CASE WHEN n = 0 THEN 0 ELSE hits::double precision / n END';

CREATE FUNCTION demo.ratio(amount numeric, mean double precision) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS 'SELECT CASE WHEN mean = 0 THEN 1 ELSE amount::double precision / mean END';

-- All at once: what features.sql fills demo.payments with, and what a test compares the trigger with.
CREATE VIEW demo.history_features AS
WITH payment AS (
    SELECT *, (amount * 100)::int AS cents, is_fraud::int AS hit,
           extract(hour FROM paid_at AT TIME ZONE 'UTC')::smallint AS hour,
           extract(isodow FROM paid_at AT TIME ZONE 'UTC')::smallint AS weekday
    FROM demo.history
), customer AS (
    SELECT *,
           count(*) OVER d1 AS cn1, sum(cents) OVER d1 AS cs1,
           count(*) OVER d7 AS cn7, sum(cents) OVER d7 AS cs7,
           count(*) OVER d30 AS cn30, sum(cents) OVER d30 AS cs30
    FROM payment
    WINDOW customer AS (PARTITION BY customer_id ORDER BY paid_at),
           d1 AS (customer RANGE '23:59:59.999999' PRECEDING),
           d7 AS (customer RANGE '167:59:59.999999' PRECEDING),
           d30 AS (customer RANGE '719:59:59.999999' PRECEDING)
), terminal AS (
    SELECT *,
           count(*) OVER d1 AS tn1, coalesce(sum(hit) OVER d1, 0) AS ts1,
           count(*) OVER d7 AS tn7, coalesce(sum(hit) OVER d7, 0) AS ts7,
           count(*) OVER d30 AS tn30, coalesce(sum(hit) OVER d30, 0) AS ts30
    FROM customer
    WINDOW terminal AS (PARTITION BY terminal_id ORDER BY paid_at),
           d1 AS (terminal RANGE BETWEEN '191:59:59.999999' PRECEDING AND '168:00:00' PRECEDING),
           d7 AS (terminal RANGE BETWEEN '335:59:59.999999' PRECEDING AND '168:00:00' PRECEDING),
           d30 AS (terminal RANGE BETWEEN '887:59:59.999999' PRECEDING AND '168:00:00' PRECEDING)
)
SELECT id, paid_at, customer_id, terminal_id, amount, is_fraud,
       hour, weekday, weekday >= 6 AS is_weekend, hour < 6 AS is_night,
       cn1::int AS customer_count_1d, cn7::int AS customer_count_7d, cn30::int AS customer_count_30d,
       demo.mean(cs1, cn1) AS customer_mean_1d, demo.mean(cs7, cn7) AS customer_mean_7d,
       demo.mean(cs30, cn30) AS customer_mean_30d, demo.ratio(amount, demo.mean(cs30, cn30)) AS amount_ratio,
       tn1::int AS terminal_count_1d, tn7::int AS terminal_count_7d, tn30::int AS terminal_count_30d,
       demo.rate(ts1, tn1) AS terminal_fraud_rate_1d, demo.rate(ts7, tn7) AS terminal_fraud_rate_7d,
       demo.rate(ts30, tn30) AS terminal_fraud_rate_30d
FROM terminal;
COMMENT ON VIEW demo.history_features IS 'The features of every payment of demo.history, computed in one go.';

INSERT INTO demo.payments
SELECT * FROM demo.history_features
WHERE paid_at < (SELECT stream_from FROM demo.calendar)
ORDER BY paid_at, id;

ALTER TABLE demo.payments ADD PRIMARY KEY (id);
CREATE INDEX payments_customer ON demo.payments (customer_id, paid_at) INCLUDE (amount);
CREATE INDEX payments_terminal ON demo.payments (terminal_id, paid_at) INCLUDE (is_fraud);
ANALYZE demo.payments;

-- One payment as it arrives: the rows before it are in the table, the payment itself is not yet.
CREATE FUNCTION demo.compute_features() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    customer record;
    terminal record;
    cents    bigint := (NEW.amount * 100)::bigint;
    known_at timestamptz := NEW.paid_at - interval '168 hours';
BEGIN
    SELECT count(*) + 1 AS n30, coalesce(sum(spent), 0) + cents AS s30,
           count(*) FILTER (WHERE age < interval '168 hours') + 1 AS n7,
           coalesce(sum(spent) FILTER (WHERE age < interval '168 hours'), 0) + cents AS s7,
           count(*) FILTER (WHERE age < interval '24 hours') + 1 AS n1,
           coalesce(sum(spent) FILTER (WHERE age < interval '24 hours'), 0) + cents AS s1
    INTO customer
    FROM (
        SELECT (amount * 100)::int AS spent, NEW.paid_at - paid_at AS age
        FROM demo.payments
        WHERE customer_id = NEW.customer_id
          AND paid_at > NEW.paid_at - interval '720 hours' AND paid_at <= NEW.paid_at
    ) AS recent;

    SELECT count(*) AS n30, count(*) FILTER (WHERE is_fraud) AS s30,
           count(*) FILTER (WHERE age < interval '168 hours') AS n7,
           count(*) FILTER (WHERE age < interval '168 hours' AND is_fraud) AS s7,
           count(*) FILTER (WHERE age < interval '24 hours') AS n1,
           count(*) FILTER (WHERE age < interval '24 hours' AND is_fraud) AS s1
    INTO terminal
    FROM (
        SELECT is_fraud, known_at - paid_at AS age
        FROM demo.payments
        WHERE terminal_id = NEW.terminal_id
          AND paid_at > known_at - interval '720 hours' AND paid_at <= known_at
    ) AS known;

    NEW.hour := extract(hour FROM NEW.paid_at AT TIME ZONE 'UTC');
    NEW.weekday := extract(isodow FROM NEW.paid_at AT TIME ZONE 'UTC');
    NEW.is_weekend := NEW.weekday >= 6;
    NEW.is_night := NEW.hour < 6;
    NEW.customer_count_1d := customer.n1;
    NEW.customer_count_7d := customer.n7;
    NEW.customer_count_30d := customer.n30;
    NEW.customer_mean_1d := demo.mean(customer.s1, customer.n1);
    NEW.customer_mean_7d := demo.mean(customer.s7, customer.n7);
    NEW.customer_mean_30d := demo.mean(customer.s30, customer.n30);
    NEW.amount_ratio := demo.ratio(NEW.amount, NEW.customer_mean_30d);
    NEW.terminal_count_1d := terminal.n1;
    NEW.terminal_count_7d := terminal.n7;
    NEW.terminal_count_30d := terminal.n30;
    NEW.terminal_fraud_rate_1d := demo.rate(terminal.s1, terminal.n1);
    NEW.terminal_fraud_rate_7d := demo.rate(terminal.s7, terminal.n7);
    NEW.terminal_fraud_rate_30d := demo.rate(terminal.s30, terminal.n30);
    RETURN NEW;
END $$;
COMMENT ON FUNCTION demo.compute_features() IS 'The features of one payment, as of now.';

-- Triggers of one kind fire in the order of their names: features first, the score of them second.
CREATE TRIGGER payments_1_features BEFORE INSERT ON demo.payments
    FOR EACH ROW EXECUTE FUNCTION demo.compute_features();
