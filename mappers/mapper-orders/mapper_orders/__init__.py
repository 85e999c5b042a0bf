"""Room for the package; see the README beside it."""
