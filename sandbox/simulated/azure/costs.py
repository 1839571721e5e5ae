"""Cost Management's query: rows by position, columns beside them, further pages by a link that is posted to again.

Source: Azure REST API reference, Cost Management, Query - Usage.
"""

from __future__ import annotations

import re
from typing import Any

from werkzeug.wrappers import Request

from sandbox.simulated import bill
from sandbox.simulated.cloud import Caller
from sandbox.simulated.errors import CloudFault
from sandbox.simulated.store import Store

QUERY = re.compile(r"/subscriptions/[^/]+/providers/microsoft\.costmanagement/query", re.IGNORECASE)
READ = "Microsoft.CostManagement/query/read"
COLUMNS = [
    {"name": "Cost", "type": "Number"},
    {"name": "UsageDate", "type": "Number"},
    {"name": "TagKey", "type": "String"},
    {"name": "TagValue", "type": "String"},
    {"name": "ServiceName", "type": "String"},
    {"name": "Currency", "type": "String"},
]


def answer(store: Store, caller: Caller, request: Request) -> dict[str, Any]:
    """Raises ``CloudFault`` where the application may not read costs."""
    if READ in caller.denied:
        raise CloudFault(403, "RBACAccessDenied", f"The client does not have authorization to perform {READ}.")
    asked: dict[str, Any] = request.get_json(force=True)
    first, last = (asked["timePeriod"][name][:10] for name in ("from", "to"))
    tag = next(each["name"] for each in asked["dataset"]["grouping"] if each["type"] == "TagKey")
    rows = bill.between(store.setting(f"bill:{caller.scope}", []), first, last)
    sums = sorted(bill.summed(rows, "day", f"tag:{tag}", "service").items())
    shown, token = bill.page(sums, request.args.get("$skiptoken", ""))
    link = f"{request.base_url}?api-version={request.args['api-version']}&$skiptoken={token}" if token else None
    written = [
        [float(cost), int(day.replace("-", "")), tag if value else None, value or None, service, "USD"]
        for (day, value, service), cost in shown
    ]
    return {
        "id": f"subscriptions/{caller.scope}/providers/Microsoft.CostManagement/query/1",
        "name": "1",
        "type": "Microsoft.CostManagement/query",
        "properties": {"nextLink": link, "columns": COLUMNS, "rows": written},
    }
