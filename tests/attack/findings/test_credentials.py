"""A right to change is no right to read: whatever staff change, no secret of the process goes to another address."""

from __future__ import annotations

import itertools

import pytest

from providers.models import Credential, Provider
from routing.models import Route
from tests.attack.rig.rig import Rig
from tests.attack.rig.staff import Browser, errors_in
from tests.harness import speak
from tests.harness.script import Script

_PROVIDER = ("providers.view_provider", "providers.add_provider", "providers.change_provider")
_CREDENTIAL = ("providers.view_credential", "providers.add_credential", "providers.change_credential")
_OWN = ("SECRET_KEY", "ENCRYPTION_KEYS", "DATABASE_URL", "PAYROLL_PASSWORD", "PATH", "PAYROLL_API_KEY")
_NEVER = ("SECRET_KEY", "ENCRYPTION_KEYS", "DATABASE_URL")


def _provider(rig: Rig, dialect: str) -> tuple[str, Provider]:
    with rig.configure():
        route = rig.new_route(dialect)
    return route, Provider.objects.get(models__candidates__route__name=route)


def _use(rig: Rig, browser: Browser, provider: Provider, route: str) -> None:
    """All ways in which a provider is called: Test, List models, a client's request, a count."""
    model = provider.models.get().name
    for page in ("test", "models"):
        browser.submit(f"/admin/console/providers/{provider.pk}/{page}/", model=model, other=model)
    rig.client().post(rig.body(rig.script(), model=route))
    rig.client().post({**rig.body(rig.script(), model=route)}, path="/v1/messages/count_tokens")


def _assert_nothing_came(rig: Rig, evil: Script) -> None:
    for seen in evil.seen:
        assert rig.marks.found_in(f"{seen.path}{seen.headers}".encode() + seen.raw) == []


@pytest.mark.parametrize("field", ["base_url", "proxy_url"])
@pytest.mark.parametrize("dialect", ["anthropic", "openai_chat", "gemini"])
def test_a_provider_that_is_moved_takes_no_secret_along(dialect: str, field: str, rig: Rig) -> None:
    rights = [_PROVIDER[2:], _PROVIDER, (*_PROVIDER, "providers.use_credential")]
    rights.append((*_PROVIDER, *_CREDENTIAL, "providers.use_credential", "providers.add_model"))
    for permissions in rights:
        route, provider = _provider(rig, dialect)
        evil = rig.script(speak.answer(dialect, "thank you"))
        url = rig.upstream.base_url if field == "proxy_url" else f"{rig.upstream.base_url}/{evil.mark}"
        with rig.signed_in(*permissions) as browser:
            with rig.configure():
                saved = browser.submit(f"/admin/providers/provider/{provider.pk}/change/", **{field: url}, _save="Save")
            assert saved.status_code == 302, errors_in(saved.text)
            _use(rig, browser, provider, route)
            pages = [
                browser.get(f"/admin/providers/provider/{provider.pk}/{name}/").content
                for name in ("change", "history")
            ]
            assert rig.marks.found_in(b"".join(pages)) == []
        _assert_nothing_came(rig, evil)
        # A request to a proxy has the whole address in its first line.
        proxied = [seen for seen in rig.upstream.strays if seen.path.startswith("http")]
        assert [seen.path for seen in proxied if rig.marks.found_in(str(seen.headers))] == []


@pytest.mark.parametrize("names", [False, True])
def test_no_variable_of_the_process_is_read(names: bool, rig: Rig) -> None:
    permissions = [
        *_PROVIDER,
        *_CREDENTIAL,
        "providers.use_credential",
        *(["providers.name_variable"] if names else []),
    ]
    route, provider = _provider(rig, "openai_chat")
    evil = rig.script(speak.answer("openai_chat", "thank you"))
    page = f"/admin/providers/provider/{provider.pk}/change/"
    for variable, (first, second) in itertools.product(_OWN, [("", ""), (" ", ""), ("", " ")]):
        with rig.signed_in(*permissions) as browser:
            fields = {
                "base_url": f"{rig.upstream.base_url}/{evil.mark}",
                "credentials-0-source": "environment",
                "credentials-0-variable": f"{first}{variable}{second}",
                "credentials-0-confirm": "on",
            }
            with rig.configure():
                browser.submit(page, **fields, _save="Save")
            _use(rig, browser, provider, route)
        named = set(Credential.objects.filter(provider=provider).values_list("variable", flat=True))
        assert named & set(_NEVER) == set()
        _assert_nothing_came(rig, evil)
    assert {seen.path.split("/")[1] for seen in evil.seen} <= {evil.mark}


def test_the_machine_s_identity_goes_to_its_cloud_alone(rig: Rig) -> None:
    evil = rig.script()
    refused = 0
    for platform, options in (
        ("vertex", '{"project": "p", "location": "global"}'),
        ("bedrock", '{"region": "eu-west-1"}'),
    ):
        with rig.signed_in(*_PROVIDER, "providers.use_credential") as browser:
            for host in (
                f"127.0.0.1:{rig.upstream.base_url.rpartition(':')[2]}",
                "aiplatform.googleapis.com.evil.example",
            ):
                name = f"machine-{platform}-{refused}"
                fields = {
                    "name": name,
                    "dialect": "anthropic",
                    "platform": platform,
                    "options": options,
                    "is_local": "on",
                }
                answer = browser.submit(
                    "/admin/providers/provider/add/?preset=blank",
                    **fields,
                    base_url=f"http://{host}/{evil.mark}",
                    _save="Save",
                )
                refused += answer.status_code == 200
                for provider in Provider.objects.filter(name=name):
                    browser.submit(f"/admin/console/providers/{provider.pk}/test/", other="m")
    assert evil.seen == []


def test_a_route_s_own_secret_still_arrives(rig: Rig) -> None:
    route, _ = _provider(rig, "anthropic")
    script = rig.script()
    assert rig.client().post(rig.body(script, model=route)).stream().text == "done"
    assert rig.secrets[route] in str(script.seen[0].headers)
    assert Route.objects.filter(name=route).exists()
