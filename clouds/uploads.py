"""Uploaded files: key files of cloud accounts, which must never lie on our disk."""

from __future__ import annotations

from io import BytesIO

from django.core.files.uploadedfile import InMemoryUploadedFile
from django.core.files.uploadhandler import FileUploadHandler

LIMIT = 64 * 1024  # bytes; Google's key files have about 2,400


class InMemory(FileUploadHandler):
    """Keeps a file in memory, and of one beyond LIMIT only enough to see that it is too large."""

    def new_file(self, *args: object, **kwargs: object) -> None:
        super().new_file(*args, **kwargs)  # type: ignore[arg-type]
        self.kept = BytesIO()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        self.kept.write(raw_data[: max(0, LIMIT + 1 - self.kept.tell())])
        return None

    def file_complete(self, file_size: int) -> InMemoryUploadedFile:
        self.kept.seek(0)
        return InMemoryUploadedFile(
            self.kept, self.field_name, self.file_name or "", self.content_type or "", file_size, self.charset
        )


def text_of(data: bytes) -> str:
    """The text of a small file as people's editors save it. Raises ``ValueError`` in words."""
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        raise ValueError("This file is not text: choose the JSON file that the cloud made.") from None
