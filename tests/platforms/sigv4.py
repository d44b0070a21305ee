"""Checking an AWS signature the way that the server does: from the bytes that arrived, by hand after the documentation.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hashlib
import hmac
import re
from urllib.parse import quote

from tests.harness.script import Seen

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<scope>[^,]+), SignedHeaders=(?P<names>[^,]+), "
    r"Signature=(?P<sign>\w+)"
)


def check_signature(seen: Seen, access_key: str, secret_key: str, region: str) -> None:
    """Fail unless the request, as it arrived, is signed with these keys for Bedrock in this region."""
    found = _AUTHORIZATION.fullmatch(seen.headers["authorization"])
    assert found is not None, seen.headers["authorization"]
    date = seen.headers["x-amz-date"]
    scope = f"{date[:8]}/{region}/bedrock/aws4_request"
    assert (found["key"], found["scope"]) == (access_key, scope)
    names = found["names"].split(";")
    assert {"host", "x-amz-date", "content-type"} <= set(names)
    assert ("x-amz-security-token" in names) == ("x-amz-security-token" in seen.headers)
    path, _, query = seen.path.partition("?")
    assert not query
    canonical = "\n".join(
        [
            "POST",
            quote(path, safe="/~"),
            "",
            *(f"{name}:{' '.join(seen.headers[name].split())}" for name in names),
            "",
            found["names"],
            hashlib.sha256(seen.raw).hexdigest(),
        ]
    )
    signed = "\n".join(["AWS4-HMAC-SHA256", date, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    assert hmac.new(key, signed.encode(), "sha256").hexdigest() == found["sign"], "the signature does not match"
