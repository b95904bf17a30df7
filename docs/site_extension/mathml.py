"""Formulas as MathML, which every browser draws by itself: no script, no font."""

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx


def _markup(tex: str, as_block: bool) -> str:
    return tex2mathml(tex.replace(r"\dots", r"\ldots"), as_block)


def _inline(writer, node: nodes.math) -> None:
    writer.body.append(_markup(node.astext(), as_block=False))
    raise nodes.SkipNode


def _block(writer, node: nodes.math_block) -> None:
    writer.body.append(f'<div class="formula">{_markup(node.astext(), as_block=True)}</div>')
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    """Called by Sphinx. Leaving a node is never called, since both visits skip."""
    app.add_html_math_renderer("mathml", (_inline, _inline), (_block, _block))
