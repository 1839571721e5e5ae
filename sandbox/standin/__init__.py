"""Stand-in Terraform providers: the true schemas of azurerm and google over a simulated cloud.

The folder is self-contained and is copied beside a small Python for the runner, so it imports only itself (relatively),
the standard library, grpcio, protobuf, msgpack and cryptography.
"""
