"""What the site needs beyond Sphinx, myst-nb and furo: pages of code, generated tables, words for what is shown."""

from sphinx.application import Sphinx

from . import code_pages, links, mathml, notebook_pages, reference


def setup(app: Sphinx) -> dict:
    """Called by Sphinx."""
    for part in (code_pages, links, mathml, notebook_pages, reference):
        part.setup(app)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
