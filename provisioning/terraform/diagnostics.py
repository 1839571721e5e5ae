"""A failure in plain words: what failed, what to try. The first pattern that fits the cloud's own text wins."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from .messages import Event
from .process import Ended

RAW_LENGTH = 20_000


@dataclass(frozen=True, slots=True)
class Explanation:
    """``Run.error``: ``summary`` and ``advice`` are ours, ``cloud_message`` and ``raw`` are what was said."""

    summary: str
    advice: str
    cloud_message: str = ""
    raw: str = ""
    address: str = ""
    code: str = "failed"

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Pattern:
    code: str
    words: re.Pattern[str]
    summary: str
    advice: str


def _pattern(code: str, words: str, summary: str, advice: str) -> _Pattern:
    return _Pattern(code, re.compile(words, re.IGNORECASE | re.DOTALL), summary, advice)


PATTERNS = (
    _pattern(
        "bad_credentials",
        r"InvalidClientTokenId|SignatureDoesNotMatch|AuthFailure|UnrecognizedClientException|InvalidAccessKeyId"
        r"|security token included in the request is (?:invalid|expired)|ExpiredToken|RequestExpired"
        r"|No valid credential sources"
        r"|AADSTS\d+|invalid_grant|invalid_client|ExpiredAuthenticationToken|Invalid JWT|Error 401\b|401 Unauthorized"
        r"|JSON credentials are not valid",
        "The cloud refused the keys of this cloud account.",
        "Replace the account's keys on its page, verify it, and try again.",
    ),
    _pattern(
        "api_disabled",
        r"(?P<api>[a-z]+\.googleapis\.com)\b.{0,80}has not been used in project"
        r"|SERVICE_DISABLED.{0,400}?(?P<service>[a-z]+\.googleapis\.com)",
        "The API {api} is not enabled in this Google Cloud project.",
        "Enable it in the project (gcloud services enable {api}), wait a minute, and try again.",
    ),
    _pattern(
        "api_disabled",
        r"has not been used in project|SERVICE_DISABLED"
        r"|MissingSubscriptionRegistration|not registered to use namespace",
        "A service that this needs is not switched on in this cloud account.",
        "Switch on the service that the cloud names below, wait a minute, and try again.",
    ),
    _pattern(
        "throttled",
        r"Throttling|RequestLimitExceeded|TooManyRequests|SlowDown|rateLimitExceeded|Error 429\b",
        "The cloud is answering too slowly because of too many requests.",
        "Wait some minutes and try again.",
    ),
    _pattern(
        "quota",
        r"LimitExceeded|QuotaExceeded|TooManyBuckets|vCPU limit|ServiceQuota|exceed(?:s|ed|ing)? .{0,60}quota"
        r"|Quota '[\w-]+' exceeded",
        "A quota of the cloud account is used up.",
        "Destroy something that is not needed, choose a smaller size or another region, or ask the cloud for more.",
    ),
    _pattern(
        "access_denied",
        r"does not have authorization to perform action '(?P<action>[\w./*-]+)'"
        r"|Required '(?P<permission>[\w.]+)' permission",
        "The credentials of this cloud account may not do {action}.",
        "Allow {action} for them in the cloud's console, verify the account, and try again.",
    ),
    _pattern(
        "access_denied",
        r"(?:not authorized to perform:?|AccessDenied[^:]*:.{0,200}?perform:?)\s*(?P<action>[a-z0-9-]+:[A-Za-z*]+)",
        "The keys of this cloud account may not do {action}.",
        "Allow {action} for these keys in the cloud's console, verify the account, and try again.",
    ),
    _pattern(
        "access_denied",
        r"UnauthorizedOperation|AccessDenied|Access Denied|\b403\b.*Forbidden|AuthorizationError|AuthorizationFailed"
        r"|PERMISSION_DENIED|Error 403\b",
        "The keys of this cloud account lack a permission that this needs.",
        "Compare the account's permissions with the list on its page, add what is missing, and try again.",
    ),
    _pattern(
        "capacity",
        r"InsufficientInstanceCapacity|InsufficientCapacity|SkuNotAvailable|ZONE_RESOURCE_POOL_EXHAUSTED"
        r"|Unsupported: .{0,80}instance type",
        "The cloud has no room for this size in this region right now.",
        "Try again later, or choose another size or region.",
    ),
    _pattern(
        "name_exists",
        r"BucketAlreadyExists|BucketAlreadyOwnedByYou|AlreadyExists|EntityAlreadyExists|StorageAccountAlreadyTaken"
        r"|bucket name is not available"
        r"|(?<!Permission)\.Duplicate\b|(?<!rule )already exists",
        "Something with this name already exists in the cloud.",
        "Try again: what an interrupted attempt of this order left there is taken over. If it stays, it is somebody "
        "else's: order under another name, or remove it in the cloud's console and try again.",
    ),
    _pattern(
        "image",
        r"InvalidAMIID|InvalidAMI|query returned no results|PlatformImageNotFound|Could not find image",
        "The chosen image is not available in this region.",
        "Choose another image or region.",
    ),
    _pattern(
        "dependency",
        r"DependencyViolation|BucketNotEmpty|ResourceInUse|has dependencies|InUse\w*CannotBeDeleted"
        r"|InUseByAnotherResource|is already being used by|still contains Resources",
        "Something else in the cloud still depends on this.",
        "Remove what was added outside of this platform, then try again.",
    ),
    _pattern(
        "network",
        r"no such host|connection refused|i/o timeout|TLS handshake|dial tcp|connection reset|\bEOF\b"
        r"|RequestError: send request"
        r"|request send failed|network is unreachable",
        "The cloud could not be reached from here.",
        "Try again in some minutes. If it stays, ask your operator to check the worker's network.",
    ),
    _pattern(
        "timeout",
        r"timeout while waiting|context deadline exceeded|timed out",
        "The cloud did not finish in time.",
        "Look at the object in the cloud's console, then try again: what exists already is kept.",
    ),
    _pattern(
        "no_network",
        r"No default VPC|VPCIdNotSpecified|DefaultVpcDoesNotExist|No subnets found for the default VPC",
        "This region of the cloud account has no default network.",
        "Change Network to “A network of its own” (network = own) and order it again.",
    ),
    _pattern(
        "input",
        r"Invalid value for (?:input )?variable|precondition failed|InvalidParameter|ValidationError",
        "The cloud or the module refused one of the inputs.",
        "Change the input named in the message and try again.",
    ),
)

_KILLED = {
    "time": Explanation(
        "The run took longer than allowed and was stopped.",
        "Try again: what exists already is kept.",
        code="run_timeout",
    ),
    "memory": Explanation(
        "The run needed more memory than allowed and was stopped.",
        "Try again. If it stays, ask your operator to raise RUNNER_MEMORY_MB.",
        code="run_memory",
    ),
    "disk": Explanation(
        "The run wrote more to its disk than allowed and was stopped.", "Ask your operator.", code="run_disk"
    ),
}
CANCELED = Explanation("The run was canceled.", "Try again, or destroy what was made.", code="canceled")


def explain(ended: Ended, errors: Sequence[Event]) -> Explanation:
    """Why the engine did not succeed, from how it ended and the error diagnostics it printed (first one first)."""
    raw = _raw(ended, errors)
    if ended.killed_for in _KILLED:
        known = _KILLED[ended.killed_for]
        return Explanation(known.summary, known.advice, raw=raw, code=known.code)
    if ended.is_canceled:
        return Explanation(CANCELED.summary, CANCELED.advice, raw=raw, code=CANCELED.code)
    if not errors:
        return _silent(ended, raw)
    first = errors[0].data
    said = "\n".join(part for part in (first["summary"], first["detail"]) if part)
    summary, advice, code = _in_words(said)
    return Explanation(summary, advice, said, raw, first.get("address", ""), code)


def explain_text(text: str) -> Explanation:
    """Why something failed, from a text that is no diagnostic, such as what ``init`` printed."""
    summary, advice, code = _in_words(text)
    return Explanation(summary, advice, text[:2000], text[:RAW_LENGTH], code=code)


def _in_words(said: str) -> tuple[str, str, str]:
    for pattern in PATTERNS:
        if found := pattern.words.search(said):
            names = _names(found.groupdict())
            return pattern.summary.format(**names), pattern.advice.format(**names), pattern.code
    first_line = said.strip().splitlines()[0] if said.strip() else "The engine failed."
    summary = "The cloud refused one of the steps." if "api error" in said else first_line[:300]
    return summary, "Read what the cloud says. Then try again, change what was ordered, or destroy it.", "failed"


def _names(groups: Mapping[str, str | None]) -> dict[str, str]:
    """What the text named; an alternative group stands in for the one it is an alternative to."""
    found = {name: text for name, text in groups.items() if text}
    if "permission" in found:
        found.setdefault("action", found["permission"])
    if "service" in found:
        found.setdefault("api", found["service"])
    return found


def _silent(ended: Ended, raw: str) -> Explanation:
    how = f"signal {-ended.returncode}" if ended.returncode < 0 else f"code {ended.returncode}"
    return Explanation(
        f"The engine stopped without saying why ({how}).",
        "Try again. If it stays, ask your operator to look at the worker's log.",
        ended.stderr.strip()[-2000:],
        raw,
        code="engine",
    )


def _raw(ended: Ended, errors: Sequence[Event]) -> str:
    parts = [f"{error.data['summary']}\n{error.data['detail']}".strip() for error in errors]
    return "\n\n".join([*parts, ended.stderr.strip()]).strip()[:RAW_LENGTH]
