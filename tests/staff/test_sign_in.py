"""Signing in: attempts are limited by account and by address in every worker, and the limits keep nobody out of an
account that is theirs."""

from __future__ import annotations

import re
import threading
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import aauthenticate, authenticate, hashers
from django.contrib.auth.models import User
from django.core import signing
from django.db import connection
from django.test import Client, RequestFactory

from access.models import SignInLimit
from access.sign_in import devices, hashing, throttle
from access.sign_in.backend import address_of
from tests.admin.pages import text_of
from tests.harness.patience import until

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
PASSWORD = "a-long-test-password-7"
HERE, OFFICE = "198.51.100.7", "203.0.113.9"


class Clock:
    """The time that limits are counted by."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def time(self) -> float:
        """Seconds since 1970."""
        return self.now

    def monotonic(self) -> float:
        """As good as any."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock that stands still until the test moves it."""
    clock = Clock()
    monkeypatch.setattr(throttle, "time", clock)
    return clock


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch, settings: Any) -> list[str]:
    """The gateway's own hashes with one round, and the passwords that were hashed."""
    settings.PASSWORD_HASHERS = ["access.sign_in.hashing.PBKDF2PasswordHasher"]
    hashed: list[str] = []
    encode = hashing.PBKDF2PasswordHasher.encode

    def counted(self: Any, password: str, salt: str, iterations: int | None = None) -> str:
        hashed.append(password)
        return encode(self, password, salt, 1)

    monkeypatch.setattr(hashing.PBKDF2PasswordHasher, "iterations", 1)
    monkeypatch.setattr(hashing.PBKDF2PasswordHasher, "encode", counted)
    return hashed


@pytest.fixture
def boss(clock: Clock, quick_hashes: list[str]) -> User:
    """A superuser with a password."""
    user = User.objects.create_superuser("boss", password=PASSWORD)
    quick_hashes.clear()
    return user


def _sign_in(browser: Client, address: str, password: str = PASSWORD, name: str = "boss") -> Any:
    return browser.post("/admin/login/", {"username": name, "password": password}, REMOTE_ADDR=address)


def _statuses(count: int, address: str, name: str = "boss") -> list[int]:
    return [_sign_in(Client(), address, "wrong", name).status_code for _ in range(count)]


def test_guesses_at_an_account_from_an_address_end_and_are_not_even_hashed(
    boss: User, clock: Clock, quick_hashes: list[str]
) -> None:
    assert _statuses(5, HERE) == [200] * 5
    assert quick_hashes == ["wrong"] * 5
    quick_hashes.clear()
    refused = _sign_in(Client(), HERE)
    assert (refused.status_code, refused["Retry-After"]) == (429, "120")
    assert "Try again in 2 minutes" in text_of(refused)
    assert "sessionid" not in refused.cookies
    assert _sign_in(Client(), HERE, name=" Boss ").status_code == 429
    assert quick_hashes == []
    # Another account from there, and this one from elsewhere.
    assert _statuses(1, HERE, "other") == [200]
    assert _sign_in(Client(), OFFICE).status_code == 302
    # Refusals prolong nothing.
    clock.now += 119
    assert _statuses(3, HERE) == [429] * 3
    clock.now += 2
    assert _sign_in(Client(), HERE).status_code == 302
    assert _statuses(5, HERE) == [200] * 5


def test_an_address_has_a_limit_for_all_accounts_together(boss: User) -> None:
    assert [_statuses(1, HERE, f"name-{n}")[0] for n in range(21)] == [200] * 20 + [429]
    assert _statuses(1, HERE) == [429]
    assert _sign_in(Client(), OFFICE).status_code == 302
    assert _statuses(1, "2001:db8:1:2::1", "one") == [200]


def test_an_ipv6_client_has_its_network_for_an_address(boss: User) -> None:
    statuses = [_statuses(1, f"2001:db8:1:2::{n}")[0] for n in range(6)]
    assert statuses == [200] * 5 + [429]
    assert _sign_in(Client(), "2001:db8:1:3::1").status_code == 302


def test_a_victim_on_a_known_device_or_address_gets_in_while_others_guess(boss: User) -> None:
    laptop = Client()
    assert _sign_in(laptop, OFFICE).status_code == 302
    laptop.post("/admin/logout/")
    # From many addresses, until the account has no attempts left for strangers.
    statuses = [_statuses(1, f"192.0.2.{n}")[0] for n in range(52)]
    assert statuses == [200] * 50 + [429] * 2
    assert _sign_in(Client(), "192.0.2.250").status_code == 429
    # At a known address in a new browser, and on the known device wherever it is.
    assert _sign_in(Client(), OFFICE).status_code == 302
    assert _sign_in(laptop, "192.0.2.251").status_code == 302
    # Even behind the attacker's own address, such as that of a whole office.
    assert _statuses(6, OFFICE)[-1] == 429
    assert [_statuses(1, OFFICE, f"name-{n}")[0] for n in range(20)][-1] == 429
    laptop.post("/admin/logout/")
    assert _sign_in(laptop, OFFICE).status_code == 302


def test_a_known_device_has_a_limit_too_and_is_known_for_its_accounts_alone(boss: User) -> None:
    User.objects.create_superuser("other", password=PASSWORD)
    laptop = Client()
    _sign_in(laptop, OFFICE)
    laptop.post("/admin/logout/")
    # Ten as the known device, then five as anybody at this address.
    assert [_sign_in(laptop, HERE, "wrong").status_code for _ in range(16)] == [200] * 15 + [429]
    assert [_sign_in(laptop, "192.0.2.1", "wrong", "other").status_code for _ in range(6)] == [200] * 5 + [429]


def test_a_made_up_cookie_makes_no_device(boss: User) -> None:
    mine = Client()
    mine.cookies[devices.COOKIE] = signing.dumps(["x", [devices._mark("boss")]], key="not the key", salt=devices._SALT)
    assert [_sign_in(mine, HERE, "wrong").status_code for _ in range(6)] == [200] * 5 + [429]


def test_the_cookie_of_a_device_is_out_of_reach_for_pages_and_names_nobody(boss: User) -> None:
    cookie = _sign_in(Client(), OFFICE).cookies[devices.COOKIE]
    assert (cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (True, "Lax", 90 * 86_400)
    assert "boss" not in str(signing.loads(cookie.value, salt=devices._SALT))


def test_those_who_sign_in_use_nothing_up(boss: User) -> None:
    assert [_sign_in(Client(), HERE).status_code for _ in range(60)] == [302] * 60


def test_rows_name_nobody_and_go_when_their_time_has_passed(boss: User, clock: Clock) -> None:
    _statuses(3, HERE)
    _sign_in(Client(), OFFICE)
    assert all(re.fullmatch("[0-9a-f]{64}", key) for key in SignInLimit.objects.values_list("key", flat=True))
    assert SignInLimit.objects.count() == 5
    clock.now += 100 * 86_400
    _statuses(1, "192.0.2.1")
    # The pair, the address and the account of now.
    assert SignInLimit.objects.count() == 3


def test_neither_commands_nor_other_forms_are_limited_by_mistake(boss: User) -> None:
    assert all(authenticate(username="boss", password="wrong") is None for _ in range(20))
    assert authenticate(username="boss", password=PASSWORD) == boss
    assert not SignInLimit.objects.exists()
    request = RequestFactory().post("/", REMOTE_ADDR=HERE)
    for _ in range(5):
        assert authenticate(request, username="boss", password="wrong") is None
    assert authenticate(request, username="boss", password=PASSWORD) is None


def test_the_asynchronous_way_in_has_the_same_limits(boss: User) -> None:
    request = RequestFactory().post("/", REMOTE_ADDR=HERE)
    sign_in = async_to_sync(aauthenticate)
    assert all(sign_in(request, username="boss", password="wrong") is None for _ in range(5))
    assert sign_in(request, username="boss", password=PASSWORD) is None


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("198.51.100.7", "", "198.51.100.7"),
        ("::ffff:198.51.100.7", "", "198.51.100.7"),
        ("2001:db8:1:2:3::4", "", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "", "fe80::/64"),
        ("", "", ""),
        # A stranger's word is nothing; nginx's is its last, whatever the client wrote before.
        ("198.51.100.7", "10.0.0.1", "198.51.100.7"),
        ("127.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("::ffff:127.0.0.1", "2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("127.0.0.1", "10.9.9.9, 203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", "10.9.9.9, 203.0.113.9, 192.0.2.5", "203.0.113.9"),
        ("192.0.2.5", "203.0.113.9", "203.0.113.9"),
        ("", "203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", "unknown", "127.0.0.1"),
        ("127.0.0.1", "203.0.113.9, <script>", "127.0.0.1"),
        ("127.0.0.1", "127.0.0.1, 127.0.0.1", "127.0.0.1"),
    ],
)
def test_what_a_client_is_counted_by(peer: str, forwarded: str, expected: str, settings: Any) -> None:
    settings.TRUSTED_PROXIES = ["127.0.0.0/8", "::1/128", "192.0.2.5"]
    request = RequestFactory().get("/", REMOTE_ADDR=peer, headers={"x-forwarded-for": forwarded})
    assert address_of(request) == expected


def test_behind_a_proxy_each_client_has_limits_of_its_own(boss: User) -> None:
    def attempt(client: str, password: str) -> int:
        fields, proxied = {"username": "boss", "password": password}, {"x-forwarded-for": client}
        answer = Client().post("/admin/login/", fields, REMOTE_ADDR="127.0.0.1", headers=proxied)
        return answer.status_code

    assert [attempt(HERE, "wrong") for _ in range(6)] == [200] * 5 + [429]
    assert attempt(f"192.0.2.1, {HERE}", PASSWORD) == 429
    assert attempt(OFFICE, PASSWORD) == 302


@pytest.mark.django_db(transaction=True)
def test_attempts_at_the_same_time_share_no_place_in_a_limit() -> None:
    allowed: list[bool] = []

    def attempt() -> None:
        try:
            throttle.begin("boss", HERE, None)
            allowed.append(True)
        except throttle.TooManyAttempts:
            allowed.append(False)
        finally:
            connection.close()

    threads = [threading.Thread(target=attempt) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (allowed.count(True), len(allowed)) == (5, 16)


def test_hashes_are_made_one_at_a_time_and_the_queue_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    running, most = 0, 0
    gate, lock = threading.Event(), threading.Lock()

    def slow(self: Any, password: str, salt: str, iterations: int | None = None) -> str:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        gate.wait()
        with lock:
            running -= 1
        return f"pbkdf2_sha256$1${salt}$x"

    monkeypatch.undo()
    monkeypatch.setattr(hashers.PBKDF2PasswordHasher, "encode", slow)
    outcomes: list[str] = []

    def sign_in(known: bool) -> None:
        try:
            with hashing.place(known=known):
                hashing.PBKDF2PasswordHasher().encode("x", "salt")
                outcomes.append("hashed")
        except hashing.QueueFull:
            outcomes.append("refused")

    threads = [threading.Thread(target=sign_in, args=(n >= 16,)) for n in range(24)]
    for thread in threads[:16]:
        thread.start()
    until(lambda: len(outcomes) == 12)
    assert outcomes == ["refused"] * 12
    for thread in threads[16:]:
        thread.start()
    until(lambda: len(outcomes) == 16)
    gate.set()
    for thread in threads:
        thread.join()
    assert (outcomes.count("refused"), outcomes.count("hashed"), most) == (16, 8, 1)
    assert hashing._under_way == 0


def test_a_full_queue_is_a_429_that_says_when(boss: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing, "WAITING", 0)
    refused = _sign_in(Client(), HERE)
    assert (refused.status_code, refused["Retry-After"]) == (429, "2")
    assert "Try again in 2 seconds" in text_of(refused)
    assert not SignInLimit.objects.exists()
