"""Run notebooks and write their outputs back in one form, so that a second run gives the same bytes.

    python tools/refresh.py notebooks/*.ipynb           # run and write
    python tools/refresh.py --check notebooks/*.ipynb   # run, write nothing, exit 1 if a notebook would change

What differs from run to run or holds what nobody reads is taken out: execution times, widget views (dead without their
kernel), tracebacks. Pictures are repainted in 256 colours: a third of the bytes.
At the end every widget is drawn again.
The figure of the cell that is tagged "thumbnail" is what docs/thumbnails shows of its notebook.
"""

import argparse
import base64
import hashlib
import io
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from PIL import Image, ImageChops

from omni_ref.files import written_whole

THUMBNAILS = Path(__file__).resolve().parents[1] / "docs" / "thumbnails"
SIZE, BORDER = (320, 160), 4  # of a thumbnail, pixels
VIEW = "application/vnd.jupyter.widget-view+json"
# issubclass(type(…)): isinstance asks a proxy for what it stands for, and that may be gone
REDRAW = """
import gc
from omni_ref.lab.widgets import LiveFigure
for figure in [thing for thing in gc.get_objects() if issubclass(type(thing), LiveFigure)]:
    figure._show(**figure.values)
"""
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"file_extension": ".py", "name": "python", "pygments_lexer": "ipython3"},
}


def opened(png: str) -> Image.Image:
    """A picture in base64."""
    return Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")


def as_png(image: Image.Image) -> bytes:
    """A picture in the bytes of a PNG file."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def repainted(image: Image.Image) -> bytes:
    """A picture in 256 colours without dithering."""
    return as_png(image.quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE))


def thumbnail(notebook: nbformat.NotebookNode) -> bytes:
    """The figure of the one cell with that tag, without its margins, small, in the middle of a white card.

    Raises ValueError if another number of cells has the tag, or the cell has no figure.
    """
    tagged = [cell for cell in notebook.cells if "thumbnail" in cell.metadata.get("tags", [])]
    if len(tagged) != 1:
        raise ValueError(f"{len(tagged)} cells are tagged thumbnail, expected 1")
    figures = [output.data["image/png"] for output in tagged[0].outputs if "image/png" in output.get("data", {})]
    if len(figures) != 1:
        raise ValueError(f"the cell tagged thumbnail has {len(figures)} figures, expected 1")
    image = opened(figures[0])
    image = image.crop(ImageChops.difference(image, Image.new("RGB", image.size, "white")).getbbox())
    image.thumbnail([length - 2 * BORDER for length in SIZE], Image.Resampling.LANCZOS)
    card = Image.new("RGB", SIZE, "white")
    card.paste(image, ((card.width - image.width) // 2, (card.height - image.height) // 2))
    return as_png(card.quantize(128, Image.Quantize.MAXCOVERAGE, kmeans=2, dither=Image.Dither.NONE))


def joined(outputs: list) -> list:
    """Outputs in normal form; prints that came in pieces become one."""
    kept = []
    for output in outputs:
        data = output.get("data", {})
        if len(data) > 1:
            data.pop(VIEW, None)
        if "image/png" in data:
            data["image/png"] = base64.b64encode(repainted(opened(data["image/png"]))).decode()
        goes_on = kept and output.output_type == kept[-1].output_type == "stream" and output.name == kept[-1].name
        if goes_on:
            kept[-1].text += output.text
        else:
            kept.append(output)
    return kept


def normalised(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook with counts 1 … N, ids that follow from the text, and only what readers need."""
    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    seen, count = set(), 0
    for cell in notebook.cells:
        name = hashlib.sha256((cell.cell_type + cell.source).encode()).hexdigest()[:8]
        while name in seen:
            name = hashlib.sha256(name.encode()).hexdigest()[:8]
        seen.add(name)
        cell.id = name
        cell.metadata = nbformat.from_dict({key: cell.metadata[key] for key in cell.metadata if key == "tags"})
        if cell.cell_type == "code":
            count += 1
            cell.execution_count = count
            cell.outputs = joined(cell.outputs)
            for output in cell.outputs:
                if output.output_type == "execute_result":
                    output.execution_count = count
    return notebook


def refresh(path: Path, check: bool) -> bool:
    """Run a notebook in its folder; True if what it gives is what is there."""
    before = path.read_text(encoding="utf8")
    notebook = nbformat.reads(before, 4)
    resources = {"metadata": {"path": str(path.parent)}}
    notebook.cells.append(nbformat.v4.new_code_cell(REDRAW))  # fails if a later cell took a name that a widget reads
    NotebookClient(notebook, timeout=300, kernel_name="python3", record_timing=False, resources=resources).execute()
    notebook.cells.pop()
    after = nbformat.writes(normalised(notebook), indent=1, ensure_ascii=False) + "\n"
    files = {path: after.encode()}
    if path.parent.name == "notebooks":
        files[THUMBNAILS / f"{path.stem[:2]}.png"] = thumbnail(notebook)
    for file, content in {} if check else files.items():
        with written_whole(file) as partial:
            partial.write_bytes(content)
    print(f"{path}: {'as it was' if after == before else 'changed'}, {len(after) / 1000:.0f} kB")
    return after == before


def main() -> None:
    """Refresh every notebook that is named; one in which a cell fails is left as it was, and exit 1 at the end."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("notebooks", nargs="+", type=Path)
    options = parser.parse_args()
    same, failed = [], []
    for path in options.notebooks:
        try:
            same.append(refresh(path, options.check))
        except (CellExecutionError, CellTimeoutError, DeadKernelError, ValueError) as error:
            failed.append(str(path))
            print(f"{path}: {error}")
    if failed:
        sys.exit(f"left as they were, for the reasons above: {', '.join(failed)}")
    sys.exit(options.check and not all(same))


if __name__ == "__main__":
    main()
