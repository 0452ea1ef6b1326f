"""Open-model load: arrivals are due when the plan says so, whatever the system under test does meanwhile.

    pytest's process                        a process of its own, patched by gevent
    LoadDriver ── LoadRun ── reader ═══════ engine ── Generator ── Visitor (one arrival) ── FastHttpSession ── system
        plan, stop ─────────────────────────>
                 <─────────────────────────── samples every 50 ms, a report at the end

`driver.py` is the harness's side, `engine.py` the generator's; `direct.py` runs the same scenarios without a generator.
Nothing is imported here: the engine must be able to patch the standard library before any of it is in use.
"""
