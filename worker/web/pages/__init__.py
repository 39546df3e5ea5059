"""Which pages are there? Each is a blueprint in a file of its own."""

from worker.web.pages import appearance, audit, health, overview, sign_in

PAGES = (
    overview.blueprint,
    audit.blueprint,
    sign_in.blueprint,
    appearance.blueprint,
    health.blueprint,
)
