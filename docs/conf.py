"""The site: `make site`. Sphinx reads the repository itself: docs/, the notebooks as they were run, the code.

Nothing is copied, no notebook is run, and nothing comes from another host.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "docs")]

project = "omni_ref"
author = copyright = "the authors of omni_ref"
extensions = ["myst_nb", "site_extension"]
root_doc = "docs/index"
include_patterns = [
    "docs/*.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "notebooks/**.ipynb",
    "omni_ref/**.py",
    "tests/**.py",
    "benchmarks/*.py",
]
exclude_patterns = ["**/.*", ".*", "build", "dist"]
nitpicky = True
highlight_language = "none"

nb_execution_mode = "off"
nb_merge_streams = True
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "html_image", "substitution"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = "omni_ref"
html_static_path = ["_static"]
html_favicon = "_static/favicon.svg"
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_math_renderer = "mathml"
html_copy_source = html_show_sourcelink = html_show_sphinx = False
html_additional_pages = {"index": "redirect.html"}  # the start page is docs/index.html
templates_path = ["_templates"]
