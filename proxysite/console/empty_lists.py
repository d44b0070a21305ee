"""What a list is for, said where it has no rows yet: a sentence, and an example of a row."""

from __future__ import annotations

from typing import Final, NamedTuple


class Lesson(NamedTuple):
    """What is said in an empty list; `example` is "" where people add no rows."""

    purpose: str
    example: str = ""


LESSONS: Final = {
    "auth.user": Lesson(
        "Users sign in to the admin or to their own pages.",
        "Invite a colleague under Invitations rather than making up a password for them here.",
    ),
    "auth.group": Lesson(
        "Groups give several users the same permissions, beside the five roles.",
        "Auditors of costs, who may view requests and statements and nothing else.",
    ),
    "access.outboxmessage": Lesson("What the gateway mailed and sent to webhooks stands here, with what failed."),
    "access.auditentry": Lesson("Every change is written down here: what was done, by whom and from where."),
    "access.budget": Lesson(
        "A budget refuses requests once a team, a key or a person has spent an amount in a period.",
        "$500 a month for the team Search, and within it $50 for each of its members.",
    ),
    "access.clientkey": Lesson(
        "A client key is what a client signs in to the API with, in place of a provider's own key.",
        "One named “Mia's laptop” for Claude Code, and one named “ci” for the build server.",
    ),
    "access.increaserequest": Lesson("Members whose budget is used up ask for more; what they ask for waits here."),
    "access.invitation": Lesson(
        "An invitation is a link that works once and makes whoever opens it a member of a team.",
        "A link for a new colleague in the team Search, mailed or copied into a chat.",
    ),
    "access.ratelimit": Lesson(
        "A rate limit refuses requests above a number of requests or tokens per minute, or above so many at once.",
        "60 requests a minute for the team Support.",
    ),
    "access.reporttoken": Lesson(
        "A report token lets a program read usage and costs, and nothing else.",
        "One named “dashboard” for the spreadsheet of the finance team.",
    ),
    "access.team": Lesson(
        "A team has members and client keys; budgets, limits and statements are made for it.",
        "Search, with the cost centre 4711.",
    ),
    "access.webhook": Lesson(
        "A webhook is an address that alerts are sent to, beside the mails.",
        "A channel of a chat, which is told when a budget is nearly used up.",
    ),
    "usage.requestlog": Lesson("Each request of a client stands here, with its tokens, its cost and what answered it."),
    "usage.attemptlog": Lesson("Each attempt at a provider stands here; a request has several where the first failed."),
    "usage.setaside": Lesson(
        "Rows that the database refused are set aside here, so that they hold up no others. None were."
    ),
    "usage.budgetwindow": Lesson("Each period of a budget stands here, with what was spent in it."),
    "providers.provider": Lesson(
        "A provider is a service or a server of your own that answers requests.",
        "Anthropic with an API key, or Ollama at http://127.0.0.1:11434.",
    ),
    "providers.model": Lesson(
        "A model is what a provider has under a name, with its limits and its prices.",
        "claude-sonnet-5-5 of the provider Anthropic.",
    ),
    "routing.route": Lesson(
        "A route is a name that clients ask for, and the models that may answer it, in order.",
        "claude-sonnet-5-5, answered by Anthropic and, if that fails, by Bedrock.",
    ),
    "routing.rule": Lesson(
        "A rule sends the requests that fit its conditions to a route.",
        "Requests with more than 100,000 input tokens go to the route with the longest context.",
    ),
    "routing.alias": Lesson(
        "An alias is another name, or a pattern of names, for a route or a model.",
        "claude-3-* leads to the route claude-sonnet-5-5.",
    ),
    "routing.scenarioroute": Lesson(
        "A scenario is a kind of request that the gateway knows by itself; each can have a route of its own.",
        "Background requests of Claude Code go to a cheap and quick route.",
    ),
    "routing.concept": Lesson(
        "A concept is a set of words; a prompt that has one of them goes to its route.",
        "“sql”, with the words select and join, leads to the route of a model that is good at it.",
    ),
}
"""What each list of the admin says, by the label of its model."""
