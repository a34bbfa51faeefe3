-- The features, each defined once: what the model learns from, what the trigger computes for a payment that arrives, and
-- what anybody can ask for at any past moment are the same definitions. A window covers (t - delay - size, t - delay]; the
-- payment itself counts. Whether a payment was fraud is known a week later, hence the delay of 7 days wherever it is read.

INSERT INTO demo.payments
SELECT * FROM demo.history
WHERE paid_at < (SELECT stream_from FROM demo.calendar)
ORDER BY paid_at, id;
ALTER TABLE demo.payments ADD PRIMARY KEY (id);
ANALYZE demo.payments;

-- What the customer does: how often, how much, how much at most, how evenly.
SELECT count(sira_define_window_feature(
    format('customer_%s_%sd', what, days), 'customer', 'demo.payments', 'customer_id', 'paid_at', aggregate,
    make_interval(days => days), value, owner => 'fraud-desk', category => 'customer', unit => unit,
    description => replace(format(meaning, days), ' 1 days', ' 1 day')))
FROM (VALUES ('count',  'count',  NULL,     NULL,  'payments of this customer within %s days'),
             ('mean',   'avg',    'amount', 'EUR', 'the customer''s mean amount within %s days'),
             ('max',    'max',    'amount', 'EUR', 'the customer''s highest amount within %s days'),
             ('spread', 'stddev', 'amount', 'EUR', 'how far the customer''s amounts are apart, %s days'))
     AS kind (what, aggregate, value, unit, meaning),
     unnest('{1,7,30}'::int[]) AS days;
SELECT sira_define_window_feature('customer_mean_90d', 'customer', 'demo.payments', 'customer_id', 'paid_at', 'avg', '90 days',
    'amount', owner => 'fraud-desk', category => 'customer', unit => 'EUR',
    description => 'the customer''s mean amount within 90 days');
SELECT sira_define_window_feature('customer_fraud_share_30d', 'customer', 'demo.payments', 'customer_id', 'paid_at', 'avg',
    '30 days', 'is_fraud::int', delay => '7 days', owner => 'fraud-desk', category => 'known fraud',
    description => 'part of the customer''s payments that was fraud, 30 days, as known');

-- What happens at the terminal.
SELECT count(sira_define_window_feature(
    format('terminal_%s_%sd', what, days), 'terminal', 'demo.payments', 'terminal_id', 'paid_at', aggregate,
    make_interval(days => days), value, filter, delay => delay, owner => 'fraud-desk', category => category,
    description => replace(format(meaning, days), ' 1 days', ' 1 day')))
FROM (VALUES ('count',       'count', NULL,            NULL,       '0 days'::interval, 'terminal', 'payments at this terminal within %s days'),
             ('mean',        'avg',   'amount',        NULL,       '0 days', 'terminal',    'mean amount at this terminal within %s days'),
             ('frauds',      'count', NULL,            'is_fraud', '7 days', 'known fraud', 'frauds at this terminal, %s days, as known'),
             ('fraud_share', 'avg',   'is_fraud::int', NULL,       '7 days', 'known fraud', 'part of the payments here that was fraud, %s days, as known'))
     AS kind (what, aggregate, value, filter, delay, category, meaning),
     unnest('{1,7,30}'::int[]) AS days;

-- The payment itself, when it is made, and how it compares with the customer's habits.
SELECT sira_define_request_feature('amount', 'transaction', unit => 'EUR', owner => 'fraud-desk', description => 'the amount'),
       sira_define_sql_feature('hour', 'transaction', 'SELECT hour_of_day FROM sira_calendar_features($as_of)',
           owner => 'fraud-desk', description => 'hour of the day, UTC'),
       sira_define_sql_feature('weekday', 'transaction', 'SELECT dow FROM sira_calendar_features($as_of)',
           owner => 'fraud-desk', description => 'day of the week, 0 is Sunday'),
       sira_define_derived_feature('amount_ratio', 'transaction', 'amount / nullif(customer_mean_30d, 0)',
           owner => 'fraud-desk', description => 'times the customer''s mean amount within 30 days'),
       sira_define_derived_feature('amount_score', 'transaction',
           '(amount - customer_mean_30d) / nullif(customer_spread_30d, 0)', owner => 'fraud-desk',
           description => 'how many spreads above the customer''s mean, 30 days');

-- One set over three entities: the payment, and those whose ids it carries.
SELECT sira_define_feature_set('cards', 'transaction', '{
    amount,hour,weekday,amount_ratio,amount_score,
    customer_count_1d,customer_count_7d,customer_count_30d,customer_mean_1d,customer_mean_7d,customer_mean_30d,customer_mean_90d,
    customer_max_1d,customer_max_7d,customer_max_30d,customer_spread_1d,customer_spread_7d,customer_spread_30d,
    customer_fraud_share_30d,
    terminal_count_1d,terminal_count_7d,terminal_count_30d,terminal_mean_1d,terminal_mean_7d,terminal_mean_30d,
    terminal_frauds_1d,terminal_frauds_7d,terminal_frauds_30d,
    terminal_fraud_share_1d,terminal_fraud_share_7d,terminal_fraud_share_30d}',
    keys => '{"customer": "customer_id", "terminal": "terminal_id"}',
    description => 'what the fraud desk knows of a card payment when it is made');

-- Two indexes serve all windows; the set knows which.
SELECT * FROM sira_create_feature_indexes('cards');
VACUUM ANALYZE demo.payments;
