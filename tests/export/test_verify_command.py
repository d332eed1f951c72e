"""The verification from the command line: what it prints, and its exit status."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from skhep_dnn.datasets import make_gaussian_events
from skhep_dnn.ensemble import CrossFitClassifier
from skhep_dnn.export import Manifest, make_manifest
from skhep_dnn.export.verify import main

EVENTS = make_gaussian_events(300, random_state=0)
X = EVENTS.data.assign(run=np.arange(300) % 4, event=np.arange(300))
Y, W = EVENTS.target, np.abs(EVENTS.sample_weight)
TABLE = X.assign(kind=Y, weight=EVENTS.sample_weight)
FEATURES = X.columns[:-2]


@pytest.fixture
def folder(tmp_path):
    """An export of folds, one of a single model, and files of events."""
    folds = CrossFitClassifier(LogisticRegression(), event_number=["run", "event"])
    single = LogisticRegression().fit(X[FEATURES], Y)
    for name, model, table, numbers in [
        ("folds.bin", folds.fit(X, Y, W), X, None),
        ("single.bin", single, X[FEATURES], X[["run", "event"]]),
    ]:
        path = tmp_path / name
        path.write_bytes(b"exported")
        make_manifest(model, path, table, y=Y, event_number=numbers).write(path)
    TABLE.to_csv(tmp_path / "events.csv", index=False)
    TABLE[:100].to_parquet(tmp_path / "part.parquet")
    TABLE.assign(event=TABLE["event"] + 1000).to_parquet(tmp_path / "new.parquet")
    return tmp_path


def test_as_a_command(folder):
    run = subprocess.run(
        [
            *[sys.executable, "-W", "error", "-m", "skhep_dnn.export.verify"],
            *[str(folder / "folds.bin"), "--data", str(folder / "events.csv")],
            *["--label", "kind", "--weight", "weight", "--training"],
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.stderr == ""
    assert run.returncode == 0
    assert "passed       table: the training events of the manifest" in run.stdout
    assert run.stdout.endswith("checks passed\n")


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (["folds.bin"], 0, "not checked  events: none were passed"),
        (["folds.bin", "--data", "part.parquet", "new.parquet"], 0, "100 of 400"),
        (
            ["folds.bin", "--data", "part.parquet", "--training"],
            1,
            "failed       table",
        ),
        (
            ["single.bin", "--data", "new.parquet", "--event-number", "run,event"],
            0,
            "none of 300 events",
        ),
        (
            ["single.bin", "--data", "part.parquet", "--event-number", "run,event"],
            1,
            "row",
        ),
        (["folds.bin", "--sha256", "0" * 64], 1, "expected 0000"),
    ],
)
def test_status_and_lines(folder, monkeypatch, capsys, arguments, status, told):
    monkeypatch.chdir(folder)
    assert main(arguments) == status
    captured = capsys.readouterr()
    assert told in captured.out
    assert captured.err == ""


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nothing.bin"], "must be an exported file, got 'nothing.bin'"),
        (["folds.bin", "--data", "nothing.csv"], "nothing.csv"),
        (["folds.bin", "--data", "events.txt"], "The suffix of a file must be one of"),
        (["folds.bin", "--data", "broken.parquet"], "Parquet"),
        (["folds.bin", "--data", "events.csv", "--label", "z"], "got ['z']"),
        (["single.bin", "--data", "events.csv"], "`event_number` must be passed"),
        (
            ["single.bin", "--data", "events.csv", "--event-number", "run,e"],
            "`--event-number` must name columns of the data, got ['e']",
        ),
    ],
)
def test_what_cannot_be_read(folder, monkeypatch, capsys, arguments, told):
    monkeypatch.chdir(folder)
    (folder / "broken.parquet").write_bytes(b"PAR1 and no more")
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert told in captured.err
    assert captured.out == ""


def test_a_manifest_that_was_changed_is_a_failure(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    place = folder / "folds.bin.manifest.json"
    place.write_text(place.read_text().replace("hash", "haste", 1))
    assert main(["folds.bin", "--data", "events.csv"]) == 1
    assert "failed       manifest" in capsys.readouterr().out
    with pytest.raises(ValueError, match="it was changed"):
        Manifest.read(folder / "folds.bin")


def test_wrong_arguments_end_with_two(capsys):
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 2
    assert "MODEL" in capsys.readouterr().err
