"""Who may come in by HTTP, and what for?"""

from worker.access.access import SCOPES, Access
from worker.access.tokens import AccessTokens, Issued, IssueError, Record

__all__ = ["SCOPES", "Access", "AccessTokens", "IssueError", "Issued", "Record"]
