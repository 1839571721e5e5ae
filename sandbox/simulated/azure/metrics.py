"""Azure Monitor's answer to many machines at once.

Source: Azure Monitor REST API reference, Metrics Batch (2024-02-01).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from werkzeug.wrappers import Request

from sandbox.simulated.cloud import Caller
from sandbox.simulated.errors import CloudFault
from sandbox.simulated.metrics import Recorded, parsed, recorded, written
from sandbox.simulated.store import Store

ACTION = "Microsoft.Insights/metrics/read"
UNITS = {
    "Percentage CPU": "Percent",
    "Available Memory Percentage": "Percent",
    "Network In Total": "Bytes",
    "Network Out Total": "Bytes",
}
AT_MOST = 50  # machines
GRAINS = {"PT1M": 60, "PT5M": 300, "PT15M": 900, "PT1H": 3600}  # seconds


def answer(store: Store, caller: Caller, request: Request) -> dict[str, Any]:
    """Raises ``CloudFault``."""
    if ACTION in caller.denied:
        raise CloudFault(403, "AuthorizationFailed", f"The client does not have authorization to perform '{ACTION}'.")
    names, grain = request.args["metricnames"].split(","), request.args["interval"]
    for name in names:
        if name not in UNITS:
            raise CloudFault(400, "BadRequest", f"Failed to find metric configuration for metric: {name}")
    ids = request.get_json(force=True)["resourceids"]
    if len(ids) > AT_MOST or grain not in GRAINS:
        raise CloudFault(400, "BadRequest", "Too many resources, or no such time grain.")
    return {"values": [_of_machine(store, id_, names, request) for id_ in ids]}


def _of_machine(store: Store, id_: str, names: list[str], request: Request) -> dict[str, Any]:
    return {
        "starttime": request.args["starttime"],
        "endtime": request.args["endtime"],
        "interval": request.args["interval"],
        "namespace": request.args["metricnamespace"],
        "resourceregion": "westeurope",
        "resourceid": id_,
        "value": [_metric(store, id_, name, request) for name in names],
    }


def _metric(store: Store, id_: str, name: str, request: Request) -> dict[str, Any]:
    first, last = parsed(request.args["starttime"]), parsed(request.args["endtime"])
    every = timedelta(seconds=GRAINS[request.args["interval"]])
    wanted = {word.lower() for word in request.args["aggregation"].split(",")}
    found = recorded(store, id_, name, first=first, last=last, every=every)
    return {
        "id": f"{id_}/providers/Microsoft.Insights/metrics/{name}",
        "type": "Microsoft.Insights/metrics",
        "name": {"value": name, "localizedValue": name},
        "displayDescription": name,
        "unit": UNITS[name],
        "timeseries": [{"metadatavalues": [], "data": [_value(each, wanted) for each in found]}] if found else [],
        "errorCode": "Success",
    }


def _value(found: Recorded, wanted: set[str]) -> dict[str, Any]:
    known = {
        "average": found.average,
        "minimum": min(found.values),
        "maximum": max(found.values),
        "total": sum(found.values),
    }
    return {"timeStamp": written(found.at), **{name: value for name, value in known.items() if name in wanted}}
