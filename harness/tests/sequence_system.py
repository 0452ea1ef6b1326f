"""`front -> back`: things are made with a key and read by a link. Front can be given one defect at a time."""

from __future__ import annotations

import textwrap
from pathlib import Path

BACK = """
import os
import time

from flask import Flask, request

app = Flask(__name__)
entries = []


@app.get("/health/ready")
def ready():
    return {}


@app.post("/entries")
def enter():
    entry = request.get_json()
    if entry["id"] not in [known["id"] for known in entries]:
        entries.append({**entry, "at": time.time()})
    return {"left": 42, "padding": "x" * 200}


@app.get("/entries")
def listing():
    return {"items": entries}


app.run(port=int(os.environ["PORT"]), threaded=True)
"""

FRONT = """
import os
import time
import uuid

import httpx
from flask import Flask, jsonify, request
from werkzeug.exceptions import HTTPException

DEFECT = os.environ["DEFECT"]
app = Flask(__name__)
back = httpx.Client(base_url=os.environ["BACK_URL"], timeout=1.0, trust_env=False)
things, ids, troubles = {}, {}, set()


@app.errorhandler(HTTPException)
def problem(error):
    return jsonify(problem=error.name), error.code


@app.get("/health/ready")
def ready():
    return {}


@app.post("/things")
def make():
    key, count = request.headers["Idempotency-Key"], request.get_json()["count"]
    if DEFECT == "another one" or (DEFECT == "doubles what was lost" and key in ids and ids[key] not in things):
        ids.pop(key, None)
    made = ids.setdefault(key, uuid.uuid4().hex)
    if made in things:
        return things[made], 201
    began = time.monotonic()
    try:
        if DEFECT != "asks nobody":
            back.post("/entries", json={"id": made, "key": key}).raise_for_status().json()
    except (httpx.HTTPError, ValueError) as error:
        troubles.add(type(error).__name__)
        if DEFECT == "gives up after two kinds" and len(troubles) > 1:
            return {"problem": "too many"}, 507
        return {"problem": "back is away"}, 503
    if DEFECT == "never recovers" and troubles:
        return {"problem": "back is away"}, 503
    thing = {"id": made, "count": count}
    if DEFECT != "forgets what was slow" or time.monotonic() - began < 0.09:
        things[made] = thing
    return thing, 202 if DEFECT == "accepts" else 201


@app.route("/things/<made>", methods=["GET", "DELETE"])
def read(made):
    if made not in things or DEFECT == "forgets":
        return {"problem": "no such thing"}, 404
    if request.method == "DELETE":
        if DEFECT != "deletes nothing":
            del things[made]
        return "", 204
    return {**things[made], "id": "another"} if DEFECT == "mixes up" else things[made]


app.run(port=int(os.environ["PORT"]), threaded=True)
"""

OPENAPI = """
openapi: 3.1.0
info: {title: front, version: "1"}
paths:
  /things:
    post:
      operationId: makeThing
      parameters:
        - {name: Idempotency-Key, in: header, required: true, schema: {type: string, pattern: "^[a-z]{8}$"}}
      requestBody:
        required: true
        content:
          application/json:
            schema:
              type: object
              required: [count]
              additionalProperties: false
              properties: {count: {type: integer, minimum: 1, maximum: 9}}
      responses:
        "201":
          description: made
          content: {application/json: {schema: {$ref: "#/components/schemas/Thing"}}}
          links: {$LINKS}
        "202": {description: later, content: {application/json: {schema: {$ref: "#/components/schemas/Thing"}}}}
        "503":
          $ref: "#/components/responses/Away"
  /things/{thing_id}:
    parameters: [{name: thing_id, in: path, required: true, schema: {type: string, pattern: "^[0-9a-f]{32}$"}}]
    get:
      operationId: readThing
      responses:
        "200": {description: it, content: {application/json: {schema: {$ref: "#/components/schemas/Thing"}}}}
        "404": {$ref: "#/components/responses/Problem"}
    delete:
      operationId: deleteThing
      responses:
        "204": {description: gone}
        "404": {$ref: "#/components/responses/Problem"}
components:
  schemas:
    Problem: {type: object, required: [problem], properties: {problem: {type: string}}}
    Thing: {type: object, required: [id, count], properties: {id: {type: string}, count: {type: integer}}}
  responses:
    Problem: {description: refused, content: {application/json: {schema: {$ref: "#/components/schemas/Problem"}}}}
    Away:
      description: back is away
      content: {application/json: {schema: {$ref: "#/components/schemas/Problem"}}}
      links:
        again:
          operationId: makeThing
          parameters: {Idempotency-Key: $request.header.Idempotency-Key}
          requestBody: $request.body
"""

LINKS = """
readThing: {operationId: readThing, parameters: {thing_id: $response.body#/id}},
deleteThing: {operationId: deleteThing, parameters: {thing_id: $response.body#/id}},
again: {operationId: makeThing, parameters: {Idempotency-Key: $request.header.Idempotency-Key},
        requestBody: $request.body}
"""

TOPOLOGY = """
topology: windtunnel/v1
name: small
scenarios: scenarios.py
invariants: invariants.py
fuzz: fuzz.yaml
services:
  back: {process: {command: [python, back.py]}, port: {env: PORT}, ready: /health/ready}
  front:
    process: {command: [python, front.py]}
    port: {env: PORT}
    env: {DEFECT: "${DEFECT:-none}"}
    ready: /health/ready
    openapi: front.yaml
edges:
  - {from: client, to: front}
  - {from: front, to: back, via: {env: BACK_URL}}
"""

INVARIANTS = """
from collections import Counter


def one_entry_per_key(system, since):
    keys = Counter(entry["key"] for entry in system.get("back", "/entries")["items"] if entry["at"] >= since)
    return [f"key {key} has {count} entries" for key, count in keys.items() if count > 1]


def that_cannot_be_asked(system, since):
    return system.get("back", "/nowhere")
"""

VISITOR = """
import random
import string


def complete(world, request):
    if "Idempotency-Key" in request.headers:
        request.headers["Idempotency-Key"] = "".join(random.choices(string.ascii_lowercase, k=8))
    if isinstance(request.body, dict):
        request.body["count"] = int(request.body["count"])
"""

PLAN = """
fuzz: windtunnel/v1
visitor: visitor.py
edges: fuzz_edges.yaml
answer_within: 3s
slow: 100ms
walk:
  calls: ["front: POST /things"]
  invariants: [one_entry_per_key]
"""

EDGES = """
edges-used: windtunnel/v1
operations:
  "front: POST /things": {"front->back": [POST /entries]}
"""


def write_sequence_system(folder: Path) -> Path:
    """Write the services, their document, the plan and the topology; returns the topology file."""
    texts = {
        "back.py": BACK,
        "front.py": FRONT,
        "front.yaml": OPENAPI.replace("$LINKS", " ".join(LINKS.split())),
        "invariants.py": INVARIANTS,
        "scenarios.py": "def nothing(client):\n    pass\n",
        "visitor.py": VISITOR,
        "fuzz.yaml": PLAN,
        "fuzz_edges.yaml": EDGES,
        "topology.yaml": TOPOLOGY,
    }
    for name, text in texts.items():
        (folder / name).write_text(textwrap.dedent(text).lstrip())
    return folder / "topology.yaml"
