"""The file that `fbm-sync init` writes: complete, safe, and in agreement with what settings accept."""

import re
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

from fbm_sync.adapters.supply.csv_files import CsvSupply
from fbm_sync.domain.policy import BackorderKind, BackorderPolicy
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
    headings = re.findall(r"^\[.+\]$", TEMPLATE.read_text(encoding="utf-8"), re.MULTILINE)

    assert headings == list(TABLES)
    assert len(TABLES) == len(ConfigFile.model_fields)


@pytest.mark.parametrize("heading", TABLES)
def test_every_option_stands_in_the_template_once(heading):
    text = TEMPLATE.read_text(encoding="utf-8")
    section = re.split(r"^\[", text.partition(f"\n{heading}\n")[2], flags=re.MULTILINE)[0]
    section = section.partition("# A group with rules of its own")[0]
    keys = re.findall(r"^(?:# )?([a-z_]+) = ", section, re.MULTILINE)

    assert sorted(keys) == sorted(TABLES[heading].model_fields)


@pytest.mark.parametrize(
    "heading", [heading for heading in TABLES if heading not in ("[[accounts]]", "[policy.default]")]
)
def test_the_template_shows_the_defaults(heading):
    shown = tomllib.loads(TEMPLATE.read_text(encoding="utf-8"))

    assert TABLES[heading].model_validate(shown[heading.strip("[]")]) == TABLES[heading]()


def test_the_template_shows_the_defaults_of_a_policy():
    assert load(TEMPLATE, {}).policies["default"] == BackorderPolicy()


def test_the_template_shows_the_defaults_of_an_account():
    (shown,) = tomllib.loads(TEMPLATE.read_text(encoding="utf-8"))["accounts"]
    required = {key: shown[key] for key in ("name", "seller_id", "marketplaces")}

    assert AccountTable.model_validate(shown) == AccountTable.model_validate(required)


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
