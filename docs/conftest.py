"""Pages whose code needs tools of others are read where these are installed."""

from importlib.util import find_spec

import pytest

THIRD_PARTY = [
    "category_encoders",
    "eli5",
    "feature_engine",
    "hyperopt",
    "imblearn",
    "lightgbm",
    "mapie",
    "mlflow",
    "mlxtend",
    "shap",
    "skops",
    "xgboost",
]
PAGE = "guides/other_tools.md"

collect_ignore = [] if all(map(find_spec, THIRD_PARTY)) else [PAGE]


def pytest_collection_modifyitems(items):
    """Mark the page as slow, and let its tools use what is deprecated."""
    for item in items:
        if item.path.as_posix().endswith(f"docs/{PAGE}"):
            item.add_marker(pytest.mark.slow)
            for kind in ("Deprecation", "PendingDeprecation", "Future"):
                item.add_marker(pytest.mark.filterwarnings(f"ignore::{kind}Warning"))
