"""Which servers, how each is installed into an environment of its own, started, and asked through which dialects."""

from __future__ import annotations

import json
import os
import subprocess
import time
import venv
from collections.abc import Sequence
from pathlib import Path

import httpx
import msgspec

from tests.harness.gateway import ROOT, free_port
from tests.real.configure import SECRET

FOLDER = ROOT / ".venv-upstream"
MOCKED = "The quick brown fox jumps over the lazy dog."

_BUILDING = {
    "CMAKE_ARGS": "-DLLAVA_BUILD=OFF -DLLAMA_BUILD_TESTS=OFF",
    "CMAKE_BUILD_PARALLEL_LEVEL": str(os.cpu_count()),
}


class DidNotWork(Exception):
    """A server could not be installed or did not start; the text says what it wrote last."""


class Api(msgspec.Struct, frozen=True):
    """One route to a server: the dialect, the path of its base URL, and a model that answers each question.

    `tools` is the model that calls tools, "" where there is none; `says` is what the answer holds, "" if any will do.
    `overflows`: a long prompt is too much for its window. `counts`: streams end with their tokens.
    """

    dialect: str
    path: str
    text: str
    tools: str = ""
    says: str = ""
    overflows: bool = False
    counts: bool = True


class Server(msgspec.Struct):
    """A running server."""

    name: str
    port: int
    apis: tuple[Api, ...]
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def litellm(folder: Path, demo_port: int) -> Server:
    """LiteLLM's proxy: mocked text, and tools through it from the demo upstream, over four dialects."""
    python = installed("litellm", ["litellm[proxy]==1.108.7"], seconds=400)
    # Its own Responses API only answers for providers that have none.
    demo = {"model": "together_ai/demo-fast", "api_base": f"http://127.0.0.1:{demo_port}/v1", "api_key": "none"}
    models = [
        {"model_name": "mocked", "litellm_params": {"model": "openai/m", "api_key": "none", "mock_response": MOCKED}},
        {"model_name": "through", "litellm_params": demo},
    ]
    config = folder / "litellm.yaml"
    config.write_text(
        json.dumps({"model_list": models, "router_settings": {"disable_cooldowns": True}})
    )  # JSON is YAML
    port = free_port()
    command = [str(python.parent / "litellm"), "--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
    extra = {"LITELLM_MASTER_KEY": SECRET, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    process = started("litellm", command, folder, port, "/health/liveliness", extra)
    chat = Api("openai_chat", "/v1", "mocked", "through", MOCKED)
    responses = Api("openai_responses", "/v1", "through", "through")
    claude = Api("anthropic", "", "through", "through")
    gemini = Api("gemini", "/v1beta", "through", "through")
    return Server("litellm", port, (chat, responses, claude, gemini), process)


def llama(folder: Path, demo_port: int) -> Server:
    """llama-cpp-python's server, built from source, with a tiny model of random weights."""
    python = installed("llama", ["llama-cpp-python[server]==0.3.36", "gguf==0.19.0"], seconds=1500)
    model = folder / "tiny.gguf"
    subprocess.run([python, Path(__file__).parent / "tiny_model.py", model], check=True)
    port = free_port()
    options = {"model": str(model), "host": "127.0.0.1", "port": str(port), "n_ctx": "1024", "api_key": SECRET}
    options |= {"model_alias": "tiny", "chat_format": "chatml-function-calling", "n_threads": "1"}
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    process = started("llama", [str(python), "-m", "llama_cpp.server", *words], folder, port, "/v1/models", {})
    api = Api("openai_chat", "/v1", "tiny", "tiny", overflows=True, counts=False)
    return Server("llama-cpp-python", port, (api,), process)


SERVERS = {"litellm": litellm, "llama": llama}


def installed(name: str, requirements: Sequence[str], seconds: float) -> Path:
    """The Python of an environment that holds these; made on first use. Raises DidNotWork."""
    folder = FOLDER / name
    python, stamp = folder / "bin" / "python", folder / "installed"
    wanted = "\n".join(requirements)
    if stamp.exists() and stamp.read_text() == wanted:
        return python
    print(f"{name}: installing {', '.join(requirements)} into {folder} ...", flush=True)
    venv.create(folder, with_pip=True, clear=True)
    command: list[str | Path] = [python, "-m", "pip", "install", "--disable-pip-version-check", "-q", *requirements]
    try:
        done = subprocess.run(command, env=os.environ | _BUILDING, capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        raise DidNotWork(f"not installed within {seconds:.0f} s") from None
    if done.returncode:
        raise DidNotWork(f"pip failed:\n{done.stderr[-1500:]}")
    stamp.write_text(wanted)
    return python


def started(
    name: str, command: list[str], folder: Path, port: int, path: str, extra: dict[str, str]
) -> subprocess.Popen[bytes]:
    """The process, once it answers at `path`. Raises DidNotWork."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "NO_PROXY": "127.0.0.1", **extra}
    log = folder / f"{name}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=out, stderr=out)
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        try:
            url, headers = f"http://127.0.0.1:{port}{path}", {"authorization": f"Bearer {SECRET}"}
            if httpx.get(url, headers=headers, trust_env=False).status_code < 500:
                return process
        except httpx.TransportError:
            time.sleep(0.3)
    process.kill()
    process.wait()
    raise DidNotWork(f"did not answer; its log ends with:\n{log.read_text(errors='replace')[-1500:]}")
