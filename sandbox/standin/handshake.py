"""What Terraform and its plugin say to each other before the first call, and the plugin's end."""

import base64
import datetime as dt
import importlib
import os
import shutil
import signal
import tempfile
import threading
import time
from typing import Any

import grpc

COOKIE = ("TF_PLUGIN_MAGIC_COOKIE", "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2")
SOCKET_PATH_LIMIT = 107  # bytes, the kernel's
PROTOCOL, CORE = 5, 1
_folders: list[str] = []  # of the sockets that are open


def serve(server: grpc.Server) -> None:
    """Open the server, tell Terraform where it is, and stay until Terraform goes. Never returns."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole process group; Terraform calls Stop
    certificate, credentials = _tls()
    network, address = _listen(server, credentials)
    server.start()
    _write(f"{CORE}|{PROTOCOL}|{network}|{address}|grpc|{certificate}\n")
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(1)
    quit_now()


def quit_now() -> None:
    for folder in _folders:
        shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)


def quit_soon() -> None:
    """Leave once the answer to Shutdown is on its way: a plugin that lingers costs Terraform two seconds."""
    threading.Timer(0.01, quit_now).start()


def is_started_by_terraform() -> bool:
    return os.environ.get(COOKIE[0]) == COOKIE[1]


def _write(line: str) -> None:
    os.write(1, line.encode())
    # whatever prints later must not reach Terraform's pipe
    os.dup2(2, 1)


def _listen(server: grpc.Server, credentials: Any) -> tuple[str, str]:
    folder = tempfile.mkdtemp(prefix="standin")
    _folders.append(folder)
    path = os.path.join(folder, "s")  # noqa: PTH118 - pathlib is not otherwise loaded on this hot path
    if len(path.encode()) <= SOCKET_PATH_LIMIT:
        _bind(server, f"unix:{path}", credentials)
        return "unix", path
    port = _bind(server, "127.0.0.1:0", credentials)
    return "tcp", f"127.0.0.1:{port}"


def _bind(server: grpc.Server, address: str, credentials: Any) -> int:
    return server.add_secure_port(address, credentials) if credentials else server.add_insecure_port(address)


def _tls() -> tuple[str, Any]:
    """The certificate for the handshake's last field and the server's credentials; neither when TLS is off."""
    if not os.environ.get("PLUGIN_CLIENT_CERT"):
        return "", None
    x509 = importlib.import_module("cryptography.x509")  # heavy, and not needed without TLS
    ec = importlib.import_module("cryptography.hazmat.primitives.asymmetric.ec")
    hashes = importlib.import_module("cryptography.hazmat.primitives.hashes")
    form = importlib.import_module("cryptography.hazmat.primitives.serialization")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    built = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    built = built.not_valid_before(now - dt.timedelta(minutes=5)).not_valid_after(now + dt.timedelta(days=7))
    built = built.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    built = built.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    certificate = built.sign(key, hashes.SHA256())
    private = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    credentials = grpc.ssl_server_credentials([(private, certificate.public_bytes(form.Encoding.PEM))])
    return base64.b64encode(certificate.public_bytes(form.Encoding.DER)).decode().rstrip("="), credentials
