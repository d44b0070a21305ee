"""What a provider says of who answered, as an attempt's row may hold it: model, service tier, region."""

from __future__ import annotations

from providers.errors.redaction import redacted
from streaming.attempts.attempt import Attempt
from usage.journal.records import AttemptRecord
from usage.sentence import short_name

_MODEL, _TIER, _REGION = 160, 40, 60
_MODEL_NAMES_AT_MOST = 1000
_model_names: dict[tuple[int, str], str] = {}
"""Names of models as rows hold them, by provider and as it reported them."""


def describe_answer(record: AttemptRecord, attempt: Attempt) -> None:
    """Notes what the provider says of who answered."""
    model, tier, region = attempt.encoder.reported
    if model:
        record.reported_model = model if model == record.model_name else _model_name(model, attempt)
    if attempt.candidate.provider.platform:
        tier, region = tier or attempt.by_platform[0], region or attempt.by_platform[1]
    if tier:
        record.service_tier = short_name(tier, _TIER)
    if region:
        record.region = short_name(region, _REGION)


def _model_name(model: str, attempt: Attempt) -> str:
    """Returns the model's name as a row may hold it. To look for our credential in it takes long: once a name."""
    provider = attempt.candidate.provider
    known = _model_names.get((provider.id, model))
    if known is None:
        if len(_model_names) >= _MODEL_NAMES_AT_MOST:
            _model_names.clear()
        known = redacted(short_name(model, _MODEL), provider, attempt.sent_headers)[:_MODEL]
        if len(model) <= _MODEL:
            _model_names[provider.id, model] = known
    return known
