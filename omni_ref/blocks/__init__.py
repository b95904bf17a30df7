"""The pieces the four components are built from: one idea a file."""
