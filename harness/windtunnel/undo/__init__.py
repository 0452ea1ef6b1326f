"""Taking back what a run did to a machine and to a system, however the run ends.

    Run.begin() ── journal.plan(record) ── act ── act undone ── journal.done(id) ── run.end()
                          │
                    the run dies: the reaper plays what is pending, ends the run's processes, removes its directory;
                    the machine dies: the next run's heal() does

Nothing in this package imports more than the standard library, `windtunnel.errors` and `windtunnel.api_url`.
"""

from windtunnel.undo.heal import heal
from windtunnel.undo.journal import Journal, Pending
from windtunnel.undo.operations import OPERATIONS, UndoError
from windtunnel.undo.processes import RUN_VARIABLE
from windtunnel.undo.run import Run

__all__ = ["OPERATIONS", "RUN_VARIABLE", "Journal", "Pending", "Run", "UndoError", "heal"]
