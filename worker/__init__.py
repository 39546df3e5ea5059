"""How events move: everything that touches Redis, HTTP, Sentry or the clock."""
