"""How many examples are tried of what must hold for all: some in `make test`, five times as many in `make test-all`."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile(
    "some",
    max_examples=50,
    deadline=None,  # a busy machine is no finding
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("many", parent=settings.get_profile("some"), max_examples=250)
settings.load_profile("some")
