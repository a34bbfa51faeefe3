-- Reads a card-payment file from standard input (see scripts/demo) into demo.history. Columns by position:
-- TRANSACTION_ID,TX_DATETIME,CUSTOMER_ID,TERMINAL_ID,TX_AMOUNT,TX_TIME_SECONDS,TX_TIME_DAYS,TX_FRAUD,TX_FRAUD_SCENARIO.
-- The scenario tells how a simulated fraud was made: it is read past and used by nothing.

CREATE TEMP TABLE incoming_file (
    transaction_id bigint, tx_datetime timestamp, customer_id int, terminal_id int, tx_amount numeric,
    tx_time_seconds bigint, tx_time_days int, tx_fraud int, tx_fraud_scenario int
);
\copy incoming_file FROM PSTDIN WITH (FORMAT csv, HEADER true)

INSERT INTO demo.history
SELECT transaction_id, tx_datetime AT TIME ZONE 'UTC', customer_id, terminal_id, tx_amount, tx_fraud = 1
FROM incoming_file;
DROP TABLE incoming_file;
