"""Probes: small attacks over HTTP on a gateway that runs as documented. Each asserts that nobody gets more than they
were given. `make attack` runs all on both rigs and ends in one verdict line; `make test-all` runs the quick ones.

Rig A is `quickstart` and `serve`: one worker, SQLite. Rig B is `serve --workers 2` on PostgreSQL behind nginx with
deploy/nginx.conf. `TEST_DATABASE` chooses: sqlite is A, postgresql is B. One probe on one rig:

    TEST_DATABASE=postgresql .venv/bin/python -m pytest tests/attack/held/test_keys.py -k cookie

How to add a probe:

* `held/` has what was tried and held; `findings/` what once gave way, one module for each kind. Write a test that takes
  the fixture `rig` (`rig/rig.py`). The conftest marks it `attack`, and it runs on both rigs. A probe that fits one rig
  alone says so: `@pytest.mark.rig("A")`.
* `rig.port`, `rig.client()`, `rig.send()` and `rig.raw()` are the front door (nginx on B); `rig.gateway` is the server
  behind it. `rig.script` and `rig.body` make an answer of the upstream and a request that leads to it.
  `rig/manners.py` has the bad manners of upstreams, for every dialect.
* `with rig.signed_in("providers.view_provider") as browser:` is a member of staff with these permissions alone.
* All probes of a run share one rig. One that makes a provider fail, or counts rows, takes a route or key of its own:
  `with rig.configure(): route = rig.new_route("ollama")`; after the block every worker knows it. Where settings differ,
  `with rig.serving(CIRCUIT_BREAKER="false") as other:` starts another server on the same database, without nginx.
* `rig.marks` are secrets that must not leave (credentials, SECRET_KEY, ENCRYPTION_KEYS, the database's password, a
  variable of the environment): `assert rig.marks.found_in(answer.raw) == []`. `rig.marks.make("what it is")` adds one.
* `with rig.watching() as toll:` measures CPU, memory and how long the loop stood still (`rig/toll.py`).
* Hundreds of inputs, not thousands. A probe of more than a few seconds is marked `@pytest.mark.slow`: it is for
  `make attack` alone.
"""
