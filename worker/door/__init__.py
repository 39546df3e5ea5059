"""How do events come in by HTTP?"""

from worker.door.body import MAX_BODY_BYTES
from worker.door.door import blueprint

__all__ = ["MAX_BODY_BYTES", "blueprint"]
