"""The file that `fbm-sync init` writes: complete, safe, and in agreement with what settings accept."""

import re
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

from fbm_sync.adapters.supply.csv_files import CsvSupply
from fbm_sync.domain.policy import BackorderKind, BackorderPolicy
from fbm_sync.domain.telling import Route
from fbm_sync.settings import MARKETPLACES, load
from fbm_sync.settings.faults import tables
from fbm_sync.settings.schema import AccountTable, ConfigFile


def _template():
    installed = Path(str(files("fbm_sync"))) / "config_template"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "config"


TEMPLATE = _template() / "fbm_sync.toml"
TABLES = dict(tables())


def test_the_template_loads_and_is_safe():
    settings = load(TEMPLATE, {})

    assert [account.push for account in settings.accounts] == [False]
    assert settings.alerts.channels == ()
    assert settings.daemon.host == "127.0.0.1"
    assert all(policy.backorder is BackorderKind.NEVER for policy in settings.policies.values())


def test_every_table_stands_in_the_template():
    headings = re.findall(r"^(?:# )?(\[.+\])$", TEMPLATE.read_text(encoding="utf-8"), re.MULTILINE)

    headings.remove("[policy.imported]")  # an example of one's own
    assert headings == list(TABLES)
    nested = {heading for heading in TABLES if "." in heading} - {"[policy.default]"}
    assert len(TABLES) == len(ConfigFile.model_fields) + len(nested)


@pytest.mark.parametrize("heading", TABLES)
def test_every_option_stands_in_the_template_once(heading):
    text = TEMPLATE.read_text(encoding="utf-8")
    _, _, section = re.split(rf"^(# )?{re.escape(heading)}$", text, maxsplit=1, flags=re.MULTILINE)
    section = re.split(r"^(?:# )?\[", section, flags=re.MULTILINE)[0]
    section = section.partition("# A group with rules of its own")[0]
    keys = re.findall(r"^(?:# )?([a-z_]+) = ", section, re.MULTILINE)

    inner = {name.strip("[]").split(".")[1] for name in TABLES if "." in name}
    assert sorted(keys) == sorted(TABLES[heading].model_fields.keys() - inner)


@pytest.mark.parametrize(
    "heading",
    [
        heading
        for heading in TABLES
        if not heading.startswith(("[[", "[accounts", "[policy")) and not heading.endswith(".name]")
    ],
)
def test_the_template_shows_the_defaults(heading):
    shown = tomllib.loads(TEMPLATE.read_text(encoding="utf-8"))

    for step in heading.strip("[]").split("."):
        shown = shown[step]
    assert TABLES[heading].model_validate(shown) == TABLES[heading]()


def test_the_template_shows_the_defaults_of_a_policy():
    assert load(TEMPLATE, {}).policies["default"] == BackorderPolicy()


def test_the_template_shows_the_defaults_of_an_account():
    (shown,) = tomllib.loads(TEMPLATE.read_text(encoding="utf-8"))["accounts"]
    required = {key: shown[key] for key in ("name", "seller_id", "marketplaces")}

    assert AccountTable.model_validate(shown) == AccountTable.model_validate(required)


def test_the_example_of_notifications_is_right_once_it_is_uncommented(tmp_path):
    text = TEMPLATE.read_text(encoding="utf-8")
    head, mark, rest = text.partition("# [accounts.notifications]\n")
    table, gap, tail = rest.partition("\n\n")
    example = re.sub("^# ", "", mark + table, flags=re.MULTILINE)
    (tmp_path / "fbm_sync.toml").write_text(head + example + gap + tail)

    (account,) = load(tmp_path / "fbm_sync.toml", {}).accounts

    assert account.notifications.queue.arn == "arn:aws:sqs:us-east-1:123456789012:fbm-sync"
    assert account.notifications.queue.endpoint == "http://127.0.0.1:9324"
    assert account.notifications.events_queue.arn == "arn:aws:sqs:us-east-1:123456789012:fbm-sync-events"
    assert account.notifications.event_bridge == ("us-east-1", "123456789012")


def test_the_examples_of_webhooks_and_routes_are_right_once_they_are_uncommented(tmp_path):
    text = TEMPLATE.read_text(encoding="utf-8")
    head, mark, rest = text.partition("# [alerts.webhooks.name]\n")
    examples, gap, tail = rest.partition("\n\n\n")
    lines = [line for line in (mark + examples).splitlines() if re.match(r"# ([a-z_]+ = |\[)", line)]
    example = re.sub("^# ", "", "\n".join(lines), flags=re.MULTILINE).replace("alert_mail", "name")
    (tmp_path / "fbm_sync.toml").write_text(head + example + gap + tail)

    alerts = load(tmp_path / "fbm_sync.toml", {"ALERT_WEBHOOK_SECRET": "s3cret"}).alerts

    assert [(one.name, one.secret) for one in alerts.webhooks] == [("name", "s3cret")]
    assert alerts.routes == (Route(channels=("name",)),)


def test_the_template_names_every_marketplace():
    assert all(marketplace_id in TEMPLATE.read_text(encoding="utf-8") for marketplace_id in MARKETPLACES)


def test_the_example_files_are_sound_and_fit_each_other():
    settings = load(TEMPLATE, {})

    snapshot = CsvSupply(TEMPLATE.parent / "supply").read()

    skus = {count.sku for count in snapshot.stock}
    assert skus == {entry.sku for entry in snapshot.catalog}
    assert {lot.sku for lot in snapshot.lots} <= skus
    assert {receipt.supplier for receipt in snapshot.receipts} == {lot.supplier for lot in snapshot.lots}
    assert {entry.policy for entry in snapshot.catalog} <= set(settings.policies)
