"""`front -> back` with an OpenAPI document and a login, whose front can be given one defect at a time."""

from __future__ import annotations

import textwrap
from pathlib import Path

BACK = """
import os
from flask import Flask

app = Flask(__name__)


@app.get("/health/ready")
@app.get("/stock")
def stock():
    return {"left": 42, "padding": "x" * 200}


app.run(port=int(os.environ["PORT"]), threaded=True)
"""

FRONT = """
import os

import httpx
from flask import Flask, jsonify, request
from werkzeug.exceptions import HTTPException

DEFECT = os.environ["DEFECT"]
app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 65536
back = httpx.Client(base_url=os.environ["BACK_URL"], timeout=None if DEFECT == "no timeout" else 1.0, trust_env=False)


@app.errorhandler(HTTPException)
def problem(error):
    answer = jsonify(problem=error.name)
    answer.status_code = error.code
    if error.code == 405:
        answer.headers["Allow"] = ", ".join(error.valid_methods or ())
    return answer


def refuse(status):
    return {"problem": "no"}, status


@app.get("/health/ready")
def ready():
    return {}


@app.post("/things")
def make():
    if DEFECT != "no login" and request.headers.get("Authorization") != "Bearer let-me-in":
        return refuse(401)
    if request.mimetype != "application/json":
        return refuse(415)
    try:
        body = request.get_json() if DEFECT == "believes bodies" else request.get_json(silent=True)
    except RecursionError:  # which `silent` lets through
        return refuse(422)
    if DEFECT == "believes bodies":
        count = body["count"]
    elif not isinstance(body, dict) or set(body) != {"count"}:
        return refuse(422)
    else:
        count = body["count"]
        if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= 9:
            return refuse(422)
    if DEFECT == "asks nobody":
        return {"count": count}, 201
    try:
        back.get("/stock").raise_for_status().json()
    except (httpx.HTTPError, ValueError):
        if DEFECT == "500 when back is away":
            raise RuntimeError from None
        return {"problem": "back is away"}, 503, {} if DEFECT == "no Retry-After" else {"Retry-After": "1"}
    return {"total" if DEFECT == "renamed field" else "count": count}, 201


app.run(port=int(os.environ["PORT"]), threaded=True)
"""

OPENAPI = """
openapi: 3.1.0
info: {title: front, version: "1"}
paths:
  /things:
    post:
      operationId: makeThing
      security: [{token: []}]
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
          content:
            application/json:
              schema: {type: object, required: [count], properties: {count: {type: integer}}}
        "401": {$ref: "#/components/responses/Problem"}
        "413": {$ref: "#/components/responses/Problem"}
        "415": {$ref: "#/components/responses/Problem"}
        "422": {$ref: "#/components/responses/Problem"}
        "503":
          description: back is away
          headers: {Retry-After: {required: true, schema: {type: integer}}}
          content: {application/json: {schema: {$ref: "#/components/schemas/Problem"}}}
components:
  securitySchemes: {token: {type: http, scheme: bearer}}
  schemas: {Problem: {type: object, required: [problem], properties: {problem: {type: string}}}}
  responses:
    Problem:
      description: refused
      content: {application/json: {schema: {$ref: "#/components/schemas/Problem"}}}
"""

TOPOLOGY = """
topology: windtunnel/v1
name: small
scenarios: scenarios.py
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

VISITOR = """
def complete(world, request):
    if request.secured:
        request.headers["Authorization"] = "Bearer let-me-in"
    if isinstance(request.body, dict) and isinstance(request.body.get("count"), float):
        request.body["count"] = int(request.body["count"])  # 5.0 is a whole number to JSON Schema, not to front


def bad_credentials(world):
    return {"yesterday's token": {"Authorization": "Bearer let-me-in-yesterday"}}
"""

PLAN = """
fuzz: windtunnel/v1
visitor: visitor.py
edges: fuzz_edges.yaml
answer_within: 3s
slow: 100ms
"""

EDGES = """
edges-used: windtunnel/v1
operations:
  "front: POST /things": {"front->back": [GET /stock]}
"""


def write_fuzz_system(folder: Path) -> Path:
    """Write the services, their document, the plan and the topology; returns the topology file."""
    texts = {
        "back.py": BACK,
        "front.py": FRONT,
        "front.yaml": OPENAPI,
        "scenarios.py": "def nothing(client):\n    pass\n",
        "visitor.py": VISITOR,
        "fuzz.yaml": PLAN,
        "fuzz_edges.yaml": EDGES,
        "topology.yaml": TOPOLOGY,
    }
    for name, text in texts.items():
        (folder / name).write_text(textwrap.dedent(text).lstrip())
    return folder / "topology.yaml"
