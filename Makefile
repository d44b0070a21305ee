# What a person types here. `make help` lists it. GNU make 4.3 and a POSIX shell are enough.

PORT ?= 3456
VENV ?= .venv
PY := $(VENV)/bin/python
# Nothing is installed that is not what was pinned, to the byte.
PIP_INSTALL := -m pip install -q --disable-pip-version-check --require-hashes
# What needs libraries of its own, such as EXTRAS=bedrock,redis,vertex.
EXTRAS ?=
comma := ,

ROOMS := access configuration providers proxysite routing streaming usage

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run password install dev test test-all test-clients test-chaos test-count test-attack e2e attack chaos real-upstream fuzz check lint audit sbom fmt bench compare count screenshots requirements clean

help: ## This list
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

# --- running ---------------------------------------------------------------------------------------------------------

run: install ## Install, migrate, set up and serve on 127.0.0.1 (PORT=3456 DATA_DIR=data)
	@umask 077; \
	grep -qs '^DEMO_UPSTREAM=' .env || export DEMO_UPSTREAM="$${DEMO_UPSTREAM:-true}"; \
	$(PY) -m proxysite.quickstart --port '$(PORT)' || exit 1; \
	$(stop_when_make_stops) \
	exec $(PY) manage.py serve --host 127.0.0.1 --port '$(PORT)' --pages inline

# Ctrl-C reaches make and the server alike, and make passes SIGTERM on. A SIGINT sent to make alone is not passed on: make
# gives up its handler and waits for a server that knows of nothing. So watch make's handlers (on Linux), and make itself,
# and say SIGTERM: after a Ctrl-C that is one word more, while a second SIGINT would mean "at once".
define stop_when_make_stops
handlers() { sed -n 's/^SigCgt:.*\(.\)$$/\1/p' "/proc/$$PPID/status"; }; \
if at_start=`handlers 2>/dev/null`; then ( \
	while kill -0 $$$$ && sleep 0.5; do test "`handlers`" = "$$at_start" || { kill -TERM $$$$; exit; }; done \
) >/dev/null 2>&1 & fi;
endef

password: install ## Give a user a new password and print it (PERSON=admin; DATA_DIR as for run)
	@$(PY) manage.py new_password '$(or $(PERSON),admin)'

# --- installing ------------------------------------------------------------------------------------------------------

# A copy of the requirements beside what was installed from them says whether there is anything to do.
install: # The virtual environment with what the gateway needs (EXTRAS=bedrock,redis,vertex for those)
	@test -x $(PY) && cmp -s requirements.txt $(VENV)/requirements.txt || { $(make_venv) && \
	echo "Installing requirements.txt (a minute or two) ..." && \
	$(PY) $(PIP_INSTALL) -r requirements.txt && \
	cp requirements.txt $(VENV)/requirements.txt; }
	@for file in $(patsubst %,requirements-%.txt,$(subst $(comma), ,$(EXTRAS))); do \
		test -f "$$file" || { echo "There is no $$file: EXTRAS may name bedrock, redis and vertex." >&2; exit 1; }; \
		cmp -s "$$file" "$(VENV)/$$file" || { echo "Installing $$file ..." && \
		$(PY) $(PIP_INSTALL) -r "$$file" && cp "$$file" "$(VENV)/$$file"; } || exit 1; \
	done
	@$(PY) -m compileall -q $(ROOMS) >/dev/null 2>&1 || true # Who serves may not be allowed to, and would do it at each start.

dev: # ... and with what the checks and tests need
	@test -x $(PY) && cmp -s requirements-dev.txt $(VENV)/requirements-dev.txt && \
	cmp -s requirements.txt $(VENV)/requirements.txt || { $(make_venv) && \
	echo "Installing requirements-dev.txt (some minutes) ..." && \
	$(PY) $(PIP_INSTALL) -r requirements.txt -r requirements-dev.txt && \
	cp requirements.txt requirements-dev.txt $(VENV)/; }

# A venv without pip is one whose making was interrupted, or whose Python is gone.
define make_venv
{ $(PY) -m pip --version >/dev/null 2>&1 || { \
	for python in $(PYTHON) python3.11 python3 python3.12 python3.13 python3.14 ""; do \
		test -n "$$python" && "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; \
	done; \
	test -n "$$python" || { echo "Python 3.11 or newer is needed and not on PATH. Debian and Ubuntu: apt install" \
		"python3.11 python3.11-venv; or say where it is: make $(MAKECMDGOALS) PYTHON=/path/to/python3" >&2; exit 1; }; \
	"$$python" -c 'import ensurepip, venv' 2>/dev/null || { echo "`command -v $$python` cannot make virtual" \
		"environments. Debian and Ubuntu: apt install $$("$$python" -c \
		'import sys; print("python%d.%d-venv" % sys.version_info[:2])')" >&2; exit 1; }; \
	echo "Making $(VENV) with `$$python --version` ..."; \
	"$$python" -m venv --clear $(VENV); }; }
endef

# --- checking --------------------------------------------------------------------------------------------------------

check: lint test ## Everything CI checks but the real clients: format, lint, types, contracts, migrations, deploy, tests

lint: export SECRET_KEY := for-the-checks-alone-0123456789-abcdefghijklmnopqrstuvwxyz
lint: export ENCRYPTION_KEYS := for-the-checks-alone
lint: export DATABASE_URL := sqlite://:memory:
lint: export DEBUG := false
lint: export HTTPS := true
lint: export ALLOWED_HOSTS := gateway.example.com
lint: dev ## The checks that run nothing
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m vulture .
	$(PY) .ci/unused_private_names.py
	$(PY) .ci/leaked_secrets.py
	$(PY) -m piplicenses
	$(PY) -m mypy
	$(VENV)/bin/python $(VENV)/bin/lint-imports
	$(PY) manage.py makemigrations --check --dry-run
	$(PY) manage.py check --deploy --fail-level WARNING

# Fewer tests, for those below: TESTS=tests/usage, or any arguments of pytest.
TESTS ?=

test: dev ## The tests, on SQLite and on a PostgreSQL that they start themselves (TESTS=tests/usage for fewer)
	@$(PY) -m tests test --only='$(TESTS)'

test-clients: dev # The tests with real clients alone
	@$(PY) -m tests clients --only='$(TESTS)'

e2e: dev ## What people do in the admin and under /my/, in Chromium, within ten minutes
	@$(PY) -m tests e2e --only='$(TESTS)'

test-chaos: dev # Servers killed, databases stopped, disks filled: that no usage row is lost, in short
	@$(PY) -m tests chaos --only='$(TESTS)'

test-count: dev # That no request takes more instructions than recorded; says why where it cannot compare
	@$(PY) -m tests count --only='$(TESTS)'

test-attack: dev # The quick probes of `make attack`
	@$(PY) -m tests attack-quick --only='$(TESTS)'

test-all: test ## ... and those with real clients (SDKs, Claude Code, nginx), in a browser, chaos, counts, quick attacks
	@$(PY) -m tests clients e2e chaos count attack-quick --only='$(TESTS)'

# One rig after the other: what a request takes is measured, and two at once would measure each other.
attack: dev ## Attack the gateway as installed and as run behind nginx; ends in one verdict line
	@$(PY) -m tests attack --processes=1 --verdict=attack --only='$(TESTS)'

chaos: dev ## ... chaos for longer, from a new seed (SEED=1 for a known one); ends in one verdict line
	@$(PY) -m tests.chaos --long $(if $(SEED),--seed '$(SEED)')

real-upstream: dev ## Real servers of others (LiteLLM, llama-cpp-python) behind the gateway; installs them (SERVERS=litellm)
	@$(PY) -m tests.real $(SERVERS)

# atheris goes into a folder of its own: it is not for every platform, and nothing else needs it.
fuzz: dev ## Fuzz every dialect's decoder and the transport for SECONDS each (60), watching which code is reached
	@test -d .fuzz/atheris || $(PY) $(PIP_INSTALL) --target .fuzz -r requirements-fuzz.txt
	@for dialect in `$(PY) -c 'from providers.dialects import DIALECTS; print(*DIALECTS)'`; do \
		PYTHONPATH=.fuzz $(PY) -m tests.fuzz.atheris_decoders --dialect $$dialect \
			-max_total_time=$(or $(SECONDS),60) -max_len=8000 -artifact_prefix=.fuzz/ -verbosity=0 \
			|| { echo "$$dialect: FOUND SOMETHING, see above; the bytes are in .fuzz/"; exit 1; }; \
		echo "$$dialect: nothing found in $(or $(SECONDS),60) s"; \
	done
	@PYTHONPATH=.fuzz $(PY) -m tests.fuzz.atheris_responses \
		-max_total_time=$(or $(SECONDS),60) -max_len=8000 -artifact_prefix=.fuzz/ -verbosity=0 \
		|| { echo "transport: FOUND SOMETHING, see above; the bytes are in .fuzz/"; exit 1; }
	@echo "transport: nothing found in $(or $(SECONDS),60) s"

# Both have many dependencies of their own, which neither the gateway nor its tests need to see.
AUDIT := $(VENV)-audit/bin/python
$(VENV)-audit/requirements.txt: requirements-audit.txt | install
	$(PY) -m venv --clear $(VENV)-audit
	$(AUDIT) $(PIP_INSTALL) -r requirements-audit.txt
	cp requirements-audit.txt $@

# --strict: what could not be looked up is a failure, and not a package without a known hole.
audit: $(VENV)-audit/requirements.txt ## Known holes in what is installed, looked up online; fails where nothing could be looked up
	@for file in requirements.txt $(wildcard requirements-*.txt); do \
		echo "$$file:"; \
		$(AUDIT) -m pip_audit --strict --require-hashes --disable-pip --progress-spinner=off \
			$(if $(SERVICE),-s '$(SERVICE)') -r "$$file" || { \
		echo "make audit: FAILED for $$file, see above: a known hole, or nothing could be looked up." >&2; exit 1; }; \
	done; echo "make audit: OK, no known hole"

# Of what `make install` installs and nothing else, so in an environment that is made for it.
SBOM := $(VENV)-sbom/bin/python
sbom: $(VENV)-audit/requirements.txt ## What the gateway consists of, as sbom.json (CycloneDX; EXTRAS as for install)
	$(PY) -m venv --clear $(VENV)-sbom
	$(SBOM) $(PIP_INSTALL) -r requirements.txt \
		$(patsubst %,-r requirements-%.txt,$(subst $(comma), ,$(EXTRAS)))
	$(SBOM) -m pip uninstall --disable-pip-version-check -q -y pip setuptools
	$(AUDIT) -m cyclonedx_py environment --pyproject pyproject.toml --mc-type application --output-reproducible \
		--of JSON -o sbom.json $(SBOM)
	rm -rf $(VENV)-sbom

fmt: dev ## Format and fix what can be fixed
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

bench: dev ## Measure the README's claims
	$(PY) -m benchmarks

compare: dev ## Install other proxies by package name, and measure the gateway beside them (ARGS='--only W1 --rounds 5')
	@$(PY) -m benchmarks.compare $(ARGS)

count: dev ## Count instructions per request (RECORD=1 keeps them as those to compare with)
	$(PY) -m benchmarks.count $(if $(RECORD),--record)

screenshots: dev ## Take the pictures of the README and the docs anew, from sample rows; look at each before you commit it
	$(PY) -m tests.browser.screenshots

# --- housekeeping ----------------------------------------------------------------------------------------------------

# --universal: for every platform and Python, so that the hashes hold on all of them.
UV_COMPILE := uv pip compile --universal --generate-hashes --python-version 3.11 --no-header --no-annotate --upgrade

requirements: ## Pin requirements*.txt anew from pyproject.toml, with hashes (needs uv)
	$(UV_COMPILE) pyproject.toml -o requirements.txt
	for extra in bedrock redis vertex; do \
		$(PY) -c "import tomllib; project = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
		print(*project['optional-dependencies']['$$extra'], sep='\n')" | $(UV_COMPILE) - -c requirements.txt \
		-o requirements-$$extra.txt || exit 1; done
	$(UV_COMPILE) pyproject.toml --group dev -c requirements.txt -o requirements-dev.txt
	for group in audit fuzz; do $(UV_COMPILE) --group $$group -o requirements-$$group.txt || exit 1; done

clean: ## Remove the virtual environment and caches; data stays
	rm -rf $(VENV) $(VENV)-audit $(VENV)-sbom $(VENV)-upstream sbom.json .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .fuzz .peers staticfiles
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
