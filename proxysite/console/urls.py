"""The console's URLs, under /admin/console/."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path, re_path

from proxysite.console import health, sessions, state
from proxysite.console.configuration import pages as configuration
from proxysite.console.explain import page as explain
from proxysite.console.explorer import earlier, views
from proxysite.console.explorer import page as explorer
from proxysite.console.guide import key as guide_key
from proxysite.console.guide import newest as guide_newest
from proxysite.console.guide import page as guide
from proxysite.console.invoices import pages as invoices
from proxysite.console.jobs import files as job_files
from proxysite.console.jobs import importing
from proxysite.console.jobs import pages as jobs
from proxysite.console.live import cut as live_cut
from proxysite.console.live import page as live
from proxysite.console.playground import page as playground
from proxysite.console.prices import library as price_library
from proxysite.console.prices import page as prices
from proxysite.console.providers import pages as providers
from proxysite.console.providers import routes as provider_routes
from proxysite.console.providers import trial as provider_trial
from proxysite.console.routing import page as routing
from proxysite.console.statements import chargeback, mailing
from proxysite.console.statements import pages as statements

app_name = "console"
urlpatterns = [
    path("guide/", admin.site.admin_view(guide.page), name="guide"),
    path("guide/key/", admin.site.admin_view(guide_key.make), name="guide-key"),
    path("guide/newest/", admin.site.admin_view(guide_newest.newest), name="guide-newest"),
    path("guide/hide/", admin.site.admin_view(guide.hide), name="guide-hide"),
    path("report/", admin.site.admin_view(earlier.redirect), name="report"),
    path("report.csv", admin.site.admin_view(earlier.redirect), {"format": "csv"}, name="report-file"),
    path("report/<slug:name>/", admin.site.admin_view(earlier.redirect), name="report-of"),
    path("report/<slug:name>.csv", admin.site.admin_view(earlier.redirect), {"format": "csv"}, name="report-of-file"),
    path("explorer/", admin.site.admin_view(explorer.page), name="explorer"),
    re_path(r"^explorer\.(?P<format>csv|json|xlsx)$", admin.site.admin_view(explorer.export), name="explorer-export"),
    path("explorer/views/", admin.site.admin_view(views.save), name="explorer-save"),
    path("explorer/views/<int:view_id>/", admin.site.admin_view(views.change), name="explorer-view"),
    path("statements/", admin.site.admin_view(statements.list_page), name="statements"),
    path("statements.csv", admin.site.admin_view(statements.export), name="statements-csv"),
    path("statements/close/", admin.site.admin_view(statements.close), name="statements-close"),
    path("statements/rate/", admin.site.admin_view(statements.set_rate), name="statements-rate"),
    path("statements/schedule/", admin.site.admin_view(statements.set_schedule), name="statements-schedule"),
    path("statements/<int:number>/", admin.site.admin_view(statements.page), name="statement"),
    path("statements/<int:number>/send/", admin.site.admin_view(mailing.send), name="statement-send"),
    path("statements/<int:number>.csv", admin.site.admin_view(statements.export), name="statement-csv"),
    path("invoices/", admin.site.admin_view(invoices.list_page), name="invoices"),
    path("invoices/upload/", admin.site.admin_view(invoices.upload), name="invoice-upload"),
    path("invoices/columns/", admin.site.admin_view(invoices.columns), name="invoice-columns"),
    path("invoices/<int:reconciliation_id>/", admin.site.admin_view(invoices.page), name="invoice"),
    re_path(
        r"^invoices/(?P<reconciliation_id>\d{1,18})\.(?P<format>csv|xlsx)$",
        admin.site.admin_view(invoices.export),
        name="invoice-export",
    ),
    path("invoices/<int:reconciliation_id>/delete/", admin.site.admin_view(invoices.delete), name="invoice-delete"),
    path("statements/<int:number>.pdf", admin.site.admin_view(statements.paper), name="statement-pdf"),
    path("chargeback/", admin.site.admin_view(chargeback.page), name="chargeback"),
    *(
        path(f"chargeback.{one}", admin.site.admin_view(chargeback.export), {"format": one}, f"chargeback-{one}")
        for one in ("csv", "xlsx")
    ),
    path("sessions/", admin.site.admin_view(sessions.list_page), name="sessions"),
    path("sessions/<uuid:session_id>/", admin.site.admin_view(sessions.page), name="session"),
    path("live/", admin.site.admin_view(live.page), name="live"),
    path("live/<uuid:request_log_id>/cut/", admin.site.admin_view(live_cut.page), name="live-cut"),
    path("health/", admin.site.admin_view(health.page), name="health"),
    path("health/reset/", admin.site.admin_view(health.reset), name="health-reset"),
    path("state/", admin.site.admin_view(state.page), name="state"),
    path("state.json", admin.site.admin_view(state.export), name="state-export"),
    path("playground/", admin.site.admin_view(playground.page), name="playground"),
    path("playground/token/", admin.site.admin_view(playground.token), name="playground-token"),
    path("playground/row/", admin.site.admin_view(playground.row), name="playground-row"),
    path("jobs/", admin.site.admin_view(jobs.list_page), name="jobs"),
    path("jobs/start/<slug:kind>/", admin.site.admin_view(jobs.start), name="job-start"),
    path("jobs/<int:job_id>/", admin.site.admin_view(jobs.page), name="job"),
    path("jobs/<int:job_id>/cancel/", admin.site.admin_view(jobs.cancel), name="job-cancel"),
    path("jobs/<int:import_id>/apply/", admin.site.admin_view(importing.apply), name="job-apply"),
    path("jobs/<int:export_id>/export.csv.gz", admin.site.admin_view(job_files.download), name="job-export"),
    path("configuration/", admin.site.admin_view(configuration.page), name="configuration"),
    path("configuration.yaml", admin.site.admin_view(configuration.export), name="configuration-export"),
    path("explain/", admin.site.admin_view(explain.page), name="explain"),
    path("routing/", admin.site.admin_view(routing.page), name="routing"),
    path("prices/", admin.site.admin_view(prices.page), name="prices"),
    path("prices/library/", admin.site.admin_view(price_library.page), name="prices-library"),
    path("providers/trial/", admin.site.admin_view(provider_trial.trial), name="provider-trial"),
    path("models/routes/", admin.site.admin_view(provider_routes.page), name="make-routes"),
    path("providers/<int:provider_id>/models/", admin.site.admin_view(providers.list_models), name="provider-models"),
    path("providers/<int:provider_id>/test/", admin.site.admin_view(providers.test), name="provider-test"),
    path(
        "providers/<int:provider_id>/allow-field/",
        admin.site.admin_view(providers.allow_field),
        name="provider-allow-field",
    ),
]
