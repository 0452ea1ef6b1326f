"""Loops that work while no client waits."""

import threading

from storefront.shared.background import Loop


def test_loop_goes_on_after_a_step_that_raised(caplog):
    """Whatever went wrong, nobody else does this work."""
    steps, recovered = [], threading.Event()

    def step():
        steps.append(1)
        if len(steps) == 1:
            loop.wake()  # so that this test does not wait for the pause after an error
            raise OSError
        recovered.set()
        return 60.0

    loop = Loop("test", step)
    loop.start()
    came_back = recovered.wait(10)
    loop.stop()

    assert came_back
    assert "background step failed" in caplog.text


def test_wake_ends_a_pause_and_stop_ends_the_loop():
    """A long pause holds up neither."""
    steps, second = [], threading.Event()

    def step():
        steps.append(1)
        if len(steps) == 1:
            loop.wake()
        else:
            second.set()
        return 600.0

    loop = Loop("test", step)
    loop.start()
    woken = second.wait(10)
    loop.stop()

    assert woken
    assert len(steps) == 2


def test_stopping_a_loop_that_never_started_is_harmless():
    """An application can be closed without having served."""
    loop = Loop("test", lambda: 1.0)
    loop.stop()

    assert loop.stopping
