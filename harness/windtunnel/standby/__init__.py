"""A system that stands for a person: faults are set and lifted from a second terminal, each edge is watched.

    terminal 1   windtunnel up ──> session ─┬─ stack (and load)
                                            ├─ worker: one thread, one act after the other: faults put, proven, lifted
                                            ├─ rates ──> screen, once a second
                                            └─ control socket
    terminal 2   windtunnel fault / lift ─────────┘        words ──> step ──> plan ─ journal ─ apply ─ prove

The first terminal never waits for a proof, and the second always does.
"""
