-- A set that is materialised at every minute, and another entry that is never due while the test runs.
CREATE EXTENSION pg_cron;
CREATE EXTENSION sira;
CREATE TABLE payments (customer bigint, at timestamptz, amount float8);
INSERT INTO payments SELECT i % 5, now() - i * interval '3 hours', i FROM generate_series(1, 100) i;
SELECT sira_define_window_feature('paid_7d', 'customer', 'payments', 'customer', 'at', 'sum', interval '7 days', value => 'amount');
SELECT sira_define_feature_set('cards', 'customer', '{paid_7d}');
SELECT * FROM sira_schedule('cards', '* * * * *');
SELECT * FROM sira_schedule(NULL, '30 0 1 1 *');
