"""Where an account's secrets come from, and that they never show."""

import pytest

from fbm_sync.errors import ConfigError
from fbm_sync.settings import Credentials, read_credentials

NAMES = ("FBM_SYNC_MAIN_CLIENT_ID", "FBM_SYNC_MAIN_CLIENT_SECRET", "FBM_SYNC_MAIN_REFRESH_TOKEN")


@pytest.fixture
def nowhere(tmp_path):
    return tmp_path / "no-docker-secrets"


def a_folder(path, **values):
    path.mkdir()
    for name, value in values.items():
        (path / name).write_text(value)
    return path


def test_secrets_come_from_the_environment(nowhere):
    environ = dict(zip(NAMES, ("id", " secret ", "Atzr|token"), strict=True))

    assert read_credentials("main", environ, docker_secrets=nowhere) == Credentials(
        client_id="id", client_secret="secret", refresh_token="Atzr|token"
    )


def test_each_secret_comes_from_the_first_place_that_has_it(tmp_path):
    systemd = a_folder(tmp_path / "systemd", **dict.fromkeys(NAMES[:2], "of-systemd\n"))
    docker = a_folder(tmp_path / "docker", **dict.fromkeys(NAMES, "of-docker\n"))
    environ = {NAMES[0]: "of-environment", NAMES[1]: "", "CREDENTIALS_DIRECTORY": str(systemd)}

    found = read_credentials("main", environ, docker_secrets=docker)

    assert (found.client_id, found.client_secret, found.refresh_token) == (
        "of-environment",
        "of-systemd",
        "of-docker",
    )


def test_every_missing_or_empty_secret_is_named(nowhere):
    with pytest.raises(ConfigError) as refusal:
        read_credentials(
            "eu", {"FBM_SYNC_EU_CLIENT_ID": "id", "FBM_SYNC_EU_CLIENT_SECRET": " "}, docker_secrets=nowhere
        )

    assert refusal.value.problems == (
        "FBM_SYNC_EU_CLIENT_SECRET: empty",
        "FBM_SYNC_EU_REFRESH_TOKEN: missing",
    )
    assert "CREDENTIALS_DIRECTORY" in str(refusal.value)


@pytest.mark.parametrize("broken", ["two words", "two\nlines", "tab\there"])
def test_a_secret_pasted_with_a_break_is_refused_without_being_shown(nowhere, broken):
    with pytest.raises(ConfigError, match=r"space or line break") as refusal:
        read_credentials("main", {**dict.fromkeys(NAMES, "x"), NAMES[1]: broken}, docker_secrets=nowhere)
    assert broken not in str(refusal.value)


def test_a_secret_file_that_cannot_be_read_is_told(tmp_path):
    docker = a_folder(tmp_path / "docker", **dict.fromkeys(NAMES[:1], "id"))
    (docker / NAMES[1]).mkdir()
    (docker / NAMES[2]).write_bytes(b"\xff\xfe")

    with pytest.raises(ConfigError) as refusal:
        read_credentials("main", {}, docker_secrets=docker)

    assert "cannot be read" in refusal.value.problems[0]
    assert "is not text" in refusal.value.problems[1]


def test_an_unreadable_file_does_not_matter_when_the_environment_has_the_secret(tmp_path):
    docker = a_folder(tmp_path / "docker")
    (docker / NAMES[0]).mkdir()

    assert read_credentials("main", dict.fromkeys(NAMES, "x"), docker_secrets=docker).client_id == "x"


def test_the_real_environment_is_used_when_none_is_given(monkeypatch, nowhere):
    for name in NAMES:
        monkeypatch.setenv(name, "real")

    assert read_credentials("main", docker_secrets=nowhere).refresh_token == "real"


def test_credentials_show_nothing_of_themselves():
    credentials = Credentials(client_id="id-7", client_secret="secret-7", refresh_token="token-7")

    assert repr(credentials) == "Credentials()"
    assert "7" not in f"{credentials} {credentials!r}"


def test_a_former_client_secret_may_be_given_while_a_new_one_spreads(nowhere):
    secrets = {"FBM_SYNC_MAIN_CLIENT_ID": "id", "FBM_SYNC_MAIN_REFRESH_TOKEN": "token"}
    new = secrets | {"FBM_SYNC_MAIN_CLIENT_SECRET": "new"}
    assert read_credentials("main", new, docker_secrets=nowhere).former_client_secret is None
    both = new | {"FBM_SYNC_MAIN_FORMER_CLIENT_SECRET": "old"}
    credentials = read_credentials("main", both, docker_secrets=nowhere)
    assert (credentials.client_secret, credentials.former_client_secret) == ("new", "old")
    assert "old" not in repr(credentials)
    only_the_former = secrets | {"FBM_SYNC_MAIN_FORMER_CLIENT_SECRET": "old"}
    with pytest.raises(ConfigError, match="FBM_SYNC_MAIN_CLIENT_SECRET: missing"):
        read_credentials("main", only_the_former, docker_secrets=nowhere)
