"""What does a person see and do in a browser?"""

from worker.web.app import create_app
from worker.web.settings import TrustedProxy, WebSettings

__all__ = ["TrustedProxy", "WebSettings", "create_app"]
