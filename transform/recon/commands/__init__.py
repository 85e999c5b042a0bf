"""Groups of commands that are too many for ``recon.cli``."""
