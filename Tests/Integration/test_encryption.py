# SPDX-License-Identifier: Apache-2.0
"""storage.encryption: a daemon with a key, killed and started again; what its files show; what a wrong key does."""

import hashlib
import os
import subprocess

import pytest
from conftest import BINARY, wait_for

KEY = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
FINGERPRINT = "d7cb81c766a1e815"
FAST = "collectors:\n  host: {interval: 1s}\n"


def config(source, more=""):
    return FAST + f"storage:\n  encryption: {{{source}{more}}}\n"


def fingerprint(directory):
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in directory.iterdir() if file.is_file()}


def run(*arguments, **environment):
    return subprocess.run(
        [BINARY, *map(str, arguments)], capture_output=True, text=True, timeout=120, env={**os.environ, **environment}
    )


@pytest.fixture
def keys(tmp_path):
    """A file with the key and one with another, which only their owner can read."""
    files = tmp_path / "right.key", tmp_path / "wrong.key"
    for file, text in zip(files, [KEY + "\n", KEY[::-1]]):
        file.write_text(text)
        file.chmod(0o400)
    return files


def test_a_store_with_a_key(edgewatch, keys, tmp_path):
    right, wrong = keys
    node = edgewatch(config(f"key_file: {right}"))
    wait_for("a few passes", lambda: node.query("count_over_time(node_load1[5m]) >= 3"))
    node.kill()
    for file in node.data.iterdir():
        if file.is_file() and file.name != "state.db":
            assert b"node_load1" not in file.read_bytes(), file.name
    before = fingerprint(node.data)

    for text, words in [
        (config(f"key_file: {wrong}"), [f"encrypted with the key {FINGERPRINT}", "nothing was changed"]),
        (FAST, [f"encrypted with the key {FINGERPRINT}", "none is configured"]),
        (config("key_credential: store-key"), ["key_credential store-key", "LoadCredentialEncrypted=store-key"]),
        (config("key_env: NO_SUCH_KEY"), ["key_env NO_SUCH_KEY", "no such environment variable"]),
        (config(f"key_file: {tmp_path}/none"), ["key_file", "No such file"]),
    ]:
        file = tmp_path / "other.yml"
        file.write_text(text)
        done = run("run", f"--config.file={file}", f"--storage.path={node.data}", "--web.listen-address=127.0.0.1:0")
        assert done.returncode in (1, 2), done.stderr
        for part in words:
            assert part in done.stderr, done.stderr
        assert KEY not in done.stderr and KEY[::-1] not in done.stderr
        assert {name: sum for name, sum in fingerprint(node.data).items() if name != "lock"} == {
            name: sum for name, sum in before.items() if name != "lock"
        }

    assert "all good" in run("tsdb", "verify", node.data, "--key-file", right).stdout
    assert FINGERPRINT in run("tsdb", "verify", node.data).stderr
    assert "node_load1" in run("tsdb", "dump", node.data, "--match", "node_load1", "--key-env", "K", K=KEY).stdout

    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "store-key").write_text(KEY)
    file = tmp_path / "credential.yml"
    file.write_text(config("key_credential: store-key"))
    told = run("check", "config", file, CREDENTIALS_DIRECTORY=str(credentials))
    assert told.returncode == 0 and f"storage.encryption: key {FINGERPRINT}" in told.stdout
    assert "warning: storage.encryption.key_credential" in run("check", "config", file).stdout

    again = edgewatch(config(f"key_file: {right}"), name="again", data=node.data)
    assert again.query("count_over_time(node_load1[5m]) >= 3")


def test_a_store_that_had_no_key(edgewatch, keys, tmp_path):
    right, _ = keys
    node = edgewatch(FAST)
    wait_for("a few passes", lambda: node.query("count_over_time(node_load1[5m]) >= 2"))
    node.kill()
    file = tmp_path / "key.yml"
    file.write_text(config(f"key_file: {right}"))
    done = run("run", f"--config.file={file}", f"--storage.path={node.data}", "--web.listen-address=127.0.0.1:0")
    assert done.returncode == 1
    assert "not encrypted" in done.stderr and "accept_plaintext" in done.stderr
    again = edgewatch(config(f"key_file: {right}", ", accept_plaintext: true"), name="again", data=node.data)
    assert again.query("count_over_time(node_load1[5m]) >= 2")
