"""The running services answer as their documents say, healthy and degraded; every answer that is documented comes."""

import pytest
from openapi_scripts import STORIES, examples, links, refusals, strain
from openapi_walk import SERVICES
from openapi_world import World

pytestmark = pytest.mark.contract


@pytest.fixture
def world(stack, chaos, tmp_path):
    return World(stack, chaos, tmp_path)


@pytest.mark.parametrize("service", SERVICES)
def test_every_answer_is_documented_and_every_documented_answer_comes(service, world):
    """Examples and links as they stand in the document, then refusals, lost dependencies, a service in trouble."""
    walk = world.walk(service)
    world.settle()  # what the walk before left to do would be seen in /health/quiet
    with walk.client:
        examples(walk)
        links(walk)
        STORIES[service](walk, world)
        refusals(walk)
        strain(walk, lambda **env: world.app(service, **env))

    assert walk.findings == []
    assert walk.unseen() == []
