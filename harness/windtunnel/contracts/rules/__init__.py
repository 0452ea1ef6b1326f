"""The table of rules: what breaks a consumer when a document changes.

A rule is a function and one line in the table of its file; its name is oasdiff's where that has one for it. What a
client sends is contravariant (a service may take more, never less); what it gets is covariant (never more).
"""

from __future__ import annotations

from windtunnel.contracts.rules import answers, operations, request_shapes, response_shapes
from windtunnel.contracts.rules.rule import Answers, Operations, Rule, Severity, Shapes

ON_OPERATIONS: tuple[Rule[Operations], ...] = operations.RULES
ON_ANSWERS: tuple[Rule[Answers], ...] = answers.RULES
ON_REQUESTS: tuple[Rule[Shapes], ...] = request_shapes.RULES
ON_RESPONSES: tuple[Rule[Shapes], ...] = response_shapes.RULES
NAMES = tuple(rule.name for table in (ON_OPERATIONS, ON_ANSWERS, ON_REQUESTS, ON_RESPONSES) for rule in table)

__all__ = [
    "NAMES",
    "ON_ANSWERS",
    "ON_OPERATIONS",
    "ON_REQUESTS",
    "ON_RESPONSES",
    "Answers",
    "Operations",
    "Rule",
    "Severity",
    "Shapes",
]
