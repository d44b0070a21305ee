"""A configuration in which every field of every kind of row has a value other than its default."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from django.contrib.auth.models import User

from access.models import Budget, ClientKey, Membership, RateLimit, Team, Webhook
from access.roles.giving import set_role
from providers import secrets
from providers.credentials.binding import destination_of
from providers.credentials.headers import sealed
from providers.models import Credential, Model, Provider
from providers.pricing.prices import Price
from routing.models import Alias, Candidate, Concept, Route, Rule, ScenarioRoute

NEW_YEAR = datetime(2027, 1, 1, tzinfo=UTC)
LATER = datetime(2027, 6, 1, 12, 30, 15, tzinfo=UTC)
SECRET = "sk-or-v1-0123456789abcdef"
HEADER = "hk-0123456789abcdef"


def make() -> None:
    """Make the rows."""
    red = Team.objects.create(
        name="red",
        notes="first line\r\nsecond: line\n",
        time_zone="Asia/Tokyo",
        cost_centre="CC-4711",
        contact="billing@example.com",
    )
    Team.objects.create(name="Blue, and others", enabled=False)
    mia = User.objects.create_user("mia", email="mia@example.com", first_name="Mia", last_name="M")
    leo = User.objects.create_user("leo", is_active=False)
    set_role(leo, "auditor")
    Membership.objects.create(team=red, user=mia, role="lead")
    Membership.objects.create(team=red, user=leo)
    key = ClientKey.objects.create(
        team=red,
        owner=mia,
        name="CI",
        prefix="sk-px-abcd",
        hash="ab" * 32,
        imported_from="LiteLLM",
        imported_hash="ef" * 32,
        previous_prefix="sk-...wxyz",
        previous_hash="cd" * 32,
        previous_until=LATER,
        allowed_routes="claude-*\r\ngpt-5\n",
        allowed_networks="10.0.0.0/8\r\n2001:db8::/32",
        tags="ci, nightly",
        client_tags="project-*, ticket-*",
        client_tags_count=True,
        disabled_at=NEW_YEAR,
        disabled_by=leo,
        shows_routing=True,
        expires_at=LATER,
        revoked_at=NEW_YEAR,
    )
    laptop = ClientKey.objects.create(team=red, name="laptop", prefix="sk-px-1e10", hash="1" * 64)
    RateLimit.objects.create(key=key, measure="requests", most=60, leads_may_change=True)
    RateLimit.objects.create(key=laptop, measure="streams", per="once", most=4)
    RateLimit.objects.create(user=mia, measure="input_tokens", per="day", most=3_000_000)
    RateLimit.objects.create(team=red, measure="output_tokens", most=80_000)
    RateLimit.objects.create(team=red, measure="output_tokens", per="day", most=800_000)
    RateLimit.objects.create(members_of=red, measure="count_tokens", most=30)
    Budget.objects.create(key=key, amount=Decimal("12.50"), period="day", hard=False)
    Budget.objects.create(key=laptop, amount=1, enabled=False)
    Budget.objects.create(user=mia, amount=40, period="week", week_starts=6, model_names="claude-opus-*\r\ngpt-5\n")
    Budget.objects.create(team=red, amount=500)
    Budget.objects.create(team=red, amount=400, hard=False)
    Budget.objects.create(members_of=red, amount=20, period="total", leads_may_change=True)
    Webhook.objects.create(
        name="pager",
        url="http://127.0.0.1:9999/alerts?channel=1",
        ciphertext=secrets.encrypt(SECRET),
        kinds="budget, journal",
        is_local=True,
        enabled=False,
    )
    _providers()
    _routes(red)


def _providers() -> None:
    router = Provider.objects.create(
        name="openrouter",
        dialect="openai_chat",
        profile="openrouter",
        base_url="https://openrouter.ai/api/v1",
        headers={"x-title": "our gateway: yes", "http-referer": "https://example.com"},
        client_fields=["top_a", "provider.sort"],
        transforms=[{"name": "maxtoken", "options": {"limit": 8192}}, {"name": "cleancache"}],
        connect_timeout=5.5,
        first_event_timeout=60,
        idle_timeout=61,
        total_timeout=900,
        proxy_url="http://proxy.example.com:3128",
        notes="no",
    )
    router.headers["x-shown"] = "to everybody"
    router.secret_headers = {"x-hidden": sealed(HEADER, destination_of(router))}
    router.save()
    stored = Credential(
        provider=router, name="b", position=2, weight=3, requests_per_minute=60, tokens_per_minute=1000, concurrent=4
    )
    stored.set_secret(SECRET)
    stored.save()
    Credential.objects.create(
        provider=router, name="default", source="environment", variable="OPENROUTER_API_KEY", enabled=False
    )
    sonnet = Model.objects.create(
        provider=router,
        name="anthropic/claude-sonnet-5.5:beta",
        context_window=1_000_000,
        max_output=128_000,
        capabilities=["tools", "images"],
        transforms=[{"name": "sampling", "options": {"temperature": 0.7}}],
        supports={"efforts": ["low", "high"], "sampling": "one"},
        priced_for=["service_tier"],
    )
    Price.objects.create(model=sonnet, valid_until=NEW_YEAR, input=Decimal("3"), output=Decimal("15.5"))
    Price.objects.create(
        model=sonnet,
        valid_from=NEW_YEAR,
        valid_until=LATER,
        input=Decimal("0.000001"),
        output=Decimal("0"),
        cache_read=Decimal("0.3"),
        cache_write_5m=Decimal("3.75"),
        cache_write_1h=Decimal("6"),
        per_request=Decimal("0.002"),
        per_web_search=Decimal("0.01"),
    )
    Model.objects.create(provider=router, name="off", enabled=False)
    bedrock = Provider.objects.create(
        name="bedrock",
        dialect="anthropic",
        platform="bedrock",
        options={"region": "eu-central-1"},
        base_url="https://bedrock-runtime.eu-central-1.amazonaws.com",
        enabled=False,
    )
    Model.objects.create(provider=bedrock, name="1e5")
    demo = Provider.objects.create(
        name="demo", dialect="anthropic", base_url="http://127.0.0.1:3457", is_local=True, is_demo=True
    )
    Model.objects.create(provider=demo, name="demo")


def _routes(red: Team) -> None:
    models = {model.name: model for model in Model.objects.all()}
    route = Route.objects.create(
        name="claude-sonnet-5-5",
        display_name="Sonnet",
        is_default=True,
        yields=True,
        order="weighted",
        sticky=True,
        attempts=6,
        retries=2,
        deadline=90.5,
        continues=True,
        hedges=True,
        answers_as="real",
        notes="yes",
    )
    # Created in another order than their positions.
    Candidate.objects.create(route=route, model=models["demo"], position=20, enabled=False)
    Candidate.objects.create(route=route, model=models["anthropic/claude-sonnet-5.5:beta"], position=10, weight=5)
    Candidate.objects.create(route=route, model=models["1e5"], position=10)
    off = Route.objects.create(name="off", enabled=False)
    Alias.objects.create(pattern="gpt-*", target="claude-sonnet-5-5", position=3)
    Alias.objects.create(pattern="*", target="openrouter:off", position=9, enabled=False)
    ScenarioRoute.objects.create(scenario="think", route=route, enabled=False)
    ScenarioRoute.objects.create(scenario="long_context", route=route, threshold=100_000)
    ScenarioRoute.objects.create(scenario="long_context", route=off, team=red)
    Rule.objects.create(
        name="long ones: at night",
        priority=7,
        team=red,
        match="any",
        conditions=[
            {"field": "tokens", "operator": "at_least", "value": 60000},
            {"field": "time", "operator": "in", "value": "22:00-06:00"},
            {"field": "header.x-team", "operator": "in", "value": ["a", "no"]},
        ],
        route=route,
    )
    Rule.objects.create(name="a scenario's", scenario="think", enabled=False)
    Concept.objects.create(name="deep_work", synonyms="think hard,  ultra think\non", route=route, priority=90)
    Concept.objects.create(name="never", route=off, enabled=False)


def wipe() -> None:
    """Delete all configuration, and the people."""
    User.objects.all().delete()
    for kind in (Alias, ScenarioRoute, Rule, Concept, Route, Provider, Team, Webhook):
        kind.objects.all().delete()
