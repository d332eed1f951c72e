"""Where trials are kept, and a journal whose end is broken."""

import json
import sqlite3
import sys

import optuna
import pytest
from optuna.storages import InMemoryStorage, JournalStorage, RDBStorage
from optuna.trial import TrialState
from sqlalchemy.exc import DatabaseError

from skhep_dnn.exceptions import DataFileError, JournalRepairWarning
from skhep_dnn.model_selection import _storage
from skhep_dnn.model_selection._journal_repair import first_broken_line
from skhep_dnn.model_selection._storage import close_storage, open_storage

CUT = "The last line of the journal must be a whole record"


def study_at(place):
    return optuna.create_study(
        storage=open_storage(place), study_name="toy", load_if_exists=True
    )


def found_at(place):
    return optuna.load_study(storage=open_storage(place), study_name="toy")


def add_trial(study):
    trial = study.ask()
    study.tell(trial, trial.suggest_float("x", 0.0, 1.0))
    return trial.number


@pytest.fixture
def journal(tmp_path):
    """A journal of two finished trials and one that is told last."""
    path = tmp_path / "study.log"
    study = study_at(path)
    for _ in range(3):
        add_trial(study)
    return path


def test_none_is_memory():
    assert isinstance(open_storage(None), InMemoryStorage)


def test_a_path_is_a_journal(tmp_path):
    path = tmp_path / "study.log"
    assert isinstance(open_storage(path), JournalStorage)
    assert isinstance(open_storage(str(path)), JournalStorage)
    assert path.exists()


def test_a_url_is_a_database(tmp_path, open_place):
    assert isinstance(open_place(f"sqlite:///{tmp_path}/study.db"), RDBStorage)
    assert (tmp_path / "study.db").exists()
    assert isinstance(open_place("sqlite://"), RDBStorage)


def test_what_is_closed_can_be_used_again(place):
    storage = open_storage(place)
    close_storage(storage)
    assert storage.get_all_studies() == []
    close_storage(storage)


def test_a_storage_is_itself():
    storage = InMemoryStorage()
    assert open_storage(storage) is storage


def test_a_study_is_found_again(place, open_place):
    storage = open_place(place)
    study = optuna.create_study(storage=storage)
    assert [add_trial(study) for _ in range(3)] == [0, 1, 2]
    again = storage if place is None else open_place(place)
    found = optuna.load_study(study_name=study.study_name, storage=again)
    assert [trial.params for trial in found.trials] == [t.params for t in study.trials]
    optuna.delete_study(study_name=study.study_name, storage=storage)


@pytest.mark.parametrize("storage", [5, b"study.log", ["study.log"]])
def test_another_type_is_refused(storage):
    with pytest.raises(TypeError, match="`storage` must be a path, a URL, a storage"):
        open_storage(storage)


@pytest.mark.parametrize("form", ["{}", "sqlite:///{}", "sqlite:///{}?timeout=9"])
def test_a_directory_that_does_not_exist_is_refused(tmp_path, form):
    place = form.format(tmp_path / "nowhere" / "study")
    with pytest.raises(FileNotFoundError, match=r"directory of `storage` must exist"):
        open_storage(place)


@pytest.mark.parametrize("dialect", ["postgresql", "postgresql+psycopg"])
def test_a_missing_driver_is_named_and_the_password_is_not(monkeypatch, dialect):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ImportError, match=r"skhep-dnn\[postgresql\]") as caught:
        open_storage(f"{dialect}://user:secret@127.0.0.1/study")
    assert f"got a URL of {dialect!r}" in str(caught.value)
    assert "psycopg" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.fixture
def failing(monkeypatch):
    """Errors that connecting to a database raises, one after the other."""
    errors = []

    class Connect(RDBStorage):
        def __init__(self, *arguments, **options):
            if errors:
                raise errors.pop()
            super().__init__(*arguments, **options)

    monkeypatch.setattr(_storage, "_PAUSES", (0.0,))
    monkeypatch.setattr(_storage, "RDBStorage", Connect)
    return errors


ALREADY = DatabaseError("CREATE TABLE", {}, Exception("exists already"))


def test_who_loses_the_race_for_the_tables_tries_again(failing, open_place):
    failing.append(ALREADY)
    assert isinstance(open_place("sqlite://"), RDBStorage)


def test_a_database_that_fails_again_is_an_error(failing):
    failing.extend([ALREADY, ALREADY])
    with pytest.raises(DatabaseError, match="exists already"):
        open_storage("sqlite://")


def test_a_last_line_cut_at_any_byte_is_repaired(journal):
    whole = journal.read_bytes()
    last = whole.rstrip(b"\n").rfind(b"\n") + 1
    assert json.loads(whole[last:])["state"] == TrialState.COMPLETE
    for end in range(last + 1, len(whole) - 1):
        journal.write_bytes(whole[:end])
        with pytest.warns(JournalRepairWarning, match=CUT):
            study = found_at(journal)
        assert journal.read_bytes() == whole[:last]
        states = [trial.state for trial in study.trials]
        assert states == [TrialState.COMPLETE, TrialState.COMPLETE, TrialState.RUNNING]
        assert add_trial(study) == 3
        assert len(found_at(journal).get_trials(states=[TrialState.COMPLETE])) == 3


def test_a_record_that_lacks_only_the_end_of_its_line_is_kept(journal):
    whole = journal.read_bytes()
    journal.write_bytes(whole[:-1])
    study = found_at(journal)
    assert journal.read_bytes() == whole
    assert [trial.state for trial in study.trials] == 3 * [TrialState.COMPLETE]


def test_a_journal_that_is_nothing_but_half_a_line_is_begun_anew(tmp_path):
    path = tmp_path / "study.log"
    path.write_bytes(b'{"op_')
    with pytest.warns(JournalRepairWarning, match="5 bytes were cut") as caught:
        study = study_at(path)
    assert caught[0].filename == __file__
    assert add_trial(study) == 0


def test_half_a_line_with_a_record_behind_it_is_cut(journal):
    whole = journal.read_bytes()
    journal.write_bytes(whole + b'{"op_code":4,"wor' + b'{"op_code":4}\n')
    with pytest.warns(JournalRepairWarning, match=CUT):
        open_storage(journal)
    assert journal.read_bytes() == whole


def test_zeros_that_a_loss_of_power_leaves_are_cut(journal):
    whole = journal.read_bytes()
    journal.write_bytes(whole + bytes(10_000))
    with pytest.warns(JournalRepairWarning, match="10000 bytes were cut"):
        open_storage(journal)
    assert journal.read_bytes() == whole


def test_a_long_last_line_is_found(journal):
    study = study_at(journal)
    study.set_user_attr("text", 9 * "0123456789" * 1000)
    whole = journal.read_bytes()
    open_storage(journal)
    assert journal.read_bytes() == whole
    journal.write_bytes(whole[:-5])
    with pytest.warns(JournalRepairWarning, match=CUT):
        open_storage(journal)
    assert whole.startswith(journal.read_bytes())
    assert first_broken_line(journal) is None


def test_others_go_on_when_a_writer_dies_in_the_middle_of_a_line(journal):
    study = study_at(journal)
    with journal.open("ab") as file:
        file.write(b'{"op_code":4,"worker_id":"of the dead')
    with pytest.warns(JournalRepairWarning, match=CUT):
        assert add_trial(study) == 3
    assert len(study_at(journal).trials) == 4


@pytest.mark.parametrize("line", [b"{half a line\n", b"5\n", b'{"op_code":4}\n'])
def test_a_broken_line_in_the_middle_is_an_error(journal, line):
    lines = journal.read_bytes().splitlines(keepends=True)
    broken = b"".join([*lines[:4], line, *lines[4:]])
    journal.write_bytes(broken)
    with pytest.raises(DataFileError, match=r"Each line of the journal .* must be"):
        open_storage(journal)
    assert journal.read_bytes() == broken
    assert first_broken_line(journal) == (None if b"op_code" in line else 5)


def test_a_file_of_another_kind_is_refused_and_left_as_it_is(tmp_path):
    path = tmp_path / "study.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE trials (x REAL)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(DataFileError, match="the URL of a database"):
        open_storage(path)
    assert path.read_bytes() == before
