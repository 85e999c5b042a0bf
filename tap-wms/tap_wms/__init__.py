"""Singer tap for warehouse views on any SQLAlchemy database; see the README beside it."""
