"""Time on the wall and of the processor of one piece of work in a backend, its parallel workers counted."""

import os
import time

from measurement import processor_seconds

TICKS = os.sysconf("SC_CLK_TCK")


class Clock:
    def __init__(self, connection):
        self.backend = connection.info.backend_pid
        # The server's parent inherits what workers spent when they end; it counts in hundredths of a second.
        with open(f"/proc/{self.backend}/stat", encoding="ascii") as file:
            self.parent = int(file.read().rpartition(")")[2].split()[1])

    def processor(self):
        with open(f"/proc/{self.parent}/stat", encoding="ascii") as file:
            ended = sum(map(int, file.read().rpartition(")")[2].split()[13:15])) / TICKS
        return processor_seconds(self.backend) + ended

    def run(self, work):
        """Seconds on the wall, and of the processor."""
        before, started = self.processor(), time.perf_counter()
        work()
        return time.perf_counter() - started, self.processor() - before
