"""API fuzzing while the wind blows: requests made from a system's own OpenAPI documents, healthy and under every fault.

    topology.yaml ─ openapi: of each service ─> Operation (one a method and path)
         └──────── fuzz: fuzz.yaml ─> Plan (profiles, limits, edges that each operation uses, the owner's visitor)
                                        │
    Operation x (healthy + each of its edges x each fault) = Cell
         quiet ─> a valid request works ─> fault on, proven ─> requests ─> fault off, proven ─> quiet
                                                                  │
              judged against the document; the edge record must show that a valid one met the fault

Nothing here imports pytest; `windtunnel.fuzz_items` makes the items.
"""
