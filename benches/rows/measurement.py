"""What the rows of the table share: a connection, processor time, pgbench, and the form of a line.

A row is an executable file of this folder, named NN-name. It measures and prints lines of JSON; scripts/bench runs
the rows in the order of their numbers and benches/table.py makes one table of all lines. The first comment of a row
may say "Needs: server" or "Needs: server peers": scripts/bench makes ready what is needed.

Rounds of ours and theirs alternate, so that a busy moment of the machine meets both; what is compared is the medians.
"""

import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

import psycopg

ROWS = 1_000_000
SMALL, LARGE = "100x31", "1000x127"
ROUNDS = 3
CORES = len(os.sched_getaffinity(0))


def url():
    return os.environ["BENCH_URL"]


def connect(**options):
    """One statement a transaction, as pgbench has it. Compilation of expressions would be measured instead of ours."""
    connection = psycopg.connect(url(), autocommit=True, **options)
    connection.execute("SET jit = off")
    return connection


def value(connection, query, parameters=None):
    return connection.execute(query, parameters).fetchone()[0]


def engine(*arguments):
    """A command of benches/engine, which links LightGBM; see its main.rs."""
    return subprocess.run([os.environ["BENCH_ENGINE"], *map(str, arguments)], check=True, capture_output=True,
                          text=True).stdout


def nanoseconds(command, shape, rows):
    """Processor time a row of a command of benches/engine, and time on the wall."""
    spent = json.loads(engine(command, shape, rows))
    return spent["processor"], spent["wall"]


def processor_seconds(pid):
    """Processor time that a process has used, its own and the kernel's on its behalf."""
    return int(pathlib.Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def explain(connection, query):
    """Runs EXPLAIN (ANALYZE, TIMING OFF): seconds on the wall, of the backend's processor time, and the plan."""
    before = processor_seconds(connection.info.backend_pid)
    answer = value(connection, "EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) " + query)[0]
    spent = processor_seconds(connection.info.backend_pid) - before
    return answer["Execution Time"] / 1000, spent, answer["Plan"]


def pgbench(script, clients=1, seconds=4, settings="", latencies=False):
    """Transactions a second of a script with prepared statements; with `latencies` the sorted microseconds of each."""
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "script.sql")
        file.write_text(script)
        logging = ["--log", f"--log-prefix={folder}/log"] if latencies else []
        done = subprocess.run(
            [os.environ["BENCH_PG_BIN"] + "/pgbench", "--no-vacuum", "--protocol=prepared", f"--client={clients}",
             f"--jobs={min(clients, CORES)}", f"--time={seconds}", f"--define=rows={ROWS}", f"--file={file}",
             *logging, url()],
            env={**os.environ, "PGOPTIONS": "-c jit=off -c synchronous_commit=off " + settings},
            check=True, capture_output=True, text=True)
        tps = next(float(line.split("=")[1].split()[0]) for line in done.stdout.splitlines() if line.startswith("tps ="))
        if "number of failed transactions: 0 " not in done.stdout:
            raise RuntimeError(done.stdout + done.stderr)
        taken = sorted(int(line.split()[2]) for log in pathlib.Path(folder).glob("log.*")
                       for line in log.read_text().splitlines())
        return (tps, taken) if latencies else tps


def percentile(ordered, share):
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def median(values):
    return statistics.median(values)


def spread(values):
    """How far the rounds lie apart, in percent of their median."""
    return 100 * (max(values) - min(values)) / median(values) if len(values) > 1 else None


def milliseconds(work):
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


def line(row, ours, unit, *, peer=None, peer_name=None, ratio=None, goal=None, at_least=None, at_most=None,
         spread=None, note=None):
    """Prints one line of the table.

    `ratio` is what the goal is about where `goal` is "ratio": say in the row's name whether more or less is better.
    Without a goal a line is context. `note` is printed below the table.
    """
    bounds = {name: bound for name, bound in (("at_least", at_least), ("at_most", at_most)) if bound is not None}
    print(json.dumps({
        "row": row, "ours": ours, "unit": unit, "spread": spread, "peer": peer, "peer_name": peer_name,
        "ratio": ratio, "goal": {"of": goal, **bounds} if goal else None, "note": note,
    }), flush=True)
