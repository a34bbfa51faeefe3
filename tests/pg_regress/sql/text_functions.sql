-- Transactions in text: the core's tests hold the rules; here is what SQL sees of them.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS sira;
\set SHOW_CONTEXT never
\pset null NULL
SELECT description, sira_normalize_text(description), sira_tokens(description), sira_channel(description), sira_is_subscription(description)
FROM unnest(ARRAY['SQ *Blue Bottle Coffée, Inc. #0231', 'BLUE BOTTLE COFFEE L.L.C.', 'POS DEBIT NETFLIX.COM 866-579-7172',
                  'ZELLE TO ANN', 'Payment to the Bank of Oakland', 'İSTANBUL KEBAP', '4829173', '', NULL]) AS description;
SELECT cardinality(sira_tokens(repeat('word ', 1000))) AS most_tokens;

-- They may stand in indexes, generated columns and parallel plans.
CREATE TEMP TABLE text_rows (id int, description text, merchant text GENERATED ALWAYS AS (sira_normalize_text(description)) STORED);
CREATE INDEX ON text_rows (sira_channel(description));
INSERT INTO text_rows VALUES (1, 'Müller GmbH & Co. KG'), (2, 'MULLER 12345'), (3, NULL);
SELECT id, merchant FROM text_rows ORDER BY id;
SELECT proname, provolatile, proparallel, proisstrict FROM pg_proc
WHERE proname IN ('sira_normalize_text', 'sira_tokens', 'sira_is_subscription', 'sira_channel', 'sira_calendar_features',
                  'sira_transaction_features', 'sira_cycle_sin', 'sira_cycle_cos') ORDER BY 1;

-- The calendar of a place, whatever the session's zone and style.
SET timezone = 'Asia/Tokyo';
SET datestyle = 'German';
SELECT hour_of_day, day_of_month, dow, is_weekend, month, season, to_char(ts_month, 'YYYY-MM-DD') AS ts_month
FROM (VALUES (1, timestamptz '2026-03-01 03:30+00', 'UTC'), (2, '2026-03-01 03:30+00', 'America/New_York'),
             (3, '2026-12-31 23:59:59+00', 'Europe/Paris'), (4, '2026-07-03 12:00+00', '+02'), (5, NULL, 'UTC')) AS v (n, ts, zone),
     sira_calendar_features(ts, zone) ORDER BY n;
RESET timezone;
RESET datestyle;
-- Every hour of a day and every month has its place on the circle, and neighbours are equally far.
SELECT count(DISTINCT (round(hour_sin::numeric, 9), round(hour_cos::numeric, 9))) AS hours,
       min(abs(hour_sin ^ 2 + hour_cos ^ 2 - 1)) < 1e-12 AS on_the_circle
FROM generate_series(timestamptz '2026-03-01 00:00+00', '2026-03-01 23:00+00', '1 hour') AS ts, sira_calendar_features(ts);
SELECT round((c.hour_sin * b.hour_cos - b.hour_sin * c.hour_cos)::numeric, 6) AS from_23_to_0,
       round((e.hour_sin * d.hour_cos - d.hour_sin * e.hour_cos)::numeric, 6) AS from_11_to_12
FROM sira_calendar_features('2026-03-01 23:00+00') b, sira_calendar_features('2026-03-02 00:00+00') c,
     sira_calendar_features('2026-03-01 11:00+00') d, sira_calendar_features('2026-03-01 12:00+00') e;
-- It is inlined: no function scan of ours is left.
EXPLAIN (COSTS OFF) SELECT hour_of_day, season FROM text_rows, sira_calendar_features(now() + id * interval '1 hour', 'UTC');
\set VERBOSITY terse
SELECT * FROM sira_calendar_features(now(), 'Nowhere/Here');
\echo :LAST_ERROR_SQLSTATE

-- All of the vocabulary's text features, the same whatever the session says about digits.
SET extra_float_digits = 0;
SELECT jsonb_pretty(sira_transaction_features('POS DEBIT NETFLIX.COM 866-579-7172', -0.1::float8 * 3, 'Netflix', '4899',
                                              '2026-03-01 03:30+00', 'America/New_York'));
RESET extra_float_digits;
SELECT sira_transaction_features('CHECK #1023', 20::numeric(10, 2));
SELECT sira_transaction_features(NULL);
