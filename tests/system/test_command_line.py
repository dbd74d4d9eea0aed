"""What a person sees who starts it: help, version, errors that name the flag, environment variables."""

from __future__ import annotations

import re
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest
from harness import BINARY, Connection, patience, plain_environment

FLAGS = [
    "--listen", "--insecure", "--journal", "--history-events", "--retain-finished", "--keepalive", "--drain",
    "--max-stream-age", "--max-connections", "--max-header-bytes", "--max-headers", "--max-url-bytes",
    "--max-body-bytes", "--header-timeout", "--body-timeout", "--idle-timeout", "--max-outbox-bytes", "--job-threads",
    "--retain-channels", "--max-channels", "--demo", "--demo-duration", "--demo-fail-rate", "--watch", "--log-level",
    "--config", "--version", "--help",
    "--auth", "--jwt-secret-file", "--jwt-public-key", "--jwks-file", "--jwt-audience", "--jwt-issuer",
    "--jwt-require-exp", "--no-query-token", "--cors-origin", "--allow-host", "--max-streams-per-user",
    "--max-streams-per-address", "--max-jobs-per-user", "--max-job-bytes-per-user", "--create-rate", "--report-rate", "--history-bytes", "--max-jobs",
    "--max-pipelined", "--log-format", "--max-log-rate", "--reuse-port", "--takeover-wait", "--max-job-bytes",
    "--max-idempotency-keys-per-user", "--read-rate", "--ticket-secret-file", "--max-bodies-bytes",
    "--max-answers-bytes",
    "--journal-log-bytes",
]  # fmt: skip


def run(*flags: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A run that ends by itself."""
    if not BINARY.exists():
        pytest.fail(f"{BINARY} does not exist: build it, or set PROGRESSD_BIN")
    return subprocess.run(
        [str(BINARY), *flags],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=patience(),
        env=plain_environment(**environment),
    )


def test_help_lists_every_flag() -> None:
    done = run("--help")
    assert done.returncode == 0 and done.stderr == ""
    for flag in FLAGS:
        assert re.search(rf"(?<![\w-]){flag}(?![\w-])", done.stdout), f"{flag} is not in the help"
    assert "127.0.0.1:8080" in done.stdout, "the default is said"


def test_version() -> None:
    done = run("--version")
    assert done.returncode == 0 and done.stderr == ""
    assert re.search(r"\b[0-9]+\.[0-9]+\.[0-9]+", done.stdout)


BAD_FLAGS = [
    ["--no-such-flag"],
    ["--listen", "127.0.0.1"],
    ["--listen", "127.0.0.1:65536"],
    ["--listen", "127.0.0.1:http"],
    ["--listen", "300.0.0.1:0"],
    ["--listen", ""],
    ["--watch", "nameless"],
    ["--watch", "a=ftp://127.0.0.1/"],
    ["--watch", "a=http://127.0.0.1:1/", "--watch", "a=http://127.0.0.1:2/"],
    ["--journal", "paper:"],
    ["--journal", ""],
    ["--history-events", "-1"],
    ["--history-events", "many"],
    ["--retain-finished", "soon"],
    ["--keepalive", "banana"],
    ["--keepalive", "-1s"],
    ["--keepalive", "1parsec"],
    ["--drain", "s"],
    ["--max-stream-age", "1h30"],
    ["--max-connections", "-1"],
    ["--max-connections", "1e3"],
    ["--max-header-bytes", "16QB"],
    ["--max-headers", "x"],
    ["--max-url-bytes", "-8KiB"],
    ["--max-body-bytes", "one"],
    ["--header-timeout", ""],
    ["--body-timeout", "1 fortnight"],
    ["--idle-timeout", "99999999999999999999s"],
    ["--max-outbox-bytes", "lots"],
    ["--job-threads", "x"],
    ["--job-threads", "-2"],
    ["--retain-channels", "0"],
    ["--retain-channels", "long"],
    ["--max-channels", "-1"],
    ["--demo-duration", "0"],
    ["--demo-duration", "2d"],
    ["--demo-duration", "10"],
    ["--demo-fail-rate", "1.1"],
    ["--demo-fail-rate", "-0.1"],
    ["--demo-fail-rate", "nan"],
    ["--demo-fail-rate", "half"],
    ["--demo-fail-rate", ""],
    ["--log-level", "loud"],
    ["--auth", "basic"],
    ["--auth", ""],
    ["--auth", "jwt"],
    ["--jwt-secret-file", "/no/such/file"],
    ["--jwt-secret-file", "/"],
    ["--jwt-secret-file", "/dev/null"],
    ["--jwt-secret-file", ""],
    ["--jwt-public-key", "/no/such/file"],
    ["--jwt-public-key", "/dev/null"],
    ["--jwks-file", "/no/such/file"],
    ["--jwks-file", "/dev/null"],
    ["--jwt-audience", "progress"],
    ["--jwt-issuer", "https://id.example/"],
    ["--jwt-require-exp"],
    ["--cors-origin", ""],
    ["--cors-origin", "app.example"],
    ["--cors-origin", "https://app.example/"],
    ["--cors-origin", "https://app.example:443"],
    ["--cors-origin", "https://*.example"],
    ["--allow-host", ""],
    ["--allow-host", "jobs.example:8080"],
    ["--allow-host", "http://jobs.example"],
    ["--max-streams-per-user", "-1"],
    ["--max-streams-per-address", "x"],
    ["--max-jobs-per-user", "1e4"],
    ["--create-rate", "0.5"],
    ["--report-rate", "fast"],
    ["--history-bytes", "-1"],
    ["--max-pipelined", "x"],
    ["--max-log-rate", "-1"],
    ["--log-format", "xml"],
]


@pytest.mark.parametrize("flags", BAD_FLAGS, ids=" ".join)
def test_a_bad_flag_is_named(flags: list[str]) -> None:
    """Exit status 2, and a message that names the flag."""
    listen = [] if flags[0] == "--listen" else ["--listen", "127.0.0.1:0"]
    done = run(*listen, *flags)
    assert done.returncode == 2, done
    assert flags[0] in done.stderr, done.stderr


def test_a_stray_word_is_an_error() -> None:
    done = run("--listen", "127.0.0.1:0", "stray")
    assert done.returncode == 2 and "stray" in done.stderr


def test_a_flag_without_its_value_is_an_error() -> None:
    done = run("--keepalive")
    assert done.returncode == 2 and "--keepalive" in done.stderr


# ------------------------------------------------------------------------------------------------ who may do what


SECRET = "s" * 32


@pytest.fixture
def secret_file(tmp_path: Path) -> str:
    path = tmp_path / "secret"
    path.write_text(SECRET + "\n")
    return str(path)


def test_auth_none_beside_a_key_is_an_error(secret_file: str) -> None:
    done = run("--listen", "127.0.0.1:0", "--auth", "none", "--jwt-secret-file", secret_file)
    assert done.returncode == 2 and "--auth" in done.stderr, done


def test_auth_in_the_environment_counts_too(secret_file: str) -> None:
    done = run("--listen", "127.0.0.1:0", "--jwt-secret-file", secret_file, PROGRESSD_AUTH="none")
    assert done.returncode == 2 and "--auth" in done.stderr, done


KEY_FLAGS = ["--jwt-secret-file", "--jwt-public-key", "--jwks-file"]


@pytest.mark.parametrize("second", KEY_FLAGS[1:])
def test_there_is_one_key_at_most(secret_file: str, second: str) -> None:
    done = run("--listen", "127.0.0.1:0", "--jwt-secret-file", secret_file, second, secret_file)
    assert done.returncode == 2 and second in done.stderr and "only one" in done.stderr, done


@pytest.mark.parametrize(
    ("flag", "content"),
    [
        ("--jwt-secret-file", "s" * 31),
        ("--jwt-secret-file", "s" * 31 + "\n"),
        ("--jwt-secret-file", "-----BEGIN PUBLIC KEY-----\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"),
        ("--jwt-public-key", SECRET),
        ("--jwt-public-key", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"),
        ("--jwks-file", "{}"),
        ("--jwks-file", '{"keys":[]}'),
        ("--jwks-file", '{"keys":[{"kty":"oct","k":"c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"}]}'),
    ],
    ids=str,
)
def test_a_key_file_without_a_good_key_is_an_error(tmp_path: Path, flag: str, content: str) -> None:
    path = tmp_path / "key"
    path.write_text(content)
    done = run("--listen", "127.0.0.1:0", flag, str(path))
    assert done.returncode == 2, done
    assert flag in done.stderr and str(path) in done.stderr, done.stderr
    assert content not in done.stderr, "a secret is not for the terminal"


def test_with_auth_other_addresses_may_be_listened_on(server: Any, secret_file: str) -> None:
    running = server("--jwt-secret-file", secret_file, listen=["0.0.0.0:0"])
    with Connection(("127.0.0.1", running.address[1])) as connection:
        assert connection.request("GET", "/healthz").status == 200


# ------------------------------------------------------------------------------------------------ environment


def test_every_flag_has_an_environment_variable(server: Any) -> None:
    running = server(
        environment={
            "PROGRESSD_KEEPALIVE": "300ms",
            "PROGRESSD_MAX_BODY_BYTES": "2KiB",
            "PROGRESSD_HISTORY_EVENTS": "5",
            "PROGRESSD_RETAIN_FINISHED": "2h",
            "PROGRESSD_RETAIN_CHANNELS": "3h",
            "PROGRESSD_DEMO_DURATION": "10ms",
            "PROGRESSD_DEMO_FAIL_RATE": "1",
        }
    )
    limits = running.stats()["limits"]
    assert limits["maxBodyBytes"] == 2048
    assert limits["historyEvents"] == 5
    assert limits["retainFinished"] == 2 * 3600 * 1000
    assert limits["retainChannels"] == 3 * 3600 * 1000
    demo = running.request("POST", "/create_job").json()["job_id"]
    assert running.wait_for_state({"id": demo}, "completed", "failed")["state"] == "failed"
    with running.follow(running.external()) as stream:
        stream.comments_until(2)


def test_a_flag_wins_over_its_environment_variable(server: Any) -> None:
    running = server("--max-body-bytes", "4KiB", environment={"PROGRESSD_MAX_BODY_BYTES": "2KiB"})
    assert running.stats()["limits"]["maxBodyBytes"] == 4096


def test_a_misspelt_variable_is_told_of() -> None:
    done = run("--listen", "127.0.0.1:0", PROGRESSD_MAX_JOBZ="5")
    assert done.returncode == 2
    assert "PROGRESSD_MAX_JOBZ" in done.stderr and "PROGRESSD_MAX_JOBS" in done.stderr, done.stderr


def test_a_bad_environment_variable_is_named() -> None:
    done = run("--listen", "127.0.0.1:0", PROGRESSD_KEEPALIVE="banana")
    assert done.returncode == 2
    assert "PROGRESSD_KEEPALIVE" in done.stderr or "--keepalive" in done.stderr, done.stderr


def test_listen_from_the_environment() -> None:
    done = run(PROGRESSD_LISTEN="0.0.0.0:0")
    assert done.returncode == 2, "it has been read: this one is refused without --insecure"


# ------------------------------------------------------------------------------------------------ listening


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0"])
def test_other_addresses_than_loopback_need_a_word(server: Any, address: str) -> None:
    done = run("--listen", address)
    assert done.returncode == 2, done
    assert "--listen" in done.stderr and "--insecure" in done.stderr, done.stderr


def test_insecure_is_that_word(server: Any) -> None:
    running = server("--insecure", listen=["0.0.0.0:0"])
    with Connection(("127.0.0.1", running.address[1])) as connection:
        assert connection.request("GET", "/healthz").status == 200


def test_several_addresses_have_the_same_endpoints(server: Any) -> None:
    running = server(listen=["127.0.0.1:0", "127.0.0.1:0", "127.0.0.2:0"])
    assert len(set(running.addresses)) == 3
    job = running.external()
    for address in running.addresses:
        with Connection(address) as connection:
            assert connection.request("GET", f"/v1/jobs/{job['id']}").json()["id"] == job["id"]


def test_ipv6_loopback(server: Any) -> None:
    try:
        socket.socket(socket.AF_INET6).bind(("::1", 0))
    except OSError:  # a kernel without IPv6: then that is what it says
        done = run("--listen", "[::1]:0")
        assert done.returncode == 1 and "[::1]:0" in done.stderr, done
        return
    running = server(listen=["[::1]:0"])
    with Connection(("::1", running.address[1])) as connection:
        connection.send(b"GET /healthz HTTP/1.1\r\nHost: [::1]\r\n\r\n")
        assert connection.read_response().status == 200


def test_a_port_in_use_is_said_clearly() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        done = run("--listen", address)
    assert done.returncode == 1, done
    assert address in done.stderr and "in use" in done.stderr.lower(), done.stderr


def test_log_levels(server: Any) -> None:
    quiet, chatty = server("--log-level", "info"), server("--log-level", "debug")
    for running in (quiet, chatty):
        running.external()
    assert len(chatty.log.all) >= len(quiet.log.all) >= 1


def test_a_config_file_starts_the_server(server: Any, tmp_path: Path) -> None:
    file = tmp_path / "progressd.toml"
    file.write_text('max-jobs = 1\nhistory-events = 7\n')
    running = server("--config", str(file), "--history-events", "9")
    limits = running.stats()["limits"]
    assert limits["maxJobs"] == 1
    assert limits["historyEvents"] == 9, "the command line goes before the file"


def test_a_config_file_is_checked_and_shown(tmp_path: Path) -> None:
    file = tmp_path / "progressd.toml"
    file.write_text('max-jobs = 1\nmax-job = 2\n')
    done = run("config", "check", "--config", str(file))
    assert done.returncode == 2 and done.stdout == ""
    assert f"{file}, line 2: 'max-job' is no flag: did you mean max-jobs?" in done.stderr
    file.write_text("max-jobs = 1\n")
    done = run("config", "check", "--config", str(file))
    assert (done.returncode, done.stdout, done.stderr) == (0, "the configuration is good\n", "")
    shown = run("config", "show", PROGRESSD_CONFIG=str(file), PROGRESSD_DRAIN="3s")
    assert shown.returncode == 0
    assert re.search(rf"^max-jobs = 1 +# {re.escape(str(file))}, line 1$", shown.stdout, re.MULTILINE)
    assert re.search(r'^drain = "3s" +# the environment\'s PROGRESSD_DRAIN$', shown.stdout, re.MULTILINE)
