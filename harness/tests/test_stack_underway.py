"""What is on its way when a system is taken down: it is waited for, and nothing more begins."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from windtunnel.errors import StackError
from windtunnel.stack.underway import Underway

LONG, SHORT = 20.0, 0.05


def test_an_act_that_has_begun_is_waited_for():
    """Also one that fails."""
    underway, begun, answer, told = Underway(), threading.Event(), Future(), []

    def act():
        begun.set()
        try:
            return answer.result(LONG)
        finally:
            told.append("answered")

    with ThreadPoolExecutor(2) as pool:
        made = pool.submit(underway.run, act)
        assert begun.wait(LONG)
        assert not underway.close(SHORT)
        closed = pool.submit(underway.close, LONG)
        answer.set_exception(OSError("refused"))

        assert closed.result(LONG)
        assert told == ["answered"]
        assert isinstance(made.exception(LONG), OSError)


def test_nothing_begins_after_the_take_down_has():
    """A thread that was started and had not come to its act yet finds the door shut."""
    underway, made = Underway(), []

    assert underway.close(SHORT)
    with pytest.raises(StackError, match="taken down"):
        underway.run(made.append, 1)
    assert made == []


def test_an_act_gives_what_it_makes():
    """With all that it is given."""
    assert Underway().run(divmod, 7, 3) == (2, 1)
    assert Underway().run(int, "ff", base=16) == 255
