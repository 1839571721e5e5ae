"""The protocol's messages, built from the compiled tfplugin5_min.proto: generated code needs no place here."""

from pathlib import Path
from types import SimpleNamespace

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

COMPILED = Path(__file__).resolve().parent / "tfplugin5_min.binpb"


def messages() -> SimpleNamespace:
    """Every top-level message class by its name."""
    found = descriptor_pb2.FileDescriptorSet.FromString(COMPILED.read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for file in found.file:
        pool.Add(file)
    names = [(file.package, message.name) for file in found.file for message in file.message_type]
    return SimpleNamespace(
        **{
            name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}"))
            for package, name in names
        }
    )


pb = messages()
