-- Belong to the cluster: made once.
DROP DATABASE IF EXISTS sira_prometheus;
DROP ROLE IF EXISTS sira_metrics, sira_elsewhere;
CREATE ROLE sira_metrics LOGIN;
CREATE ROLE sira_elsewhere;
CREATE DATABASE sira_prometheus;
