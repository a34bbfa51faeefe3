# SIRA: what you can type. Every goal installs what it needs (Debian packages, as root or through sudo).

.DEFAULT_GOAL := help
.PHONY: help run loop stop psql test bench check build clean

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile | expand -t 16

run: build ## the demo: a database that trains on card payments, scores them and explains itself (DATA=file.csv[.gz])
	@scripts/demo $(DATA)

loop: build ## the loop: predicts a month, learns from its truth, and promotes what is better (DATA=file.csv[.gz])
	@scripts/loop $(DATA)

psql: ## SQL on the demo's database; reads standard input: make -s psql < file.sql
	@scripts/cluster psql

stop: ## stops the demo's database; make run brings it back
	@scripts/cluster stop-all

test: ## everything there is to test; STAGES="core golden" for a part
	@scripts/test $(STAGES)

check: ## the quick part of the tests: formatting, warnings, the core without PostgreSQL
	@scripts/test clean core

bench: ## ratios against named peers, on this machine; ROWS="engine sql" for a part
	@scripts/bench $(ROWS)

build: ## compiles the extension and installs it into PostgreSQL 15
	@scripts/setup && scripts/build

clean: ## stops and removes this clone's databases, logs and results
	@scripts/cluster stop-all && scripts/clean
