"""A run that holds no experiment leaves the last run's evidence alone, also when experiments lie among its paths."""

import pytest
import small_system


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        (["-m", "contract"], True),
        (["-m", "contract and not chaos"], True),
        (["test_own.py"], True),
        (["-m", "chaos"], False),
        (["-m", "not contract"], False),
        ([], False),
    ],
)
def test_what_experiments_left_is_replaced_by_experiments_alone(pytester, words, kept):
    """Contract verification must not cost the night's report."""
    small_system.write_system(pytester.path)
    spec = small_system.write_spec(pytester.path)
    spec.write_text(
        spec.read_text().replace("title:", "title: 7 #")
    )  # a slip: nothing is started, it is a collection error
    pytester.makeini(f"{small_system.INI}testpaths = . chaos_specs\n")
    pytester.makepyfile(test_own="import pytest\n\n\n@pytest.mark.contract\ndef test_own():\n    assert True\n")
    old = pytester.path / "reports" / "out" / "histories" / "old.jsonl"
    old.parent.mkdir(parents=True)
    old.write_text("{}")
    (old.parent.parent / "summary.json").write_text("{}")

    pytester.runpytest_subprocess(*words)

    assert old.exists() is kept
