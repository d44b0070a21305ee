"""On the pages of a key its newest request turns up, for whom it concerns."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests.admin.history import request_row
from tests.admin.pages import links_of, text_of
from tests.harness.configure import make_key
from tests.my.people import Group, make_group

pytestmark = pytest.mark.django_db


def _newest(group: Group, reader: str, key: str) -> Any:
    since = int((timezone.now() - timedelta(minutes=1)).timestamp() * 1000)
    return group.browser(reader).get(f"/my/keys/{group.keys[key].pk}/newest/", {"since": since})


def test_the_newest_request_of_a_key_is_shown_to_its_owner_and_their_lead() -> None:
    group = make_group("blue")
    group.keys["new"] = make_key(group.team, owner=group.people["mia"]).row
    owned = {"team_id": group.team.pk, "key_id": group.keys["new"].pk, "owner_id": group.people["mia"].pk}
    # Those of other keys are none of this one's.
    request_row(**{**owned, "key_id": group.keys["max"].pk, "owner_id": group.people["max"].pk})
    request_row(**owned, started_at=timezone.now() - timedelta(hours=1))
    assert _newest(group, "mia", "new").status_code == 204
    why = "There is no model 'gpt' here."
    row = request_row(**owned, outcome="refused", sentence_code="no_such_route", error_message=why)
    for reader in ("mia", "lea"):
        found = _newest(group, reader, "new")
        assert why in text_of(found)
        # What an administrator would do about it is not for members.
        assert links_of(found) == {"The request": f"/my/requests/{row}/"}
    assert _newest(group, "max", "new").status_code == 404
    assert group.browser("mia").get(f"/my/keys/{group.keys['new'].pk}/newest/").status_code == 400
    page = text_of(group.browser("mia").get(f"/my/keys/{group.keys['new'].pk}/"))
    assert "Waiting for the next request" in page
