"""What is wrong with a body, and in which words does TikTok say so? (reference 1.6)

A complaint names the place and the rule, never the value.
"""

from dataclasses import dataclass
from typing import Final, Literal, get_args

# How a message names the event at fault. None of these is guaranteed by TikTok, so a client must live with
# each:
#   data.N.       data.3.event_time
#   Batch.N.      Batch.3.event_time (and the legacy wording)
#   data[N].      data[3].event_time
#   none          event_time: the client has to find the event by halving
#   out_of_range  data.<more than there are>.event_time
#   documented    data.N. on event/track/, Batch.N. on offline/batch/
IndexForm = Literal["documented", "data.N.", "Batch.N.", "data[N].", "none", "out_of_range"]
INDEX_FORMS: Final[tuple[str, ...]] = get_args(IndexForm)


@dataclass(frozen=True, slots=True)
class Complaint:
    """One broken rule and the path of the member that breaks it."""

    rule: str
    path: str = ""
    code: int = 40002

    def under(self, parent: str) -> "Complaint":
        """Returns the same complaint seen from one level up."""
        path = f"{parent}.{self.path}" if self.path else parent
        return Complaint(self.rule, path, self.code)

    def message(self, prefix: str = "") -> str:
        """Returns the message for the reply; ``prefix`` is the path of the event, with its last dot."""
        path = (prefix + self.path).rstrip(".") or "the event"
        if self.code == BAD_PRICE.code:
            return self.rule  # seen in the wild without any path
        if self.rule == MISSING.rule:
            return f"Missing required field(s): {path}."
        if prefix.startswith("Batch."):
            return f"{path}: {self.rule[0].upper()}{self.rule[1:]}"
        return f"Invalid value for {path}: {self.rule}."


MISSING: Final = Complaint("missing")
BAD_PRICE: Final = Complaint("Invalid Price Field", code=40000)


def index_prefix(form: IndexForm, index: int, *, count: int, member: str) -> str:
    """Returns how a message names the event at ``index`` of ``count`` in the body's list ``member``."""
    if form == "documented":
        form = "Batch.N." if member == "batch" else "data.N."
    if form == "none":
        return ""
    if form == "out_of_range":
        return f"data.{count + index}."
    return form.replace("N", str(index))
