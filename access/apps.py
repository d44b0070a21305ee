"""Teams and client keys: who may call."""

from django.apps import AppConfig


class AccessConfig(AppConfig):
    """The lowest room: it imports no other."""

    name = "access"
    verbose_name = "Access"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connects what a sign-in adds to its session, what keeps the last owner, and the audit's triggers."""
        from django.contrib.auth.signals import user_logged_in
        from django.db.models.signals import post_migrate

        from access.audit import compilers, sign_ins, triggers
        from access.roles import last_owner
        from access.sign_in.middleware import on_signed_in

        user_logged_in.connect(on_signed_in)
        last_owner.watch()
        compilers.install()
        sign_ins.connect()
        # After every migrate: SQLite loses triggers when a table is rebuilt.
        post_migrate.connect(triggers.install, sender=self, dispatch_uid="access.audit.triggers")
