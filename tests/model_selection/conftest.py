"""Processes of their own, places for studies, and a server of PostgreSQL."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path

import optuna
import pytest

from skhep_dnn.model_selection._storage import close_storage, open_storage

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def quiet_optuna():
    """Optuna tells no trials."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    yield
    optuna.logging.set_verbosity(before)


@pytest.fixture
def open_place():
    """`open_storage`; what is opened is closed with the test."""
    with ExitStack() as stack:

        def open_place(place):
            storage = open_storage(place)
            stack.callback(close_storage, storage)
            return storage

        yield open_place


@pytest.fixture
def start():
    """Start a process that runs some lines, and end it with the test."""
    children = []

    def start(lines, *arguments):
        child = subprocess.Popen(
            [sys.executable, "-c", lines, *map(str, arguments)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        children.append(child)
        return child

    yield start
    for child in children:
        child.kill()
        child.communicate()


@pytest.fixture(scope="session")
def postgresql():
    """URL of a database of a new PostgreSQL server; skip without server or driver."""
    pytest.importorskip("psycopg", reason="the driver psycopg is not installed")
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    search = os.pathsep.join([os.environ["PATH"], *map(str, reversed(programs))])
    if shutil.which("initdb", path=search) is None:
        pytest.skip("the server of PostgreSQL is not installed")
    with tempfile.TemporaryDirectory() as folder, server(Path(folder), search) as url:
        yield url


@contextmanager
def server(folder, search):
    """Run a server that keeps its data in a folder, and give the URL."""
    # The server refuses to run as root.
    other = {}
    if os.geteuid() == 0:
        other = {"user": "nobody", "group": "nogroup", "extra_groups": []}
        shutil.chown(folder, "nobody", "nogroup")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data, log = folder / "data", folder / "log"

    def run(program, *arguments):
        path = shutil.which(program, path=search)
        command = [path, "-D", data, *arguments]
        # Not to a pipe: the server would keep it open.
        with (folder.parent / f"{folder.name}.out").open("w+") as out:
            Path(out.name).unlink()
            result = subprocess.run(
                command, cwd=folder, stdout=out, stderr=out, check=False, **other
            )
            out.seek(0)
            assert result.returncode == 0, out.read()

    run("initdb", "-U", "tester", "-A", "trust", "--no-sync")
    options = f"-h 127.0.0.1 -p {port} -c unix_socket_directories='' -c fsync=off"
    run("pg_ctl", "-w", "-l", log, "-o", options, "start")
    try:
        yield f"postgresql://tester@127.0.0.1:{port}/postgres"
    finally:
        run("pg_ctl", "-m", "immediate", "stop")


@pytest.fixture(params=["memory", "journal", "sqlite", "postgresql"])
def place(request, tmp_path):
    """What a user passes as storage, one of each kind."""
    if request.param == "postgresql":
        return request.getfixturevalue("postgresql")
    return {
        "memory": None,
        "journal": tmp_path / "study.log",
        "sqlite": f"sqlite:///{tmp_path}/study.db",
    }[request.param]
