"""The compose file, without Docker: what it names exists, and its settings can be read."""

import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from entrypoints.http.server import STOP_SECONDS
from entrypoints.settings import VARIABLES, read_settings
from entrypoints.settings.model import Settings
from entrypoints.worker.loops import GRACE_SECONDS
from payments_kit.servers.nats import find_nats_server
from tests.deploy.dockerfile import DOCKERFILE, ROOT

FOLDER: Final = ROOT / "deploy"
COMPOSE: Final = yaml.safe_load((FOLDER / "compose.yaml").read_text())
SERVICES: Final[dict[str, Any]] = COMPOSE["services"]
OURS: Final = ("migrate", "serve", "worker")
DEFAULTS: Final[dict[str, Any]] = {each.name: each.default for each in Settings.__attrs_attrs__}


def mounted(service: dict[str, Any]) -> list[str]:
    """Return the files of this project that a service reads."""
    return [each.split(":")[0] for each in service.get("volumes", ()) if each.startswith(".")]


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what deploy/compose/make-secrets.sh writes."""
    folder = tmp_path_factory.mktemp("deploy") / "deploy"
    shutil.copytree(FOLDER / "compose", folder / "compose")
    command = ("sh", str(folder / "compose/make-secrets.sh"))
    for _ in range(2):  # it is safe to repeat
        subprocess.run(command, check=True, capture_output=True, timeout=60)
    return folder / "secrets"


def test_every_image_has_a_version_and_ours_is_this_one() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    for name, service in SERVICES.items():
        image = service["image"]
        assert image.rpartition(":")[2][:1].isdigit() or ":v" in image, image
        assert (image == f"payments:{version}") == (name in OURS)
    assert (FOLDER / SERVICES["serve"]["build"]["context"]).resolve() == ROOT
    assert SERVICES["serve"]["build"]["dockerfile"] == str(DOCKERFILE.relative_to(ROOT))


@pytest.mark.parametrize("name", SERVICES)
def test_every_mounted_file_exists(name: str) -> None:
    for each in mounted(SERVICES[name]):
        assert (FOLDER / each).is_file(), each


def test_every_secret_is_a_file_that_the_script_writes(secrets: Path) -> None:
    declared = {Path(each["file"]).name for each in COMPOSE["secrets"].values()}
    assert declared == COMPOSE["secrets"].keys() == {each.name for each in secrets.iterdir()}
    used = {
        each if isinstance(each, str) else each["source"]
        for service in SERVICES.values()
        for each in service.get("secrets", ())
    }
    assert used == declared
    texts = [each.read_text() for each in secrets.iterdir()]
    assert len(texts) == len(set(texts))


@pytest.mark.parametrize("name", OURS)
def test_a_process_reads_its_settings_from_the_secrets(name: str, secrets: Path) -> None:
    environment = {
        variable: str(value).replace("/run/secrets", str(secrets))
        for variable, value in SERVICES[name]["environment"].items()
    }
    for variable in environment:
        assert variable.removesuffix("_FILE") in VARIABLES, variable
        if variable.endswith("_FILE"):
            assert VARIABLES[variable.removesuffix("_FILE")][1].is_secret
    files = {Path(each).name for each in environment.values() if each.startswith(str(secrets))}
    assert files == set(SERVICES[name]["secrets"])
    environment.pop("PAYMENT_GATEWAY", None)  # Stripe's, which needs the most
    if name != "migrate":
        environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = ""  # as without the variable
    others = {"NATS_URL": "nats://nats", "JWT_KEY": "k", "STRIPE_KEY": "sk_test_1"}
    read_settings((others if name == "migrate" else {}) | environment)


def test_the_roles_are_made_of_the_same_passwords(secrets: Path) -> None:
    for role, url in (("owner", "owner-database-url"), ("service", "database-url")):
        password = (secrets / f"{role}-password").read_text().strip()
        assert f"payments_{role}:{password}@postgres" in (secrets / url).read_text()
    script = (FOLDER / "compose/create-roles.sh").read_text()
    for role in ("owner", "service"):
        assert f'"{role}_password=$(cat /run/secrets/{role}-password)"' in script
        assert f":'{role}_password'" in (ROOT / "docs/database-roles.sql").read_text()


def test_nats_accepts_its_configuration(secrets: Path, tmp_path: Path) -> None:
    for each in (FOLDER / "nats").iterdir():
        shutil.copy(each, tmp_path)
    shutil.copy(secrets / "nats-passwords", tmp_path / "passwords.conf")
    command = (str(find_nats_server()), "-t", "--config", str(tmp_path / "nats-server.conf"))
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert SERVICES["nats"]["secrets"][0]["target"] == "/etc/nats/passwords.conf"


@pytest.mark.parametrize("name", OURS)
def test_a_process_has_no_more_rights_than_in_a_cluster(name: str) -> None:
    service = SERVICES[name]
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "user" not in service  # the image's
    assert service["command"] == [name]


def test_nothing_starts_before_the_database_is_migrated_or_is_killed_early() -> None:
    migrated = {"condition": "service_completed_successfully"}
    assert SERVICES["serve"]["depends_on"]["migrate"] == migrated
    assert SERVICES["worker"]["depends_on"]["migrate"] == migrated
    assert SERVICES["serve"]["scale"] == 2
    grace = {name: int(SERVICES[name]["stop_grace_period"][:-1]) for name in OURS[1:]}
    assert grace["serve"] > DEFAULTS["drain_seconds"] + STOP_SECONDS + 5
    assert grace["worker"] > GRACE_SECONDS + 5


def test_health_checks_ask_the_ports_of_the_processes() -> None:
    for name, port in (("serve", DEFAULTS["port"]), ("worker", DEFAULTS["worker_port"])):
        command = SERVICES[name]["healthcheck"]["test"]
        assert command[:3] == ["CMD", "python", "-c"]
        compile(command[3], "healthcheck", "exec")
        assert f"http://127.0.0.1:{port}/health/ready" in command[3]
        scraped = (FOLDER / "compose/prometheus.yaml").read_text()
        assert f"names: [{name}], type: A, port: {port}" in scraped
    assert f"http://serve:{DEFAULTS['port']};" in (FOLDER / "compose/nginx.conf").read_text()


def test_the_proxy_passes_on_the_api_alone() -> None:
    lines = (FOLDER / "compose/nginx.conf").read_text().splitlines()
    locations = [each.split()[1] for each in lines if each.strip().startswith("location")]
    assert locations == ["/api/payments"]


def test_spans_are_recorded_only_if_an_endpoint_is_set() -> None:
    text = SERVICES["serve"]["environment"]["OTEL_EXPORTER_OTLP_ENDPOINT"]
    assert text == "${OTEL_EXPORTER_OTLP_ENDPOINT:-}"
    assert text == SERVICES["worker"]["environment"]["OTEL_EXPORTER_OTLP_ENDPOINT"]
    assert SERVICES["jaeger"]["profiles"] == ["monitoring"]


def test_no_service_is_reachable_from_other_machines() -> None:
    ports = [each for service in SERVICES.values() for each in service.get("ports", ())]
    assert len(ports) == 4
    assert all(each.startswith("127.0.0.1:") for each in ports)
