"""progressctl token and check-token, and the server that takes such tokens."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import tokens
from progressctl import ctl


def make_key(folder: Path, kind: str) -> tuple[Path, Path]:
    """A private key and its public half, by openssl."""
    private, public = folder / "private.pem", folder / "public.pem"
    how = {
        "RS256": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
        "ES256": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
        "P-384": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
        "short": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"],
    }[kind]
    subprocess.run(["openssl", "genpkey", *how, "-out", private], check=True, capture_output=True)
    subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True, capture_output=True)
    return private, public


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_bytes(tokens.SECRET + b"\n")
    return path


@pytest.mark.parametrize("algorithm", ["HS256", "RS256", "ES256"])
def test_the_server_takes_the_token(server: Any, tmp_path: Path, secret: Path, algorithm: str) -> None:
    if algorithm == "HS256":
        making, checking = ["--secret-file", str(secret)], ["--jwt-secret-file", str(secret)]
    else:
        private, public = make_key(tmp_path, algorithm)
        making, checking = ["--private-key", str(private)], ["--jwt-public-key", str(public)]
    rules = ["--jwt-audience", "here", "--jwt-issuer", "us", "--jwt-require-exp"]
    made = ctl("token", *making, "--sub", "ann", "--scope", "jobs:report jobs:admin", "--kid", "k1", "--ttl", "10m",
               "--audience", "here", "--issuer", "us")  # fmt: skip
    assert made.returncode == 0 and made.stderr == "", made
    token = made.stdout.strip()
    file = tmp_path / "token"
    file.write_text(made.stdout)

    running = server(*checking, *rules)
    done = ctl("run", "--url", running.url, "--total", "2", "--step-ms", "10", "--token-file", str(file))
    assert done.returncode == 0, done
    assert json.loads(done.stdout.splitlines()[-1])["data"]["owner"] == "ann"
    listed = ctl("list", "--url", running.url, PROGRESSCTL_TOKEN=token)
    assert listed.returncode == 0 and "ann" in listed.stdout
    refused = ctl("list", "--url", running.url)
    assert refused.returncode == 4 and "401" in refused.stderr

    for done in (
        ctl("check-token", token, *checking, *rules),
        ctl("check-token", *checking, *rules, stdin=made.stdout),
        ctl("check-token", "-", *checking, *rules, stdin=token),
        ctl("check-token", "--token-file", str(file), *checking, *rules),
        ctl("check-token", *checking, *rules, PROGRESSCTL_TOKEN=token),
    ):
        assert done.returncode == 0, done
        said = json.loads(done.stdout)
        assert said["accepted"] and said["user"] == "ann" and said["reports"] and said["administers"]
        assert said["acceptedUntil"].endswith("Z")


def test_check_token_says_why_not(secret: Path) -> None:
    key = ["--jwt-secret-file", str(secret)]
    for token, why in [
        (tokens.token("ann", lives=-3600), "expired"),
        (tokens.token("ann", sign=tokens.hs256(b"another secret, as long as that one is")), "signature"),
        (tokens.token(None), "sub"),
        ("no-token-at-all", "three parts"),
    ]:
        done = ctl("check-token", token, *key)
        assert done.returncode == 1, done
        said = json.loads(done.stdout)
        assert said["accepted"] is False and why in said["detail"], said
    assert "aud" in ctl("check-token", tokens.token("ann"), *key, "--jwt-audience", "x").stdout
    assert "exp" in ctl("check-token", tokens.token("ann", lives=None), *key, "--jwt-require-exp").stdout


def test_a_token_for_ever(secret: Path) -> None:
    made = ctl("token", "--sub", "ann", "--ttl", "0", "--secret-file", str(secret), "--json")
    said = json.loads(made.stdout)
    assert said["expiresAt"] is None
    done = ctl("check-token", said["token"], "--jwt-secret-file", str(secret))
    assert json.loads(done.stdout) == {
        "accepted": True, "user": "ann", "reports": False, "administers": False, "acceptedUntil": None,
    }  # fmt: skip


def test_a_scope_that_is_none_is_told_and_a_user_that_no_server_takes_refused(secret: Path) -> None:
    key = ["--secret-file", str(secret)]
    made = ctl("token", "--sub", "ann", "--scope", "admin jobs:report", *key)
    assert made.returncode == 0 and made.stdout, made
    assert made.stderr == "progressctl: admin: no such scope; there are jobs:report, jobs:admin\n"
    refused = ctl("token", "--sub", "anonymous", *key)
    assert refused.returncode == 2 and refused.stdout == "" and "--sub" in refused.stderr, refused


def test_no_error_repeats_a_token(secret: Path, tmp_path: Path) -> None:
    token = tokens.token("ann")
    spoiled = tmp_path / "spoiled"
    spoiled.write_text(token + "\x01\r\nX: y")
    for done in (
        ctl("check-token", token),  # no key
        ctl("check-token", token, token, "--jwt-secret-file", str(secret)),
        ctl("check-token", token + "\n\x01", "--jwt-secret-file", str(secret)),
        ctl("check-token", "--jwt-secret-file", str(secret), stdin=token + " " + token),
        ctl("list", "--token-file", str(spoiled)),
        ctl("list", PROGRESSCTL_TOKEN=token + " x"),
    ):
        assert done.returncode == 2, done
        assert token not in done.stdout + done.stderr and token[-20:] not in done.stderr, done


@pytest.mark.parametrize("kind", ["P-384", "short"])
def test_a_key_that_no_server_takes_signs_nothing(tmp_path: Path, kind: str) -> None:
    private, _ = make_key(tmp_path, kind)
    done = ctl("token", "--sub", "ann", "--private-key", str(private))
    assert done.returncode == 2 and str(private) in done.stderr and done.stdout == "", done


def test_wrong_keys_are_named(tmp_path: Path, secret: Path) -> None:
    short = tmp_path / "short"
    short.write_text("too short")
    _, public = make_key(tmp_path, "ES256")
    locked = tmp_path / "locked.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-aes128",
                    "-pass", "pass:word", "-out", locked], check=True, capture_output=True)  # fmt: skip
    for words, named in [
        (["--secret-file", str(short)], "32"),
        (["--private-key", str(public)], "private key"),
        (["--private-key", str(locked)], "passphrase"),
        (["--private-key", "/nowhere"], "/nowhere"),
        ([], "--secret-file"),
        (["--secret-file", str(secret), "--private-key", str(public)], "one key"),
    ]:
        done = ctl("token", "--sub", "ann", *words)
        assert done.returncode == 2 and named in done.stderr, done
    assert ctl("token", "--secret-file", str(secret)).returncode == 2, "no --sub"
    assert ctl("token", "--secret-file", str(secret), "--sub", "x" * 257).returncode == 2
