"""Terraform's calls, answered: protocol messages in, protocol messages out. The rules are in the other modules."""

from __future__ import annotations

import json
import os
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

from . import handshake, provider, schema, values
from .checking import Problem
from .cloud import Refusal
from .proto import pb

THREADS = 32  # Terraform itself walks ten resources at once; calls of a stopped walk may linger
MESSAGE_LIMIT = 256 * 1024 * 1024  # bytes, Terraform's own


def server(name: str) -> grpc.Server:
    """A gRPC server for one provider, ready to be given an address."""
    options = [("grpc.max_receive_message_length", MESSAGE_LIMIT), ("grpc.max_send_message_length", MESSAGE_LIMIT)]
    made = grpc.server(ThreadPoolExecutor(THREADS), options=options)
    made.add_generic_rpc_handlers(
        (
            grpc.method_handlers_generic_handler("tfplugin5.Provider", _handlers(Service(name))),
            grpc.method_handlers_generic_handler("plugin.GRPCController", {"Shutdown": _shutdown()}),
            grpc.method_handlers_generic_handler("plugin.GRPCStdio", {"StreamStdio": _stdio()}),
        )
    )
    return made


class Service:
    """The calls of one provider process. Each takes the request and fills and returns the response."""

    def __init__(self, name: str) -> None:
        self.provider = provider.Provider(name)

    def get_schema(self, _request: Any, _response: Any) -> Any:
        return self.provider.schemas.message()

    def prepare_provider_config(self, request: Any, response: Any) -> Any:
        response.prepared_config.CopyFrom(request.config)
        _report(response, self.provider.check_config(_value(request.config)))
        return response

    def configure(self, request: Any, response: Any) -> Any:
        _report(response, self.provider.configure(_value(request.config)))
        return response

    def validate_resource_type_config(self, request: Any, response: Any) -> Any:
        _report(response, self.provider.check(request.type_name, _value(request.config)))
        return response

    def validate_data_source_config(self, _request: Any, response: Any) -> Any:
        return response

    def upgrade_resource_state(self, request: Any, response: Any) -> Any:
        """Bring stored state into the current schema; it is called for every stored object."""
        stored = json.loads(request.raw_state.json or b"null")
        block = self.provider.schemas.resource(request.type_name)
        response.upgraded_state.msgpack = values.encode(None if stored is None else schema.conform(block, stored))
        return response

    def read_resource(self, request: Any, response: Any) -> Any:
        response.private = request.private
        state = _value(request.current_state)
        live = self.provider.read(request.type_name, state)
        response.new_state.msgpack = values.encode(live)
        return response

    def plan_resource_change(self, request: Any, response: Any) -> Any:
        prior, proposed = _value(request.prior_state), _value(request.proposed_new_state)
        response.planned_private = request.prior_private
        response.legacy_type_system = is_legacy()
        if proposed is None:
            response.planned_state.msgpack = values.encode(None)
            return response
        plan, replaced = self.provider.plan(request.type_name, prior, proposed)
        response.planned_state.msgpack = values.encode(plan)
        for path in replaced:
            _add_steps(response.requires_replace.add(), path)
        return response

    def apply_resource_change(self, request: Any, response: Any) -> Any:
        response.private = request.planned_private
        response.legacy_type_system = is_legacy()
        prior, plan = _value(request.prior_state), _value(request.planned_state)
        new, problems = self.provider.apply(request.type_name, prior, plan)
        response.new_state.msgpack = values.encode(new)
        _report(response, problems)
        return response

    def import_resource_state(self, request: Any, response: Any) -> Any:
        """Only the id is filled in; Terraform then reads the object."""
        state = self.provider.imported(request.type_name, request.id)
        added = response.imported_resources.add(type_name=request.type_name)
        added.state.msgpack = values.encode(state)
        return response

    def read_data_source(self, request: Any, response: Any) -> Any:
        found = self.provider.read_data(request.type_name, _value(request.config))
        response.state.msgpack = values.encode(found)
        return response

    def stop(self, _request: Any, response: Any) -> Any:
        self.provider.stop()
        return response


CALLS: dict[str, tuple[Any, Callable[[Service, Any, Any], Any]]] = {
    "GetSchema": (pb.GetProviderSchema, Service.get_schema),
    "PrepareProviderConfig": (pb.PrepareProviderConfig, Service.prepare_provider_config),
    "Configure": (pb.Configure, Service.configure),
    "ValidateResourceTypeConfig": (pb.ValidateResourceTypeConfig, Service.validate_resource_type_config),
    "ValidateDataSourceConfig": (pb.ValidateDataSourceConfig, Service.validate_data_source_config),
    "UpgradeResourceState": (pb.UpgradeResourceState, Service.upgrade_resource_state),
    "ReadResource": (pb.ReadResource, Service.read_resource),
    "PlanResourceChange": (pb.PlanResourceChange, Service.plan_resource_change),
    "ApplyResourceChange": (pb.ApplyResourceChange, Service.apply_resource_change),
    "ImportResourceState": (pb.ImportResourceState, Service.import_resource_state),
    "ReadDataSource": (pb.ReadDataSource, Service.read_data_source),
    "Stop": (pb.Stop, Service.stop),
}


def is_legacy() -> bool:
    """Both real providers are built on the SDK that the protocol calls legacy; off, Terraform checks us strictly."""
    return os.environ.get("SKYVEND_STANDIN_STRICT") != "1"


def _handlers(service: Service) -> dict[str, grpc.RpcMethodHandler[Any, Any]]:
    return {
        name: grpc.unary_unary_rpc_method_handler(
            _answering(call, service, messages.Response),
            request_deserializer=messages.Request.FromString,
            response_serializer=lambda message: message.SerializeToString(),
        )
        for name, (messages, call) in CALLS.items()
    }


def _answering(
    call: Callable[[Service, Any, Any], Any], service: Service, response: Any
) -> Callable[[Any, grpc.ServicerContext], Any]:
    def answer(request: Any, context: grpc.ServicerContext) -> Any:
        try:
            return call(service, request, response())
        except Refusal as refused:
            failed = response()
            _report(failed, [Problem(refused.message)])
            return failed
        except Exception:  # noqa: BLE001 - the border: Terraform shows the text, without it only "Plugin error"
            context.abort(grpc.StatusCode.INTERNAL, traceback.format_exc())

    return answer


def _shutdown() -> grpc.RpcMethodHandler[Any, Any]:
    def answer(_request: Any, _context: grpc.ServicerContext) -> Any:
        handshake.quit_soon()
        return pb.Empty()

    return grpc.unary_unary_rpc_method_handler(
        answer, request_deserializer=pb.Empty.FromString, response_serializer=pb.Empty.SerializeToString
    )


def _stdio() -> grpc.RpcMethodHandler[Any, Any]:
    def nothing(_request: Any, _context: grpc.ServicerContext) -> Iterator[Any]:
        return iter(())

    return grpc.unary_stream_rpc_method_handler(
        nothing, request_deserializer=pb.Empty.FromString, response_serializer=pb.Empty.SerializeToString
    )


def _value(dynamic: Any) -> Any:
    return json.loads(dynamic.json) if dynamic.json else values.decode(dynamic.msgpack)


def _report(response: Any, problems: list[Problem]) -> None:
    for problem in problems:
        added = response.diagnostics.add(summary=problem.summary, detail=problem.detail)
        added.severity = pb.Diagnostic.WARNING if problem.is_warning else pb.Diagnostic.ERROR
        if problem.path:
            _add_steps(added.attribute, problem.path)


def _add_steps(message: Any, path: tuple[str | int, ...]) -> None:
    for step in path:
        if isinstance(step, int):
            message.steps.add(element_key_int=step)
        else:
            message.steps.add(attribute_name=step)
