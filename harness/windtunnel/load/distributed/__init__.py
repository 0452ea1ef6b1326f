"""Open-model load as a locustfile: on one machine or on many, with the web UI, headless, `--master`, `--processes`.

    master (or locust alone)                            worker k of n (or the same process)
    shape: one user a worker, until the plan is over    user: one greenlet that starts what is due
    Coordinator ── prepare(plan, share k of n) ───────> set-up, connections
                <─ ready, or what is wrong ────────────
                ── ping ──────────────────────────────> (every half second, to the end: clock and life sign)
                <─ pong(its clock) ────────────────────
                ── go(start, in its clock) ───────────> arrivals k, k+n, k+2n, ... of the one seeded sequence
                <─ report(figures since the last) ───── every half second
                ── stop ──────────────────────────────> drains; the last report
    Result: merged histograms ─> doubts? ─> the judge

A locustfile imports `OpenModelUser` and `PlannedRate` from `user.py`. That module, `session.py` and `worker.py` belong
into a process of Locust, which patches the standard library; all others can be imported anywhere. See `load/ENGINE.md`.
"""
