"""Which pages are there? Each is a blueprint in a file of its own."""

from worker.web.pages import appearance, audit, health, metrics, overview, sign_in

PAGES = (
    overview.blueprint,
    audit.blueprint,
    sign_in.blueprint,
    appearance.blueprint,
    health.blueprint,
    metrics.blueprint,
)

OF_MACHINES = (health.blueprint, metrics.blueprint)
"""Those that stay where no page is shown."""
