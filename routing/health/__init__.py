"""Circuit breakers of providers, candidates and credentials, fed by live traffic and shared by the workers."""

from routing.health.callers import Caller as Caller
from routing.health.callers import body_mark as body_mark
from routing.health.circuit import CircuitSettings as CircuitSettings
from routing.health.health import Health as Health
from routing.health.seen import AttemptHealth as AttemptHealth
from routing.health.seen import CallerHealth as CallerHealth
from routing.health.tracker import REJECTED as REJECTED
from routing.health.tracker import AttemptTracker as AttemptTracker
