"""What other programs read: no name in the CSV file is a formula, and no answer names a server's version."""

from __future__ import annotations

import csv
import io

from access.models import Team
from tests.attack.rig.rig import Rig
from tests.harness.configure import unique
from tests.harness.http.raw import CLOSE, request


def test_no_name_in_the_file_is_a_formula(rig: Rig) -> None:
    names = [f"{begin}1+1 {unique('team')}" for begin in ("=", "+", "-", "@", "\n=", " =", "\u200b=", "＝")]
    with rig.configure():
        keys = [rig.new_key(team=Team.objects.create(name=name)) for name in names]
    for key, name in zip(keys, names, strict=True):
        answer = rig.client(key.secret).post(rig.body(rig.script()))
        assert rig.rows.request(answer.request_id).team_name == name
    with rig.signed_in("usage.view_requestlog") as browser:
        page = browser.get("/admin/console/explorer.csv?range=30d&group=team")
    teams = {row["team"] for row in csv.DictReader(io.StringIO(page.text, newline=""))}
    assert teams.isdisjoint(names)
    assert teams.issuperset(f"'{name}" for name in names)


def test_no_answer_names_the_version_of_a_server(rig: Rig) -> None:
    answers = [
        *rig.raw(request(None, ("Host", "127.0.0.1"), CLOSE, start="GET /admin/login/ HTTP/1.1")),
        *rig.raw(request(None, ("Host", "127.0.0.1"), CLOSE, start="GET /v1/models HTTP/1.1")),
        *rig.raw(request(None, ("Host", "127.0.0.1"), CLOSE, start="GET /nowhere HTTP/1.1")),
        # What a proxy in front refuses itself has a page of its own.
        *rig.raw(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
    ]
    assert len(answers) == 4
    for answer in answers:
        assert not any(digit in answer.headers.get("server", "") for digit in "0123456789"), answer.headers
        assert b"nginx/" not in answer.raw
