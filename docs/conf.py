"""Settings of the documentation. The build needs no network."""

import skhep_dnn

project = "skhep_dnn"
author = "the skhep_dnn developers"
copyright = "2026, the skhep_dnn developers"
version = release = skhep_dnn.__version__

extensions = [
    "matplotlib.sphinxext.plot_directive",
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build"]
templates_path = ["_templates"]
# Text in single backticks is a link where it names something documented, else code.
default_role = "py:obj"

smartquotes = False  # quotes in types are code
toc_object_entries_show_parents = "hide"

# Properties that are inherited from scikit-learn name terms of its glossary.
suppress_warnings = ["ref.term"]

autosummary_generate = True
autodoc_typehints = "none"  # the numpydoc sections carry the types
numpydoc_show_class_members = False  # the class template lists them

myst_enable_extensions = ["amsmath", "colon_fence", "dollarmath"]
myst_heading_anchors = 3

plot_formats = [("png", 120)]
plot_html_show_formats = False
plot_html_show_source_link = False
plot_rcparams = {"figure.figsize": (6.4, 4.2), "font.size": 10}
plot_apply_rcparams = True

# The pages are the scripts in examples/ with a title and cells; others are left alone.
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"plot_\w+\.py$",
    "ignore_pattern": r"^(?!plot_)",
    "within_subsection_order": "ExampleTitleSortKey",
    "capture_repr": (),
    "image_srcset": ["2x"],
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "write_computation_times": False,
    "min_reported_time": float("inf"),  # times of shared machines say little
}

# Doctests in Markdown end with a blank line before the closing fence.
highlight_options = {"python": {"stripnl": True}}

html_static_path = ["_static"]
html_css_files = ["custom.css"]
html_theme = "pydata_sphinx_theme"
html_title = f"skhep_dnn {release.split('+')[0]}"
html_show_sourcelink = False
html_theme_options = {
    "github_url": "https://github.com/skhep-dnn/skhep_dnn",
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "show_prev_next": True,
}
# Sections of one page need no navigation of their own.
html_sidebars = {
    page: []
    for page in (
        "benchmarks",
        "changelog",
        "contributing",
        "gallery/**",
        "guides/**",
        "installation",
        "study",
        "theory/**",
        "tutorials/**",
    )
}
