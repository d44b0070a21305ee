"""The earlier import path of RequestFacts, for custom routers. New code imports routing.facts.request_facts."""

from routing.facts.request_facts import RequestFacts as RequestFacts
