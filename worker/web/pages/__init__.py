"""Which pages are there? Each is a blueprint in a file of its own."""

from worker.web.pages import appearance, audit, dead_letters, health, overview, playground, retries, sign_in

PAGES = (
    overview.blueprint,
    retries.blueprint,
    dead_letters.blueprint,
    playground.blueprint,
    audit.blueprint,
    sign_in.blueprint,
    appearance.blueprint,
    health.blueprint,
)
