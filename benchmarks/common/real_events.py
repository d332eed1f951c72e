"""Where tests and benchmarks find real collider events.

The folder is named by the environment variable SKHEP_DNN_DATA, else it is the folder
`shared/data` beside the checkout. The package itself never needs these files.
"""

import os
from pathlib import Path

__all__ = ["data_folder", "higgsml_path"]


def data_folder() -> Path:
    """Folder of real events; it may not exist."""
    default = Path(__file__).resolve().parents[3] / "shared" / "data"
    return Path(os.environ.get("SKHEP_DNN_DATA", default))


def higgsml_path() -> Path:
    """Path of 15 000 events of the HiggsML data set; it may not exist."""
    return data_folder() / "higgsml_100000-114999.csv.gz"
