"""How does a Django shop report a sale: after the commit, and not at all after a rollback?

`REDIS_URL=... python -m django runserver --pythonpath . --settings examples.django_shop`, then
`curl -X POST localhost:8000/orders/1001`. What the shop itself would test: tests/examples/test_shops.py.
"""

from __future__ import annotations

from django.db import transaction
from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from tiktok_events.django import enqueue_on_commit

SECRET_KEY = "only-for-the-example"
DEBUG = False
ALLOWED_HOSTS = ["localhost", "testserver"]
ROOT_URLCONF = __name__
USE_TZ = True
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}


@csrf_exempt
@require_POST
def pay(request: HttpRequest, number: str) -> JsonResponse:
    """Take an order's payment; `?fail` stands for everything that may go wrong afterwards."""
    with transaction.atomic():
        # ... the shop writes the order here ...
        event_id = enqueue_on_commit(
            {
                "type": "track",
                "event": "Order Completed",
                "messageId": f"order-{number}",
                "timestamp": timezone.now().isoformat(),
                "context": {"traits": {"email": request.POST.get("email", "")}},
                "properties": {"order_id": number, "currency": "EUR", "value": 46.0},
            },
            destination="stores",
        )
        if "fail" in request.GET:
            transaction.set_rollback(True)
            return JsonResponse({"paid": False}, status=402)
    return JsonResponse({"paid": True, "event_id": event_id})


urlpatterns = [path("orders/<str:number>", pay)]
