"""What the README tells a stranger to copy runs as it stands, on a free port, and prints what it says."""

import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from foreign.emulator_command import plain_environment, serving

README = Path(__file__).parents[2] / "README.md"
EMULATOR_PORT, QUEUES_PORT = "9480", "9324"
PATIENCE_SECONDS = 30


def blocks():
    """The section's code blocks in their order: language and text."""
    text = README.read_text(encoding="utf-8")
    title = "## An Amazon for your own tests"
    (section,) = re.findall(rf"^{title}\n(.*?)(?=^## )", text, re.MULTILINE | re.DOTALL)
    return re.findall(r"^```(\w+)\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


def the_block(language, word):
    """The one block of that language with the word in it."""
    (found,) = [text for kind, text in blocks() if kind == language and word in text]
    return found


def check(text, *command):
    """Run a block and find what it promises to print, in that order."""
    promised = re.findall(r"# → (.+)$", text, re.MULTILINE)
    assert promised, "a block that promises nothing proves nothing"
    captured = {"capture_output": True, "text": True, "timeout": PATIENCE_SECONDS}
    done = subprocess.run([*command, text], env=plain_environment(), **captured)
    assert done.returncode == 0, done.stderr
    rest = done.stdout
    for line in promised:
        assert line in rest, done.stdout
        rest = rest.partition(line)[2]


def run_python(text):
    check(text, sys.executable, "-c")


def run_shell(text):
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    check(text, "sh", "-euc")


def emulator_words(block):
    """The options of the block's command `fbm-sync emulator …`."""
    (line,) = [line for line in block.splitlines() if line.startswith("fbm-sync emulator")]
    return shlex.split(line)[2:]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("readme")
    (folder / "shop.json").write_text(the_block("json", "start_at"), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def port(folder):
    start = next(text for kind, text in blocks() if kind == "sh" and text.startswith("fbm-sync emulator"))
    with serving(*emulator_words(start), folder=folder) as served:
        yield served.port


@pytest.mark.parametrize("word", ["class Login", "from spapi import"])
def test_each_client_is_pointed_at_it_as_the_readme_says(port, word):
    run_python(the_block("python", word).replace(EMULATOR_PORT, port))


def test_curl_is_pointed_at_it_as_the_readme_says(port):
    run_shell(the_block("sh", "TOKEN=").replace(EMULATOR_PORT, port))


def test_a_python_test_runs_it_in_its_own_process_as_the_readme_says():
    run_python(the_block("python", "from fbm_sync.emulator import"))


def test_things_are_made_to_happen_as_the_readme_says(port):
    run_shell(the_block("sh", "/_emulator/advance").replace(EMULATOR_PORT, port))


def test_messages_arrive_in_a_local_queue_as_the_readme_says(folder):
    start = the_block("sh", "--sqs-endpoint")
    (queues,) = [line.removesuffix(" &") for line in start.splitlines() if line.endswith(" &")]
    with socket.create_server(("127.0.0.1", 0)) as free:
        queues_port = str(free.getsockname()[1])
    script, *options = shlex.split(queues.replace(QUEUES_PORT, queues_port))
    command = [shutil.which(script, path=str(Path(sys.executable).parent)) or script, *options]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, env=plain_environment(), **quiet) as server:
        try:
            wait_for(int(queues_port))
            words = emulator_words(start.replace(QUEUES_PORT, queues_port))
            with serving(*words, folder=folder) as served:
                account = the_block("python", "class Login")
                text = account + the_block("python", "import boto3").replace(QUEUES_PORT, queues_port)
                run_python(text.replace(EMULATOR_PORT, served.port))
        finally:
            server.kill()


def wait_for(port):
    """Wait until somebody answers there."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def test_no_block_of_the_readme_is_left_untried():
    tried = ("start_at", "class Login", "from spapi import", "from fbm_sync.emulator import", "import boto3")
    tried += ("fbm-sync emulator", "TOKEN=", "/_emulator/advance")
    assert [text for _, text in blocks() if not any(word in text for word in tried)] == []
