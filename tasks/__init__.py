"""When things happen: each file one plain function with explicit collaborators and one thin Celery task."""
