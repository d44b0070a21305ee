"""What `make` installs, and when: a stand-in for Python writes down what it is asked to do."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.harness import programs
from tests.harness.gateway import ROOT
from tests.harness.patience import PATIENCE

_TOOLS = ("sh", "cmp", "cp", "cat", "chmod", "mkdir", "test")
_PYTHON = """#!/bin/sh
case "$*" in
  *ensurepip*) exit {ensurepip} ;;
  "-c import sys; sys.exit("*) exit {new_enough} ;;
  "-c "*) echo python3.11-venv ;;
  --version) echo Python 3.11.0 ;;
  "-m pip --version") exit 0 ;;
  "-m venv "*) echo "$*" >> "{log}"; for folder; do :; done; mkdir -p "$folder/bin"; cp "$0" "$folder/bin/python" ;;
  "-m compileall "*) exit {compiles} ;;
  "-m pip_audit"*) echo "$*" >> "{log}"; exit {audit} ;;
  *) echo "$*" >> "{log}" ;;
esac
"""


class Machine:
    """A folder with the Makefile, and a PATH on which `python3.11` is the stand-in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin = folder / "bin"
        self.log = folder / "asked"
        self.bin.mkdir()
        for file in (ROOT / "Makefile", *ROOT.glob("requirements*.txt")):
            shutil.copy(file, folder)
        for tool in _TOOLS:
            (self.bin / tool).symlink_to(programs.find(tool))

    def give_python(
        self,
        name: str = "python3.11",
        *,
        new_enough: bool = True,
        ensurepip: bool = True,
        audit: bool = True,
        compiles: bool = True,
    ) -> None:
        """Put the stand-in on PATH."""
        exits = {
            "new_enough": int(not new_enough),
            "ensurepip": int(not ensurepip),
            "audit": int(not audit),
            "compiles": int(not compiles),
        }
        (self.bin / name).write_text(_PYTHON.format(**exits, log=self.log))
        (self.bin / name).chmod(0o755)

    def make(self, *targets: str) -> subprocess.CompletedProcess[str]:
        """Run make."""
        return subprocess.run(
            [programs.find("make"), *targets],
            cwd=self.folder,
            env={"PATH": str(self.bin), "HOME": str(self.folder)},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )

    def asked(self) -> list[str]:
        """What Python was asked to do since the last look."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return lines


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A fresh one without Python."""
    return Machine(tmp_path)


def test_it_installs_once_and_again_only_when_the_requirements_change(machine: Machine) -> None:
    machine.give_python()
    assert machine.make("install").returncode == 0
    venv, pip = machine.asked()
    assert venv == "-m venv --clear .venv"
    assert pip == "-m pip install -q --disable-pip-version-check --require-hashes -r requirements.txt"

    os.utime(machine.folder / "requirements.txt")
    assert machine.make("install").returncode == 0
    assert machine.asked() == []

    with (machine.folder / "requirements.txt").open("a") as file:
        file.write("another==1.0\n")
    assert machine.make("install").returncode == 0
    assert machine.asked() == [pip]


def test_it_goes_on_where_nothing_may_be_written_beside_the_code(machine: Machine) -> None:
    machine.give_python(compiles=False)
    assert machine.make("install").returncode == 0


def test_everything_that_is_installed_is_pinned_by_its_hashes() -> None:
    for file in ROOT.glob("requirements*.txt"):
        # A requirement goes on over lines that end with a backslash.
        whole = file.read_text().replace("\\\n", " ")
        lines = [line for line in whole.splitlines() if line.strip() and not line.startswith("#")]
        assert lines, file
        loose = [line for line in lines if "==" not in line.split("--hash")[0] or "--hash=sha256:" not in line]
        assert loose == [], file
    lock = json.loads((ROOT / "tests" / "clients" / "package-lock.json").read_text())
    assert all(package["integrity"].startswith("sha512-") for name, package in lock["packages"].items() if name)
    wanted = json.loads((ROOT / "tests" / "clients" / "package.json").read_text())
    assert lock["packages"][""]["dependencies"] == wanted["dependencies"]


def test_nothing_is_installed_without_its_hash() -> None:
    installs = [line for line in (ROOT / "Makefile").read_text().splitlines() if "pip install" in line]
    assert [line for line in installs if "--require-hashes" not in line] == []


def test_what_the_tests_need_is_installed_for_them_and_not_for_running(machine: Machine) -> None:
    machine.give_python()
    machine.make("install")
    assert not any("requirements-dev.txt" in line for line in machine.asked())
    assert machine.make("dev").returncode == 0
    assert machine.asked() == [
        "-m pip install -q --disable-pip-version-check --require-hashes -r requirements.txt -r requirements-dev.txt"
    ]
    machine.make("dev")
    machine.make("install")
    assert machine.asked() == []


def test_the_libraries_of_a_cloud_are_installed_when_they_are_asked_for(machine: Machine) -> None:
    machine.give_python()
    machine.make("install")
    machine.asked()
    assert machine.make("install", "EXTRAS=bedrock,vertex").returncode == 0
    pip = "-m pip install -q --disable-pip-version-check --require-hashes -r requirements-{}.txt"
    assert machine.asked() == [pip.format("bedrock"), pip.format("vertex")]
    machine.make("install", "EXTRAS=vertex")
    assert machine.asked() == []
    result = machine.make("install", "EXTRAS=cloud")
    assert result.returncode != 0
    assert "EXTRAS may name bedrock, redis and vertex" in result.stderr


def test_an_interrupted_installation_is_taken_up_again(machine: Machine) -> None:
    machine.give_python()
    machine.make("install")
    machine.asked()
    (machine.folder / ".venv" / "requirements.txt").unlink()
    machine.make("install")
    assert machine.asked() == ["-m pip install -q --disable-pip-version-check --require-hashes -r requirements.txt"]
    (machine.folder / ".venv" / "bin" / "python").unlink()
    machine.make("install")
    assert machine.asked()[0] == "-m venv --clear .venv"


def test_any_python_that_is_new_enough_will_do(machine: Machine) -> None:
    machine.give_python("python3.11", new_enough=False)
    machine.give_python("python3")
    assert machine.make("install").returncode == 0
    assert machine.asked()[0] == "-m venv --clear .venv"


@pytest.mark.parametrize("new_enough", [None, False])
def test_without_a_python_it_says_which_and_how_to_get_it(machine: Machine, new_enough: bool | None) -> None:
    if new_enough is not None:
        machine.give_python("python3", new_enough=new_enough)
    result = machine.make("run")
    assert result.returncode == 2
    assert "Python 3.11 or newer is needed" in result.stderr
    assert "apt install python3.11 python3.11-venv" in result.stderr
    assert "make run PYTHON=" in result.stderr


def test_a_python_without_venv_says_what_to_install(machine: Machine) -> None:
    machine.give_python(ensurepip=False)
    result = machine.make("run")
    assert result.returncode == 2
    assert "apt install python3.11-venv" in result.stderr
    assert not (machine.folder / ".venv").exists()


@pytest.mark.parametrize("found_nothing", [True, False])
def test_an_audit_that_could_look_nothing_up_fails(found_nothing: bool, machine: Machine) -> None:
    machine.give_python(audit=found_nothing)
    result = machine.make("audit", "SERVICE=osv")
    audits = [line for line in machine.asked() if "pip_audit" in line]
    assert all("--strict --require-hashes --disable-pip" in line and "-s osv" in line for line in audits)
    if found_nothing:
        files = sorted(file.name for file in ROOT.glob("requirements*.txt"))
        assert sorted(line.rpartition(" ")[2] for line in audits) == files
        assert result.stdout.splitlines()[-1] == "make audit: OK, no known hole"
    else:
        assert result.returncode != 0
        assert "make audit: FAILED for requirements.txt" in result.stderr
        assert "OK" not in result.stdout
