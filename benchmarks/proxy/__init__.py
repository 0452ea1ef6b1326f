"""What the embedded proxy costs, beside the real Toxiproxy and beside no proxy: `make bench-proxy`.

__main__.py ─ the command       bench.py ─ who is measured, in turns     result.py ─ rows, ratios, goals, the table
generator.py ─ the client       upstream.py ─ the server behind          targets.py ─ the proxies, and none
one file each measurement: paced, roundtrip, bulk, connects, startup, creation, idle, latency, bandwidth
"""
