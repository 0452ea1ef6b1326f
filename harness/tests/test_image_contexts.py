"""What an image is built from: its hash changes with all of it and with nothing else."""

import subprocess
import sys

import pytest

from windtunnel.cli import main
from windtunnel.errors import BackendError, TopologyError
from windtunnel.stack.contexts import Context, folder_context, recorder_context
from windtunnel.stack.images import workers_image
from windtunnel.topology import read_topology

FILES = {"Dockerfile": "FROM x\n", "app/main.py": "print()\n", "notes.txt": "n\n", ".dockerignore": "# why\n*.txt\n"}


@pytest.fixture
def make(tmp_path):
    """Writes a folder, and gives its context: a new folder each time, since a context is looked at once."""
    count = iter(range(100))

    def made(changes=None, **args):
        folder = tmp_path / str(next(count))
        for name, text in {**FILES, **(changes or {})}.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return folder_context(folder, "Dockerfile", args)

    return made


def test_the_same_content_has_the_same_hash_wherever_it_lies(make):
    """A clone elsewhere finds the image that another one has built."""
    assert make().hash == make().hash


@pytest.mark.parametrize("changes", [{"app/main.py": "print(1)\n"}, {"app/more.py": ""}, {"Dockerfile": "FROM y\n"}])
def test_a_change_makes_the_image_stale(make, changes):
    """Content, a further file, the recipe."""
    assert make(changes).hash != make().hash


def test_another_argument_makes_the_image_stale(make):
    """Another base image is another image."""
    assert make(BASE="a").hash != make(BASE="b").hash


def test_what_is_ignored_changes_nothing_and_is_not_sent(make):
    """By the .dockerignore of the folder."""
    assert make({"notes.txt": "other\n"}).hash == make().hash
    assert "notes.txt" not in make().files


def test_the_recorder_s_files_are_all_that_it_needs(tmp_path):
    """Unpacked elsewhere, without this environment's packages, the program says how it is used."""
    context = recorder_context("python:any")
    for name, source in context.files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(source if isinstance(source, bytes) else source.read_bytes())
    done = subprocess.run(
        [sys.executable, "-S", "-P", "-m", "windtunnel.stack.recorder", "--help"],
        env={"PYTHONPATH": str(tmp_path / "site")},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )

    assert "Toxiproxy-compatible" in done.stdout, done.stderr
    assert not any(name.startswith(("site/locust", "site/_pytest")) for name in context.files)


def test_the_recorder_is_another_image_on_another_python():
    """Its base is an argument."""
    assert recorder_context("python:3.12").hash != recorder_context("python:3.13").hash


def test_the_workers_image_has_the_hash_of_its_content_and_of_its_base(tmp_path):
    """A Dockerfile of anybody's, somewhere in the folder."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "Dockerfile").write_text("ARG PYTHON_IMAGE\nFROM ${PYTHON_IMAGE}\n")
    dockerfile = tmp_path / "own" / "Dockerfile"
    one, other = (workers_image(dockerfile, tmp_path, {"WINDTUNNEL_PYTHON_IMAGE": base}) for base in ("a", "b"))

    assert one.name == f"windtunnel-load:{one.context.hash}"
    assert one.name != other.name
    assert one.context.dockerfile == "own/Dockerfile"


@pytest.mark.parametrize("dockerfile", ["load/Dockerfile", "../outside"])
def test_a_workers_image_without_a_dockerfile_is_one_clear_line(tmp_path, monkeypatch, capsys, dockerfile):
    """Before any engine is asked."""
    (tmp_path / "outside").write_text("FROM x\n")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(BackendError, match="no such file in this folder"):
        workers_image(tmp_path / "here" / dockerfile, tmp_path / "here")

    assert main(["images", "--workers", dockerfile]) == 2
    assert capsys.readouterr().err == (
        f"windtunnel: {dockerfile}: there is no such file in this folder; the repository has load/Dockerfile\n"
    )


def test_an_archive_holds_every_file_with_its_mode():
    """Programs stay executable."""
    context = Context(files={"a": b"1"}, dockerfile="a", args={})

    assert b"ustar" in context.tar()


@pytest.mark.parametrize(
    ("docker", "message"),
    [
        ("{}", "a container has either an image or a build"),
        ("{image: x, build: {context: .}}", "a container has either an image or a build"),
        ("{build: {context: .}}", "there is no file .*Dockerfile; paths start from the folder of this file"),
        ("{image: x, port: 70000}", "expected a port from 1 to 65535, found 70000"),
        ("{image: x, data: here}", "'here' is not a folder within a container"),
        ("{imgae: x}", "unknown key 'imgae'; known: image"),
    ],
)
def test_a_container_that_cannot_be_is_one_clear_line(tmp_path, docker, message):
    """With file and line."""
    (tmp_path / "s.py").write_text("")
    text = f"topology: windtunnel/v1\nname: t\nscenarios: s.py\nservices:\n  a: {{docker: {docker}}}\n"
    (tmp_path / "t.yaml").write_text(text + "edges:\n  - {from: client, to: a, backends: [docker]}\n")
    with pytest.raises(TopologyError, match=rf"t.yaml:5: .*{message}"):
        read_topology(tmp_path / "t.yaml")


def test_a_host_name_is_for_containers_only(tmp_path):
    """A process would find the real peer under it."""
    (tmp_path / "s.py").write_text("")
    services = "services:\n  a: {docker: {image: x}}\n  b: {docker: {image: x}}\n"
    text = f"topology: windtunnel/v1\nname: t\nscenarios: s.py\n{services}"
    (tmp_path / "t.yaml").write_text(text + "edges:\n  - {from: a, to: b, via: {alias: users}}\n")
    with pytest.raises(TopologyError, match=r"t.yaml:8: a host name can be given to a container only; add backends"):
        read_topology(tmp_path / "t.yaml")
