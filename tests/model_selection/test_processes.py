"""Processes are known by host, number and start."""

import os
import signal
import subprocess
import sys
from dataclasses import replace

import pytest

from skhep_dnn.model_selection import _processes
from skhep_dnn.model_selection._processes import Process

HERE = Process.current()
LINUX = sys.platform == "linux"


def sleeper():
    return subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)


def test_its_text_names_a_process():
    assert Process.parse(str(HERE)) == HERE
    assert Process.parse(f"{HERE} with more") == HERE
    assert HERE.pid == os.getpid()


@pytest.mark.parametrize("text", ["", "study.log", "host -1 5", "host 5"])
def test_another_text_names_none(text):
    assert Process.parse(text) is None


@pytest.mark.skipif(not LINUX, reason="the start of a process is known on Linux alone")
def test_this_process_is_alive():
    assert HERE.is_alive() is True


@pytest.mark.skipif(not LINUX, reason="the start of a process is known on Linux alone")
def test_a_number_that_is_used_again_is_another_process():
    assert replace(HERE, start="1").is_alive() is False


def test_a_process_of_another_host_cannot_be_seen():
    assert replace(HERE, host="elsewhere").is_alive() is None


@pytest.mark.skipif(not LINUX, reason="the start of a process is known on Linux alone")
def test_a_killed_process_is_dead_before_and_after_its_parent_looks():
    child = sleeper()
    process = Process(HERE.host, child.pid, _processes._status(child.pid)[1])
    assert process.is_alive() is True
    os.kill(child.pid, signal.SIGKILL)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert _processes._status(child.pid)[0] == "Z"
    assert process.is_alive() is False
    child.communicate()
    assert process.is_alive() is False


def test_where_no_start_is_known_death_still_is(monkeypatch):
    monkeypatch.setattr(_processes, "_status", lambda _: None)
    assert Process.current().start == "-"
    assert Process.current().is_alive() is None
    child = sleeper()
    child.communicate(b"\n")
    assert Process(HERE.host, child.pid, "-").is_alive() is False


def test_where_no_signal_can_be_sent_nothing_is_known(monkeypatch):
    monkeypatch.setattr(_processes.os, "name", "nt")
    monkeypatch.setattr(_processes.os, "kill", pytest.fail)
    assert HERE.is_alive() is None


def test_a_process_of_another_user_is_seen(monkeypatch):
    def refuse(pid, sign):
        raise PermissionError

    monkeypatch.setattr(_processes.os, "kill", refuse)
    assert HERE.is_alive() is (True if LINUX else None)


def test_the_table_is_the_host_where_linux_does_not_tell(monkeypatch):
    def fail(path, **_options):
        raise FileNotFoundError(path)

    monkeypatch.setattr(_processes.Path, "read_text", fail)
    monkeypatch.setattr(_processes.socket, "gethostname", lambda: "lab7")
    assert _processes._table.__wrapped__() == "lab7"
