"""Addresses of pictures that a client names: none of this machine or network is fetched, in whatever form."""

from __future__ import annotations

import pytest

from tests.attack.rig.rig import Rig

_LOOPBACK = (
    *("127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001", "0"),
    *("0.0.0.0", "127.0.0.1.", "127.000.000.001", "127.255.255.254", "[::1]", "[::]", "[::ffff:127.0.0.1]"),
    *("[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[0:0:0:0:0:0:0:1]", "[::1%25lo]"),
    *("localhost", "LOCALHOST", "localhost.", "a.localhost", "localhost6", "ip6-localhost", "１２７.０.０.１"),
    *("①②⑦.⓪.⓪.①", "127。0。0。1", "user@127.0.0.1", "example.com@127.0.0.1", "127.0.0.1#@example.com"),
    *("example.com%00@127.0.0.1", "127.0.0.1%2eexample.com", "127.0.0.1\\@example.com", "[2001:0:7f00:1::1]"),
)
_ELSEWHERE = (
    "http://169.254.169.254/latest/meta-data/",
    "http://169.254.169.254:80/computeMetadata/v1/",
    "http://[fd00:ec2::254]/latest/",
    "http://100.100.100.200/latest/meta-data/",
    "http://metadata.google.internal/",
    "http://2852039166/",
    "http://10.0.0.1/",
    "http://192.168.0.1/",
    "http://[fe80::1]/",
    "http://[fe80::1%25eth0]/",
    "http://[ff02::1]/",
    "file:///etc/passwd",
    "FILE:///etc/passwd",
    "ftp://127.0.0.1/a",
    "gopher://127.0.0.1:6379/_INFO",
    "data:image/png;base64,iVBORw0KGgo=",
    "javascript:alert(1)",
    "unix:/var/run/docker.sock",
    "http://",
    "http:///a",
    "//127.0.0.1/a",
    "",
    "http://a b/",
    "http://exa\r\nHost: evil/",
)


@pytest.mark.parametrize("dialect", ["ollama", "gemini"])
def test_nothing_of_this_machine_or_network_is_fetched(dialect: str, rig: Rig) -> None:
    port = int(rig.upstream.base_url.rpartition(":")[2])
    picture = rig.script()
    here = [f"http://{host}:{port}/{picture.mark}" for host in _LOOPBACK]
    here += [f"https://127.0.0.1:{port}/{picture.mark}", f"HTTP://127.0.0.1:{port}/{picture.mark}"]
    for kind in ("image", "document"):
        for url in (*here, *_ELSEWHERE):
            script = rig.script(dialect=dialect)
            block = {"type": kind, "source": {"type": "url", "url": url}}
            text = rig.body(script)["messages"][0]["content"]
            body = rig.body(
                script, dialect, messages=[{"role": "user", "content": [{"type": "text", "text": text}, block]}]
            )
            answer = rig.client().post(body)
            assert answer.status in (200, 400), (url, answer.raw)
            assert b"root:" not in answer.raw
    assert [seen.path for seen in picture.seen] == []
