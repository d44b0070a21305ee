"""Circuit breakers of providers, candidates and credentials, fed by live traffic and shared by the workers."""

from routing.health.circuit import CircuitSettings as CircuitSettings
from routing.health.health import Health as Health
from routing.health.tracker import REJECTED as REJECTED
from routing.health.tracker import AttemptTracker as AttemptTracker
