-- A world of card payments, after the simulation that the Fraud Detection Handbook describes: customers and terminals
-- on a map, customers with habits, and three ways of fraud. 2,000 customers, 1,000 terminals, 120 days. Every number
-- comes from a hash of what it is for, so that the world is the same on every machine and in every order of work.
--
--   Amounts        every payment over 220.
--   Terminals      one is compromised every five days; for 28 days, all that is paid there is fraud.
--   Cards          one customer's card leaks each day; for 14 days, every third payment is someone else's, and five
--                  times as high.

-- A number in (0, 1) that looks random: the key says whose, the salt says what for.
CREATE FUNCTION pg_temp.u(key bigint, salt int) RETURNS double precision LANGUAGE sql IMMUTABLE AS
$$ SELECT ((hashint8extended(key, salt) & 9007199254740991) + 0.5::double precision) / 9007199254740992 $$;

-- The same for the bell curve, by Box and Muller.
CREATE FUNCTION pg_temp.bell(key bigint, salt int) RETURNS double precision LANGUAGE sql IMMUTABLE AS
$$ SELECT sqrt(-2 * ln(pg_temp.u(key, salt))) * cos(2 * pi() * pg_temp.u(key, salt + 1000)) $$;

CREATE TEMP TABLE terminal AS
SELECT id, 100 * pg_temp.u(id, 1) AS x, 100 * pg_temp.u(id, 2) AS y FROM generate_series(0, 999) AS id;

-- A customer pays at the terminals within 8 of home, which are counted from 1.
CREATE TEMP TABLE customer AS
SELECT id, 100 * pg_temp.u(id, 3) AS x, 100 * pg_temp.u(id, 4) AS y,
       5 + 95 * pg_temp.u(id, 5) AS mean_amount, 2 * pg_temp.u(id, 6) AS payments_a_day
FROM generate_series(0, 1999) AS id;

CREATE TEMP TABLE reach AS
SELECT c.id AS customer_id, t.id AS terminal_id,
       row_number() OVER (PARTITION BY c.id ORDER BY t.id) AS position, count(*) OVER (PARTITION BY c.id) AS reachable
FROM customer c JOIN terminal t ON (c.x - t.x) ^ 2 + (c.y - t.y) ^ 2 < 64;
CREATE INDEX ON reach (customer_id, position);

-- Payments of a day follow Poisson's law: the n-th happens when u is above the chance of fewer. At most eight a day.
CREATE TEMP TABLE visit AS
SELECT c.id AS customer_id, day, c.mean_amount,
       ((day * 2000 + c.id) * 8 + n - 1)::bigint AS key
FROM customer c
CROSS JOIN generate_series(0, 119) AS day
CROSS JOIN LATERAL (SELECT exp(-c.payments_a_day) AS p0, pg_temp.u(day * 2000 + c.id, 7) AS u) chance
CROSS JOIN LATERAL (
    SELECT n, sum(p0 * c.payments_a_day ^ (n - 1) / factorial(n - 1)::double precision) OVER (ORDER BY n) AS fewer
    FROM generate_series(1, 8) AS n
) AS law
WHERE u > fewer;

CREATE TEMP TABLE simulated AS
SELECT v.customer_id, v.day, r.terminal_id,
       v.day * 86400 + (43200 + 20000 * pg_temp.bell(v.key, 8))::int AS second,
       (43200 + 20000 * pg_temp.bell(v.key, 8))::int AS second_of_day,
       CASE WHEN v.mean_amount * (1 + 0.5 * pg_temp.bell(v.key, 9)) > 0
            THEN v.mean_amount * (1 + 0.5 * pg_temp.bell(v.key, 9))
            ELSE v.mean_amount * 2 * pg_temp.u(v.key, 10) END AS amount,
       v.key
FROM visit v
JOIN LATERAL (SELECT max(reachable) AS n FROM reach WHERE customer_id = v.customer_id) AS terminals ON terminals.n > 0
JOIN reach r ON r.customer_id = v.customer_id AND r.position = 1 + floor(terminals.n * pg_temp.u(v.key, 11))::int;

INSERT INTO demo.history
SELECT row_number() OVER (ORDER BY second, key) - 1,
       timestamptz '2026-01-01 00:00:00+00' + second * interval '1 second',
       customer_id, terminal_id, final_amount,
       final_amount > 220 OR compromised OR stolen
FROM (
    SELECT s.*,
           round((CASE WHEN stolen THEN 5 ELSE 1 END * s.amount)::numeric, 2) AS final_amount
    FROM (
        SELECT s.*,
               EXISTS (SELECT FROM generate_series(0, 119, 5) AS start
                       WHERE s.terminal_id = floor(1000 * pg_temp.u(start, 12))::int
                         AND s.day BETWEEN start AND start + 27) AS compromised,
               s.key % 3 = 0 AND
               EXISTS (SELECT FROM generate_series(s.day - 13, s.day) AS start
                       WHERE start >= 0 AND s.customer_id = floor(2000 * pg_temp.u(start, 13))::int) AS stolen
        FROM simulated s
        WHERE s.second_of_day BETWEEN 0 AND 86399
    ) AS s
) AS s
WHERE final_amount > 0;
