"""The HiggsML file: real events, parts of it, and everything that is refused."""

import gzip
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from skhep_dnn.datasets import fetch_higgsml
from skhep_dnn.exceptions import DataFileError, SkhepDNNError

FULL = {"s": 691.988607711987, "b": 410_999.847321811}


@pytest.fixture
def write(small_file, tmp_path):
    def write_csv(frame, name="events.csv"):
        frame.to_csv(tmp_path / name, index=False)
        return tmp_path / name

    return write_csv


def class_sums(events):
    weights, labels = events.sample_weight, events.target
    return {label: weights[labels == label].sum() for label in ("s", "b")}


def test_real_part(higgsml_file):
    events = fetch_higgsml("train", path=higgsml_file)
    assert events.data.shape == (15_000, 30)
    assert list(events.data) == events.feature_names
    assert events.feature_names == events.derived + events.primitive
    assert (len(events.derived), len(events.primitive)) == (13, 17)
    assert events.event_number.dtype == np.int64
    np.testing.assert_array_equal(events.event_number, np.arange(100_000, 115_000))
    assert set(events.target) == {"s", "b"}
    sums = class_sums(events)
    assert sums["s"] == pytest.approx(43.094366, rel=1e-6)
    assert sums["b"] == pytest.approx(24_538.139705, rel=1e-9)
    assert events.weight_name == "KaggleWeight"


def test_real_undefined_values(higgsml_file):
    data = fetch_higgsml("train", path=higgsml_file).data
    assert not (data == -999.0).to_numpy().any()
    assert data["DER_mass_MMC"].isna().mean() == pytest.approx(0.15, abs=0.01)
    assert data["PRI_jet_num"].dtype == np.int64
    no_jet = data["PRI_jet_num"] == 0
    assert (data["PRI_jet_leading_pt"].isna() == no_jet).all()
    assert (data["DER_mass_jet_jet"].isna() == (data["PRI_jet_num"] < 2)).all()


def test_real_part_states_its_share(higgsml_file):
    events = fetch_higgsml("train", path=higgsml_file)
    assert events.share == 15_000 / 250_000
    assert events.n_events_full == 250_000
    sums = class_sums(events)
    for label, total in FULL.items():
        assert events.class_share[label] == pytest.approx(sums[label] / total)
    assert "15000 of 250000 events" in events.DESCR


def test_real_part_rescaled_per_class(higgsml_file):
    raw = fetch_higgsml("train", path=higgsml_file)
    events = fetch_higgsml("train", path=higgsml_file, rescale=True)
    assert class_sums(events) == pytest.approx(FULL, rel=1e-12)
    assert events.class_share == raw.class_share
    np.testing.assert_array_equal(events.frame["KaggleWeight"], events.sample_weight)
    ratio = events.sample_weight / raw.sample_weight
    assert np.ptp(ratio[events.target == "s"]) < 1e-9
    assert "rescaled to the full yields" in events.DESCR


def test_real_part_counted_within_the_whole_file(higgsml_file):
    events = fetch_higgsml("all", path=higgsml_file)
    assert events.weight_name == "Weight"
    assert events.n_events_full == 818_238
    assert class_sums(events)["s"] == pytest.approx(13.22857, rel=1e-5)


def test_share_is_logged(higgsml_file, caplog):
    with caplog.at_level("INFO"):
        fetch_higgsml("train", path=higgsml_file)
    assert "15000 of 250000 events" in caplog.text


def test_folder_in_the_environment(higgsml_file, monkeypatch):
    monkeypatch.setenv("SKHEP_DNN_DATA", str(higgsml_file.parent))
    events = fetch_higgsml("train", download_if_missing=False)
    assert len(events.data) == 15_000


def test_folder_in_the_environment_takes_the_file_s_own_name_first(
    write, small_events, monkeypatch, tmp_path
):
    write(small_events.iloc[:150], "atlas-higgs-challenge-2014-v2.csv")
    write(small_events.iloc[:100], "higgsml_part.csv")
    monkeypatch.setenv("SKHEP_DNN_DATA", str(tmp_path))
    assert len(fetch_higgsml("train").data) == 150


def test_folder_in_the_environment_is_not_guessed(
    write, small_events, monkeypatch, tmp_path
):
    monkeypatch.setenv("SKHEP_DNN_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="must have a file named like"):
        fetch_higgsml()
    for name in ("higgsml_1.csv", "higgsml_2.csv"):
        write(small_events, name)
    with pytest.raises(DataFileError, match="must have one file"):
        fetch_higgsml()


@pytest.mark.parametrize(
    ("subset", "n_events", "weight"),
    [
        ("train", 200, "KaggleWeight"),
        ("public", 80, "KaggleWeight"),
        ("private", 300, "KaggleWeight"),
        ("unused", 20, "KaggleWeight"),
        ("all", 600, "Weight"),
    ],
)
def test_subsets_of_a_complete_file(write, small_events, subset, n_events, weight):
    events = fetch_higgsml(subset, path=write(small_events))
    assert len(events.data) == n_events
    assert events.share == 1.0
    assert events.weight_name == weight
    assert class_sums(events) == pytest.approx(FULL)
    chosen = small_events["EventId"].isin(events.event_number)
    np.testing.assert_allclose(events.sample_weight, small_events[weight][chosen])


def test_compressed_and_plain_files_agree(write, small_events, small_file, tmp_path):
    (tmp_path / "events.csv.gz").write_bytes(small_file)
    plain = fetch_higgsml("all", path=write(small_events))
    compressed = fetch_higgsml("all", path=str(tmp_path / "events.csv.gz"))
    assert plain.frame.equals(compressed.frame)


def test_unverified_sums_of_the_unused_events(write, small_events):
    frame = small_events.copy()
    frame.loc[frame["KaggleSet"] == "u", "KaggleWeight"] *= 0.3
    events = fetch_higgsml("unused", path=write(frame))
    assert events.class_share == pytest.approx({"s": 0.3, "b": 0.3})
    rescaled = fetch_higgsml("unused", path=write(frame), rescale=True)
    assert class_sums(rescaled) == pytest.approx(FULL)


def changed(frame, row, column, value):
    frame = frame.astype({column: object})
    frame.loc[row, column] = value
    return frame


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="DER_pt_h"), r"34 columns without \['DER_pt_h'\]"),
        (lambda f: f.iloc[:0], "must contain events"),
        (lambda f: pd.concat([f, f.iloc[:1]]), "must occur once, got 1 repeated"),
        (lambda f: changed(f, 0, "EventId", 7), "1 others, the first one 7"),
        (lambda f: changed(f, 0, "Label", "x"), r"`Label` must be .*\['x'\]"),
        (lambda f: changed(f, 0, "KaggleSet", "q"), r"`KaggleSet` must be .*\['q'\]"),
        (lambda f: changed(f, 0, "PRI_met", "?"), "cannot be read"),
        (lambda f: changed(f, 0, "PRI_met", None), r"gaps in \['PRI_met'\]"),
        (lambda f: changed(f, 0, "Weight", -1.0), "`Weight` must be positive"),
        (lambda f: changed(f, 0, "KaggleSet", "b"), "at most 80 events, got 81"),
        (
            lambda f: changed(f.iloc[:150], 3, "KaggleWeight", 1.0),
            r"another ratio for 1 events, the first one 100003\.",
        ),
        (
            lambda f: f.assign(KaggleWeight=f["KaggleWeight"] * 0.999),
            "`KaggleWeight` of class 's' in subset 'train' must sum to 691.989",
        ),
        (
            lambda f: f.assign(Weight=f["Weight"] * 1.001),
            "`Weight` of class 's' in subset 'all' must sum to 691.989",
        ),
        (
            lambda f: f.iloc[:150].assign(KaggleWeight=f["KaggleWeight"] * 5),
            "must sum to at most 691.989",
        ),
    ],
)
def test_wrong_content_is_refused(write, small_events, change, message):
    path = write(change(small_events))
    with pytest.raises(DataFileError, match=message) as caught:
        fetch_higgsml("train", path=path)
    assert str(path) in str(caught.value)
    assert "Pass an undamaged copy" in str(caught.value)
    assert isinstance(caught.value, (SkhepDNNError, ValueError))


def test_sums_within_the_tolerance_are_accepted(write, small_events):
    frame = small_events.assign(KaggleWeight=small_events["KaggleWeight"] * 1.00005)
    assert fetch_higgsml("train", path=write(frame)).share == 1.0


def test_truncated_local_file_is_refused(small_file, tmp_path):
    path = tmp_path / "events.csv.gz"
    path.write_bytes(small_file[: len(small_file) // 2])
    with pytest.raises(DataFileError, match="cannot be read"):
        fetch_higgsml("train", path=path)


def test_plain_text_under_a_compressed_name_is_refused(tmp_path):
    path = tmp_path / "events.csv.gz"
    path.write_text("EventId\n1\n")
    with pytest.raises(DataFileError, match="cannot be read"):
        fetch_higgsml("train", path=path)
    path.write_bytes(gzip.compress(b"\xff\xfe\x00"))
    with pytest.raises(DataFileError, match="cannot be read"):
        fetch_higgsml("train", path=path)


def test_subset_without_events_is_refused(write, small_events):
    with pytest.raises(DataFileError, match=r"'private' must have .*\{'t': 200"):
        fetch_higgsml("private", path=write(small_events.iloc[:200]))


def test_rescaling_needs_both_classes(write, small_events):
    background = small_events[small_events["Label"] == "b"]
    events = fetch_higgsml("train", path=write(background))
    assert events.class_share["s"] == 0.0
    with pytest.raises(DataFileError, match="got none of class 's'"):
        fetch_higgsml("train", path=write(background), rescale=True)


def test_unknown_subset():
    with pytest.raises(ValueError, match=r"`subset` must be one of .*'test'"):
        fetch_higgsml("test")


@pytest.mark.parametrize("subset", [["train"], 1000, None])
def test_subsets_of_another_kind(subset):
    with pytest.raises(ValueError, match=r"`subset` must be one of .*Choose one"):
        fetch_higgsml(subset)


@pytest.mark.parametrize(
    "path",
    [
        "higgs.csv.gz",
        "data/higgs",
        Path("higgs"),
        Path(__file__),
        str(Path(__file__).parent),
    ],
)
def test_a_path_that_is_passed_as_a_subset(path):
    message = rf"`path={re.escape(repr(str(path)))}`, and a folder as `data_home`"
    with pytest.raises(ValueError, match=message):
        fetch_higgsml(path)


def test_path_must_exist(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"`path` must be a file.*`data_home`"):
        fetch_higgsml(path=tmp_path)
    with pytest.raises(FileNotFoundError, match=r"`path` must be a file.*Correct the"):
        fetch_higgsml(path=tmp_path / "other.csv")
