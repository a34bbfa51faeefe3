-- Transactions in text: what a statement's line says, made comparable. Functions of their arguments alone, so that they may
-- stand in indexes, generated columns and parallel plans. NULL gives NULL.
CREATE FUNCTION @extschema@.sira_normalize_text(description text) RETURNS text
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'sira_normalize_text_wrapper';
COMMENT ON FUNCTION @extschema@.sira_normalize_text(text) IS
    'Lower case, without diacritics of Latin and Greek letters, punctuation, numbers of four digits and more, and corporate suffixes. Example: SELECT sira_normalize_text(''SQ *Blue Bottle Coffée, Inc. #0231'');';

CREATE FUNCTION @extschema@.sira_tokens(description text) RETURNS text[]
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'sira_tokens_wrapper';
COMMENT ON FUNCTION @extschema@.sira_tokens(text) IS
    'The first twenty words of the normalised text that are no stop words. Example: SELECT sira_tokens(''Payment to the Blue Bottle of Oakland'');';

CREATE FUNCTION @extschema@.sira_is_subscription(description text) RETURNS boolean
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'sira_is_subscription_wrapper';
COMMENT ON FUNCTION @extschema@.sira_is_subscription(text) IS
    'Whether the text names a payment that comes again by itself, or a service that is paid so. Example: SELECT sira_is_subscription(''NETFLIX.COM 866-579-7172'');';

CREATE FUNCTION @extschema@.sira_channel(description text) RETURNS text
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'sira_channel_wrapper';
COMMENT ON FUNCTION @extschema@.sira_channel(text) IS
    'zelle, wire, atm, ach, pos, online, check, mobile, transfer or other, by the strongest word of the text. Example: SELECT sira_channel(''ACME PAYROLL PPD ID: 12345'');';

CREATE FUNCTION @extschema@.sira_cycle_sin("position" double precision, period double precision) RETURNS double precision
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'sira_cycle_sin_wrapper';
COMMENT ON FUNCTION @extschema@.sira_cycle_sin(double precision, double precision) IS
    'The sine of a position in a cycle, the same bits on every machine. Example: SELECT sira_cycle_sin(23, 24);';

CREATE FUNCTION @extschema@.sira_cycle_cos("position" double precision, period double precision) RETURNS double precision
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'sira_cycle_cos_wrapper';
COMMENT ON FUNCTION @extschema@.sira_cycle_cos(double precision, double precision) IS
    'The cosine of a position in a cycle, the same bits on every machine. Example: SELECT sira_cycle_cos(23, 24);';

-- In SQL, over PostgreSQL's own time zones: a second database of zones in the library could disagree with what the same
-- session shows. PostgreSQL holds timezone(text, timestamptz) to be immutable. A table function without STRICT and SET, so
-- that it is inlined into the query; it names no operator, so that no search_path changes what it means. Week and seasons
-- are told by array positions: weekends Saturday and Sunday, seasons by month, of the northern half.
CREATE FUNCTION @extschema@.sira_calendar_features(ts timestamptz, time_zone text DEFAULT 'UTC')
RETURNS TABLE (
    hour_of_day integer, day_of_month integer, dow integer, is_weekend boolean, month integer, season text,
    hour_sin double precision, hour_cos double precision, dow_sin double precision, dow_cos double precision,
    month_sin double precision, month_cos double precision, ts_month date)
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 1 AS $$
    SELECT p.hour, p.day, p.dow, ('{f,f,f,f,f,t,t}'::pg_catalog.bool[])[p.isodow], p.month,
           ('{winter,winter,spring,spring,spring,summer,summer,summer,autumn,autumn,autumn,winter}'::pg_catalog.text[])[p.month],
           @extschema@.sira_cycle_sin(p.hour, 24), @extschema@.sira_cycle_cos(p.hour, 24),
           @extschema@.sira_cycle_sin(p.dow, 7), @extschema@.sira_cycle_cos(p.dow, 7),
           @extschema@.sira_cycle_sin(p.month, 12), @extschema@.sira_cycle_cos(p.month, 12),
           pg_catalog.date_trunc('month', p.local)::pg_catalog.date
    FROM (SELECT t.local, EXTRACT(hour FROM t.local)::pg_catalog.int4 AS hour, EXTRACT(day FROM t.local)::pg_catalog.int4 AS day,
                 EXTRACT(dow FROM t.local)::pg_catalog.int4 AS dow, EXTRACT(isodow FROM t.local)::pg_catalog.int4 AS isodow,
                 EXTRACT(month FROM t.local)::pg_catalog.int4 AS month
          FROM (SELECT pg_catalog.timezone($2, $1) AS local) AS t) AS p
$$;
COMMENT ON FUNCTION @extschema@.sira_calendar_features(timestamptz, text) IS
    'Hour, day, weekday (0 is Sunday), weekend, month, season, cyclic pairs and the month''s first day, in a time zone. Example: SELECT c.* FROM payments p, sira_calendar_features(p.paid_at, ''Europe/Paris'') AS c;';

-- The vocabulary's text features of a transaction as one object, ready for a snapshot or sira_write_features. The setting makes
-- a number's digits those that bring it back, whatever the session says.
CREATE FUNCTION @extschema@.sira_transaction_features(
    description text, amount double precision DEFAULT NULL, merchant text DEFAULT NULL, mcc text DEFAULT NULL,
    ts timestamptz DEFAULT NULL, time_zone text DEFAULT 'UTC')
RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp SET extra_float_digits = 1 AS $$
    SELECT jsonb_build_object(
        'amount', $2, 'abs_amount', abs($2), 'merchant', $3, 'mcc', $4, 'channel', @extschema@.sira_channel($1),
        'hour_of_day', c.hour_of_day, 'dow', c.dow, 'is_weekend', c.is_weekend,
        'is_subscription', @extschema@.sira_is_subscription(nullif(concat_ws(' ', $1, $3), '')),
        'norm_desc', @extschema@.sira_normalize_text($1), 'tokens', @extschema@.sira_tokens($1), 'ts_month', c.ts_month)
    FROM @extschema@.sira_calendar_features($5, $6) AS c
$$;
COMMENT ON FUNCTION @extschema@.sira_transaction_features(text, double precision, text, text, timestamptz, text) IS
    'The text features of a transaction: amount, abs_amount, merchant, mcc, channel, hour_of_day, dow, is_weekend, is_subscription, norm_desc, tokens, ts_month. Example: SELECT sira_transaction_features(''POS NETFLIX.COM'', -15.99, ''Netflix'', ''4899'', now(), ''America/New_York'');';
