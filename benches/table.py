"""One table of all the lines that the rows printed: to the terminal, to results.md and to results.json.

Reads lines of JSON (see rows/measurement.py) from the files named, writes into the folder named first.
"""

import json
import pathlib
import sys

HEADS = ("row", "ours", "±", "peer", "ratio", "goal", "", "the peer")
LEFT = (True, False, False, False, False, False, True, True)
# What a reader must know of every line.
LEGEND = """Ratio: where the goal is at least (≥), how many times ours is as fast as the peer; where it is at most (≤), what ours costs
as a share of the peer. ±: half the distance of the rounds farthest apart. Models are named by trees and leaves; where a line
names none it is 100x31. A line without a goal is context."""


def number(value):
    """Three significant digits, and no more digits than that before a point's need."""
    if value is None:
        return ""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 1 else f"{value:.{1 if abs(value) >= 10 else 2}f}"


def judged(line):
    """The goal in words and whether it is met; None where the line is context."""
    goal = line["goal"]
    if not goal:
        return "", None
    reached = line["ratio"] if goal["of"] == "ratio" else line["ours"]
    unit = " ×" if goal["of"] == "ratio" else f" {line['unit']}"
    if "at_least" in goal:
        return f"≥ {goal['at_least']:g}{unit}", reached is not None and reached >= goal["at_least"]
    return f"≤ {goal['at_most']:g}{unit}", reached is not None and reached <= goal["at_most"]


def cells(line, notes):
    words, met = judged(line)
    row = line["row"]
    if line.get("note"):
        notes.append(line["note"])
        row += f" [{len(notes)}]"
    unit = line["unit"]
    with_unit = lambda value: f"{number(value)} {unit}" if value is not None else "—"
    spread = line.get("spread")
    return (row, with_unit(line["ours"]), f"{spread / 2:.0f} %" if spread is not None else "",
            with_unit(line["peer"]) if line.get("peer") is not None else "",
            f"{number(line['ratio'])} ×" if line.get("ratio") is not None else "", words,
            {True: "met", False: "NOT MET", None: ""}[met], line.get("peer_name") or "")


def plain(rows):
    widths = [max(len(row[at]) for row in rows) for at in range(len(HEADS))]
    pad = lambda text, width, left: text.ljust(width) if left else text.rjust(width)
    return ["  ".join(map(pad, row, widths, LEFT)).rstrip() for row in rows]


def markdown(rows):
    head, *body = ["| " + " | ".join(row) + " |" for row in rows]
    return [head, "|" + "|".join("---" if left else "---:" for left in LEFT) + "|", *body]


def main():
    folder, *files = map(pathlib.Path, sys.argv[1:])
    lines = [json.loads(text) for file in files for text in file.read_text().splitlines()]
    notes, rows = [], [HEADS]
    rows += [cells(line, notes) for line in lines]
    goals = [judged(line)[1] for line in lines if line["goal"]]
    below = [f"{sum(goals)} of {len(goals)} goals met."] + [f"[{at}] {note}." for at, note in enumerate(notes, 1)]
    (folder / "results.json").write_text(json.dumps(
        [{**line, "met": judged(line)[1]} for line in lines], indent=1, ensure_ascii=False) + "\n")
    machine = (folder / "machine.txt").read_text().splitlines()
    (folder / "results.md").write_text(
        "\n".join([*machine, "", *markdown(rows), "", LEGEND, "", *(f"{text}  " for text in below)]) + "\n")
    print("\n".join(["", *machine, "", *plain(rows), "", LEGEND, "", *below]))


main()
