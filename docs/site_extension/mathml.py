"""Formulas as MathML, which every browser draws by itself: no script, no font."""

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx


def _inline(writer, node: nodes.math) -> None:
    writer.body.append(convert(node.astext()))
    raise nodes.SkipNode


def _block(writer, node: nodes.math_block) -> None:
    writer.body.append(f'<div class="formula">{convert(node.astext(), display="block")}</div>')
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    """Called by Sphinx. Each visit skips its node, so that the second function, for leaving it, is never called."""
    app.add_html_math_renderer("mathml", (_inline, _inline), (_block, _block))
