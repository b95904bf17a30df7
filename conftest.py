"""For every run of pytest here, that of the notebooks included; what is for the tests alone is in tests/conftest.py."""

import os
import tempfile


def pytest_configure(config):
    if "PYTEST_XDIST_WORKER" in os.environ:  # kernels of several processes would share one history
        folder = tempfile.TemporaryDirectory()
        config.add_cleanup(folder.cleanup)
        os.environ["IPYTHONDIR"] = folder.name


def pytest_collection_modifyitems(items):
    for item in items:  # nbval waits 5 s, hard coded, for output after a cell ends: too short on a busy machine
        if hasattr(item, "output_timeout"):
            item.output_timeout = 120
