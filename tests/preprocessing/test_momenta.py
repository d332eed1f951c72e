"""Which columns are momenta: by name, by position, and what is refused."""

import pytest

from skhep_dnn.datasets import make_higgs_events
from skhep_dnn.preprocessing._columns import ColumnNames
from skhep_dnn.preprocessing._momenta import find_momenta
from skhep_dnn.preprocessing._spellings import common_prefix


def found(names, cylindrical="auto", cartesian="auto", others=()):
    columns = ColumnNames(names, len(names))
    momenta = find_momenta(columns, cylindrical, cartesian, others)
    return {momentum.name: momentum.names for momentum in momenta}


def test_momenta_of_higgsml():
    events = make_higgs_events(10, random_state=0)
    momenta = found(events.feature_names)
    assert [len(names) for names in momenta.values()] == [3, 3, 2, 3, 3]
    assert list(momenta) == [
        "PRI_tau",
        "PRI_lep",
        "PRI_met",
        "PRI_jet_leading",
        "PRI_jet_subleading",
    ]
    assert momenta["PRI_met"] == ("PRI_met", "PRI_met_phi")
    declared = found(events.feature_names, events.momenta)
    assert list(declared.values()) == list(momenta.values())
    assert list(declared) == ["tau", "lep", "met", "jet_leading", "jet_subleading"]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["met_met", "met_phi"], {"met": ("met_met", "met_phi")}),
        (["met", "met_phi"], {"met": ("met", "met_phi")}),
        (["tau_pt", "tau_phi"], {"tau": ("tau_pt", "tau_phi")}),
        (["phi", "m", "eta", "pt"], {"pt": ("pt", "eta", "phi")}),
        (["a_px", "b_px", "a_py", "b_py"], {"a": ("a_px", "a_py"), "b": None}),
        (["a_pz", "a_py", "a_px"], {"a": ("a_px", "a_py", "a_pz")}),
        (["a_pt", "centrality", "DER_met_phi_centrality", "deta_jj", "theta"], {}),
    ],
)
def test_names(names, expected):
    momenta = found(names)
    assert list(momenta) == list(expected)
    for name, columns in expected.items():
        assert columns in (None, momenta[name])


@pytest.mark.parametrize(
    "kinds",
    [("pt", "eta", "phi"), ("pT", "eta", "phi"), ("Pt", "Eta", "Phi"), ("px", "Py")],
)
@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("lepton_{}", "lepton"),
        ("LEPTON_{}", "LEPTON"),
        ("Jet.{}", "Jet"),
        ("jet 1 {}", "jet 1"),
        ("lep_{}_1", "lep_1"),
        ("jet_{}[0]", "jet_0"),
        ("lep1{}", "lep1"),
        ("{}_lep", "lep"),
        ("{}_1", "1"),
        ("{}1", "1"),
        ("{}j1", "j1"),
        ("{}", ""),
    ],
)
def test_spellings(spelling, name, kinds):
    names = tuple(spelling.format(kind) for kind in kinds)
    momenta = found([*names, "mass", "y"])
    assert list(momenta.values()) == [names]
    assert common_prefix(names) == name


@pytest.mark.parametrize("kinds", [("Pt", "Eta", "Phi"), ("PT", "Eta", "Phi")])
def test_camel_case(kinds):
    names = tuple(f"lepton{kind}" for kind in kinds)
    assert found(names) == {"lepton": names}


@pytest.mark.parametrize(
    "names",
    [
        ("missing_energy_magnitude", "missing_energy_phi"),
        ("missing energy magnitude", "missing energy phi"),
        ("MET_et", "MET_phi"),
        ("met_MET", "met_Phi"),
        ("MissingET.MET", "MissingET.Phi"),
        ("MET", "MET_phi"),
        ("met", "metphi"),
        ("met", "phi_met"),
        ("METPt", "METPhi"),
    ],
)
def test_missing_momenta(names):
    assert list(found(names).values()) == [names]


def test_of_all_that_ends_in_a_number_each_is_an_object():
    names = [f"{kind}_{i}" for i in (1, 2) for kind in ("pt", "eta", "phi", "m")]
    assert list(found(names)) == ["1", "2"]
    of_jets = [f"{kind}j{i}" for i in (1, 2) for kind in ("px", "py", "pz", "m")]
    assert found(of_jets) == {"j1": tuple(of_jets[:3]), "j2": tuple(of_jets[4:7])}


def test_other_quantities_of_an_object_are_no_obstacle():
    names = ("el_pt", "el_eta", "el_phi")
    assert found([*names, "el_et", "el_magnitude", "el_E"]) == {"el": names}


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["delta_phi"], r"'delta_phi' with no delta_pt, delta, delta_met; found none"),
        (["a", "a_pt", "a_phi"], r"'a_phi' with a_pt and a;"),
        (["a_pt", "a_eta"], r"'a_eta' with no a_phi"),
        (["a_pt", "a_phi", "b_eta"], r"'b_eta' with no b_phi; found a \(a_pt, a_phi\)"),
        (["a_px", "a_pz"], r"`cartesian` must be declared.*'a_pz' with no a_py"),
        (["a_py"], r"'a_py' with no a_px"),
        (["a_pt", "phi_a"], r"'phi_a' with no pt_a, a;"),
        (["a_pt", "a_PT", "a_phi"], r"'a_phi' with a_pt and a_PT"),
        (["a_pt", "a_phi", "a_Phi"], r"'a_phi' with a_phi and a_Phi, 'a_Phi' with"),
        (["a_px", "a_Px", "a_py"], r"'a_px' with a_px and a_Px"),
        (["a_magnitude", "a_eta", "a_phi"], r"'a_eta' with no a_pt, a, a_met"),
        (["a_magnitude", "a_et", "a_phi"], r"'a_phi' with a_magnitude and a_et"),
        (["lepMomentum", "lepPhi"], r"'lepPhi' with no lepPt, lep, lepMet"),
        (["dPhi"], r"'dPhi' with no dPt"),
    ],
)
def test_ambiguous_names(names, message):
    with pytest.raises(ValueError, match=message):
        found(names)


def test_names_that_are_declared_as_something_else_are_not_looked_at():
    names = ["dphi_phi", "a_pt", "a_phi"]
    assert list(found(names, others=[0])) == ["a"]
    assert list(found(names, [("a_pt", "a_phi")])) == ["a"]
    assert found(names, None) == {}


def test_positions():
    columns = ColumnNames(None, 4)
    (momentum,) = find_momenta(columns, [(0, 2)], "auto")
    assert (momentum.columns, momentum.longitudinal) == ((0, 2), None)
    assert str(momentum) == "0 (0, 2)"
    (momentum,) = find_momenta(columns, None, [(3, 2, 1)])
    assert (momentum.columns, momentum.longitudinal) == ((3, 2, 1), 1)
    assert not momentum.cylindrical


def test_none_stands_for_the_longitudinal_component():
    names = ["a_pt", "a_phi", "b_px", "b_py"]
    declared = found(names, [("a_pt", None, "a_phi")], [("b_px", "b_py", None)])
    assert declared == {"a": ("a_pt", "a_phi"), "b": ("b_px", "b_py")}


@pytest.mark.parametrize(
    ("cylindrical", "cartesian"),
    [
        ([("a", "b", None)], None),
        ([(None, "a", "b")], None),
        ([("a", None)], None),
        (None, [("a", None, "b")]),
        (None, [(None, "a", "b")]),
    ],
)
def test_none_elsewhere(cylindrical, cartesian):
    with pytest.raises(ValueError, match="must hold the columns"):
        found(["a", "b"], cylindrical, cartesian)


@pytest.mark.parametrize(
    ("cylindrical", "error", "message"),
    [
        ([("a_pt", "c")], ValueError, r"be columns.*got 'c'.*the names \['a_pt'"),
        ([(0, 7)], ValueError, r"must be columns of `X`.*got 7"),
        ([(0, -1)], ValueError, r"must be columns of `X`.*got -1"),
        ([(0, True)], TypeError, r"names or positions, got True"),
        ([(0, 1.5)], TypeError, r"names or positions, got 1.5"),
        ([(0,)], ValueError, r"must hold the columns \(pt, eta, phi\) or \(pt, phi\)"),
        (["a_pt"], TypeError, r"must hold the columns"),
        ([3], TypeError, r"must hold the columns"),
        ("all", TypeError, r"must hold the columns.*got 'all'"),
        ([(0, 1), (0, 2)], ValueError, r"declared once, got \['a_pt'\]"),
    ],
)
def test_wrong_declarations(cylindrical, error, message):
    with pytest.raises(error, match=message):
        found(["a_pt", "a_phi", "b"], cylindrical)


def test_declared_twice_in_different_ways():
    with pytest.raises(ValueError, match=r"declared once, got \['b'\]"):
        found(["a", "b"], [("a", "b")], others=[1])
    with pytest.raises(ValueError, match=r"declared once, got \['a', 'b'\]"):
        found(["a", "b"], [("a", "b")], [("a", "b")])


def test_names_need_names():
    with pytest.raises(ValueError, match=r"got 'a'\. The columns have no names and"):
        find_momenta(ColumnNames(None, 3), [("a", "b")], None)


@pytest.mark.parametrize(
    ("names", "prefix"),
    [
        (["tau_pt", "tau_phi"], "tau"),
        (["met", "met_phi"], "met"),
        (["x0", "x1"], "x0"),
        (["a_pt", "b_phi"], "a_pt"),
        (["pt", "phi"], ""),
    ],
)
def test_common_prefix(names, prefix):
    assert common_prefix(names) == prefix
