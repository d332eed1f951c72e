"""The lock of a journal: one holder, and no wait for a dead one."""

import logging
import re
import threading
import time
from types import SimpleNamespace

import pytest

from skhep_dnn.exceptions import DataFileError
from skhep_dnn.model_selection import _journal_lock
from skhep_dnn.model_selection._journal_lock import JournalLock, LinkLock
from skhep_dnn.model_selection._processes import Process

HOLD = """
import sys
from pathlib import Path
from skhep_dnn.model_selection._journal_lock import LinkLock

with LinkLock(Path(sys.argv[1])):
    print("held", flush=True)
    input()
"""
COUNT = """
import sys
from pathlib import Path
from skhep_dnn.model_selection._journal_lock import LinkLock

path, count = map(Path, sys.argv[1:])
print("ready", flush=True)
input()
for _ in range(50):
    with LinkLock(path):
        count.write_text(str(int(count.read_text()) + 1))
"""
STRANGERS = {
    "another host": "elsewhere/boot/pid:[1] 1 5 mark",
    "Optuna's own lock": "/data/study.log",
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "study.log.lock"


@pytest.fixture
def clock(monkeypatch):
    """A clock that only sleeping moves."""
    clock = SimpleNamespace(now=0.0)
    clock.monotonic = lambda: clock.now

    def sleep(seconds):
        clock.now += seconds

    clock.sleep = sleep
    monkeypatch.setattr(_journal_lock, "time", clock)
    return clock


def seconds_to_take(lock):
    begin = time.monotonic()
    with lock:
        return time.monotonic() - begin


def test_it_names_its_holder_and_is_gone_afterwards(path):
    with LinkLock(path):
        assert Process.parse(str(path.readlink())) == Process.current()
    assert not path.is_symlink()


def test_the_lock_of_a_killed_process_does_not_delay(path, start):
    holder = start(HOLD, path)
    assert holder.stdout.readline() == "held\n"
    holder.kill()
    holder.wait()
    assert path.is_symlink()
    assert seconds_to_take(LinkLock(path)) < 1.0
    assert not list(path.parent.iterdir())


def test_the_lock_of_a_living_process_is_respected(path, start):
    holder = start(HOLD, path)
    assert holder.stdout.readline() == "held\n"
    taken = threading.Event()

    def take():
        with LinkLock(path, grace_period=0.01):
            taken.set()

    waiting = threading.Thread(target=take)
    waiting.start()
    assert not taken.wait(0.7)
    holder.communicate("\n")
    assert taken.wait(5.0)
    waiting.join()


@pytest.mark.parametrize("holder", STRANGERS.values(), ids=STRANGERS)
def test_a_stranger_has_a_grace_period(path, clock, holder):
    path.symlink_to(holder)
    with LinkLock(path):
        assert 30.0 < clock.now < 31.0


def test_a_plain_file_is_a_lock_of_a_stranger(path, clock):
    path.touch()
    with LinkLock(path):
        assert 30.0 < clock.now < 31.0


def test_the_grace_period_begins_again_with_each_lock(path, clock):
    def sleep(seconds):
        clock.now += seconds
        if path.is_symlink() and clock.now < 100.0:
            path.unlink()
            path.symlink_to(f"elsewhere 1 5 lock-{int(clock.now / 20)}")

    clock.sleep = sleep
    path.symlink_to("elsewhere 1 5 lock-0")
    with LinkLock(path):
        assert 130.0 - 20.0 < clock.now < 131.0


def test_who_dies_while_it_removes_a_lock_does_not_delay(path):
    dead = f"{Process.current().host} {2**22 + 1} 5 mark"
    path.symlink_to(dead)
    path.with_name(f"{path.name}.removal").symlink_to(dead)
    assert seconds_to_take(LinkLock(path)) < 1.0
    assert not list(path.parent.iterdir())


def test_a_lock_taken_meanwhile_is_not_removed(path):
    # Another process has removed the dead one's lock and taken its own.
    path.symlink_to("living")
    LinkLock(path)._remove("dead")
    assert str(path.readlink()) == "living"


def test_processes_count_together_from_a_dead_lock_on(path, tmp_path, start):
    count = tmp_path / "count"
    count.write_text("0")
    path.symlink_to(f"{Process.current().host} {2**22 + 1} 5 mark")
    children = [start(COUNT, path, count) for _ in range(3)]
    for child in children:
        assert child.stdout.readline() == "ready\n"
    for child in children:
        child.stdin.write("\n")
        child.stdin.flush()
    assert [child.wait(60) for child in children] == [0, 0, 0]
    assert count.read_text() == "150"


def test_a_request_that_was_sent_twice_succeeds(path, monkeypatch):
    def link_and_fail(self, target):
        link(self, target)
        raise FileExistsError

    link = _journal_lock.Path.symlink_to
    monkeypatch.setattr(_journal_lock.Path, "symlink_to", link_and_fail)
    assert seconds_to_take(LinkLock(path)) < 1.0


def test_who_lost_the_lock_leaves_it_to_the_next(path, caplog):
    with caplog.at_level(logging.WARNING), LinkLock(path):
        path.unlink()
        path.symlink_to("next")
    assert str(path.readlink()) == "next"
    assert "was taken away from this process" in caplog.text


def test_who_is_interrupted_while_it_waits_holds_nothing(path, clock):
    def interrupt(seconds):
        raise KeyboardInterrupt

    clock.sleep = interrupt
    path.symlink_to("elsewhere 1 5 mark")
    with pytest.raises(KeyboardInterrupt):
        LinkLock(path).acquire()
    assert str(path.readlink()) == "elsewhere 1 5 mark"


def test_who_is_interrupted_when_it_has_the_lock_gives_it_back(path, monkeypatch):
    def interrupt(self, target):
        link(self, target)
        raise KeyboardInterrupt

    link = _journal_lock.Path.symlink_to
    monkeypatch.setattr(_journal_lock.Path, "symlink_to", interrupt)
    with pytest.raises(KeyboardInterrupt):
        LinkLock(path).acquire()
    assert not path.is_symlink()


def test_where_no_link_can_be_read_the_error_is_shown(path, monkeypatch):
    def fail(self):
        raise PermissionError

    path.symlink_to("elsewhere 1 5 mark")
    monkeypatch.setattr(_journal_lock.Path, "readlink", fail)
    with pytest.raises(PermissionError):
        LinkLock(path).acquire()


def test_a_file_that_is_no_journal_is_not_kept_locked(tmp_path):
    journal = tmp_path / "events.csv"
    journal.write_text("pt,eta\n1,2\n3,")
    message = re.escape("must be a journal of Optuna, got")
    with pytest.raises(DataFileError, match=message):
        JournalLock(journal).acquire()
    assert list(tmp_path.iterdir()) == [journal]
    assert journal.read_text() == "pt,eta\n1,2\n3,"
