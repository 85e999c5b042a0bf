"""Singer tap for warehouse views on any SQLAlchemy database, and Oracle WMS Cloud; see the README beside it."""
