"""`./gateway rotate_keys`: replaces ENCRYPTION_KEYS and SECRET_KEY in three steps, and everything stays readable."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from access.audit import context, record
from proxysite.quickstart.secrets import encryption_key
from proxysite.rotation import environment, values

_NEXT = {
    "start": "Next: `./gateway rotate_keys start` makes new keys.",
    "restart": "Next: restart every process of the gateway, on every machine, with these keys. "
    "Then run `./gateway rotate_keys apply`.",
    "apply": "Next: once every process has been restarted with these keys, `./gateway rotate_keys apply`.",
    "finish": "Next: `./gateway rotate_keys finish` removes the earlier keys. Until then both work.",
}


class Command(BaseCommand):
    """Each step may be repeated. After a crash, run the command without a step: it says where things are."""

    help = "Replace ENCRYPTION_KEYS and SECRET_KEY. Without a step it shows the state and changes nothing."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("step", nargs="?", choices=("start", "apply", "finish"), help="which step to take")
        parser.add_argument(
            "--only",
            choices=("encryption", "secret"),
            help="start: make a new encryption key only, or a new SECRET_KEY only",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        step = options["step"]
        if step == "start":
            self._start(options["only"])
        elif step == "apply":
            self._apply()
        elif step == "finish":
            self._finish()
        else:
            self._show()

    def _show(self) -> None:
        report = values.survey()
        self._write(_counts(report))
        if not _under_way():
            self._write([_NEXT["start"]])
        elif report.earlier or report.earlier_sessions:
            self._write([_NEXT["apply"]])
        else:
            self._write([_NEXT["finish"]])

    def _start(self, only: str | None) -> None:
        if _under_way():
            raise CommandError(f"A rotation is under way: there are keys of before. {_NEXT['apply']}")
        new: dict[str, str] = {}
        if only != "encryption":
            if "," in settings.SECRET_KEY:
                raise CommandError(
                    "SECRET_KEY contains a comma, which separates keys in SECRET_KEY_FALLBACKS. Replace it by hand "
                    "(everybody signs in again), and rotate the other with --only encryption."
                )
            new |= {"SECRET_KEY": secrets.token_urlsafe(50), "SECRET_KEY_FALLBACKS": settings.SECRET_KEY}
        if only != "secret":
            new["ENCRYPTION_KEYS"] = ",".join([encryption_key(), *settings.ENCRYPTION_KEYS])
        self._set(new)
        self._write([_NEXT["restart"]])

    def _apply(self) -> None:
        if not _under_way():
            names = environment.overridden()
            hint = f" The environment or .env overrides the file for {', '.join(names)}." if names else ""
            raise CommandError(f"There are no keys of before, so there is nothing to apply.{hint} {_NEXT['start']}")
        try:
            with context.of_verb("encrypted anew"):
                report = values.renew()
            record("encryption keys applied", changes={"values": report.earlier, "sessions": report.earlier_sessions})
        except values.NotVerified as error:
            raise CommandError(str(error)) from error
        self._write(
            [
                f"Encrypted under the first key: {report.earlier} values now, {report.current} before.",
                f"Signed with SECRET_KEY: {report.sessions} sessions, {report.earlier_sessions} of them now.",
                *_unreadable(report),
                _NEXT["finish"],
            ]
        )

    def _finish(self) -> None:
        if not _under_way():
            raise CommandError(f"There are no keys of before. {_NEXT['start']}")
        report = values.survey()
        if report.earlier or report.earlier_sessions:
            raise CommandError(
                f"{report.earlier} values and {report.earlier_sessions} sessions need a key of before. If you did run "
                "`apply`, a process that was not restarted wrote them: restart every process, then run `apply` again."
            )
        new = {"SECRET_KEY_FALLBACKS": ""} if settings.SECRET_KEY_FALLBACKS else {}
        if len(settings.ENCRYPTION_KEYS) > 1:
            new["ENCRYPTION_KEYS"] = settings.ENCRYPTION_KEYS[0]
        self._set(new)
        self._write(
            [
                *_unreadable(report),
                "The earlier keys are no longer needed by this database. Keep the earlier encryption key with the "
                "backups that were made before `apply`: they cannot be read without it.",
            ]
        )

    def _set(self, new: dict[str, str]) -> None:
        if environment.in_file():
            try:
                environment.write(new)
            except environment.Changed as error:
                raise CommandError(str(error)) from error
            self._write([f"Wrote {environment.file()} ({', '.join(new)})."])
            return
        self._write(["Set these in the environment (or .env) of every process:", *environment.lines(new)])

    def _write(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.stdout.write(line)


def _under_way() -> bool:
    return len(settings.ENCRYPTION_KEYS) > 1 or bool(settings.SECRET_KEY_FALLBACKS)


def _counts(report: values.Report) -> list[str]:
    return [
        f"Encrypted values: {report.current} under the first key, {report.earlier} under a key of before.",
        f"Sessions: {report.sessions}, of which {report.earlier_sessions} are signed with a key of before.",
        *_unreadable(report),
    ]


def _unreadable(report: values.Report) -> list[str]:
    return [
        f"Cannot be read with any key, and was left as it is; enter it again: {place}" for place in report.unreadable
    ]
