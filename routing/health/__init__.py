"""Circuit breakers of providers, candidates and credentials, fed by live traffic and shared by the workers."""

from routing.health.circuit import Rules as Rules
from routing.health.health import Health as Health
from routing.health.tracker import NOT_SENT as NOT_SENT
from routing.health.tracker import Trial as Trial
