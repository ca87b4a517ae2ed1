"""The Kubernetes manifests, without a cluster: valid, restricted, and as the code says."""

import shutil
import subprocess
from functools import cache
from typing import Any, Final

import kubernetes_validate
import pytest
import yaml

from entrypoints.http.server import STOP_SECONDS
from entrypoints.settings import VARIABLES
from entrypoints.settings.exporters import HTTP_PORT
from entrypoints.settings.model import Settings
from entrypoints.worker import probes
from entrypoints.worker.loops import GRACE_SECONDS
from tests.deploy.dockerfile import ROOT, read_stages

FOLDER: Final = ROOT / "deploy/kubernetes"
USER, GROUP = map(int, read_stages()[1].one("USER").arguments.split(":"))

Manifest = dict[str, Any]

# From Kubernetes to a process, and for what a process does before and after its waiting.
MARGIN_SECONDS: Final = 5

# What nobody may read in a manifest is in Secrets, and only there.
SECRET: Final = {name for name, (_, each) in VARIABLES.items() if each.is_secret}


@cache
def rendered(folder: str) -> list[Manifest]:
    """Return what `kubectl kustomize` makes of a folder."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        # Only it applies overlays as a cluster does; the tests' summary names what is missing.
        pytest.skip("kubectl is not installed")
    command = (kubectl, "kustomize", str(FOLDER / folder))
    done = subprocess.run(command, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return list(yaml.load_all(done.stdout, yaml.CSafeLoader))


def of_kind(*kinds: str, folder: str = "base") -> dict[str, Manifest]:
    return {each["metadata"]["name"]: each for each in rendered(folder) if each["kind"] in kinds}


def pod(manifest: Manifest) -> Manifest:
    spec: Manifest = manifest["spec"]["template"]["spec"]
    return spec


def container(manifest: Manifest) -> Manifest:
    [only] = pod(manifest)["containers"]
    return dict(only)


PROGRAMS: Final = ("payments", "payments-worker", "payments-migrate")
RUNNING: Final = PROGRAMS[:2]


@pytest.fixture(params=PROGRAMS)
def program(request: pytest.FixtureRequest) -> Manifest:
    return of_kind("Deployment", "Job")[request.param]


@pytest.mark.parametrize("folder", ["base", "overlays/production"])
def test_every_manifest_has_the_schema_of_its_kind(folder: str) -> None:
    for manifest in rendered(folder):
        if "monitoring.coreos.com" not in manifest["apiVersion"]:  # the schema of the operator
            kubernetes_validate.validate(manifest, "1.33", strict=True)


def test_pods_keep_the_restricted_standard(program: Manifest) -> None:
    # https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
    assert pod(program)["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": USER,
        "runAsGroup": GROUP,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container(program)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod(program)["automountServiceAccountToken"] is False
    assert container(program)["resources"]["limits"].keys() == {"memory"}
    assert "volumes" not in pod(program)


def test_every_variable_is_one_of_the_settings(program: Manifest) -> None:
    for variable in container(program)["env"]:
        key = variable["valueFrom"]["secretKeyRef"]["key"]
        assert variable["name"] == key
        assert key in SECRET


@pytest.mark.parametrize("folder", ["base", "overlays/production"])
def test_the_config_map_has_settings_that_are_no_secrets(folder: str) -> None:
    [config] = of_kind("ConfigMap", folder=folder).values()
    for name, value in config["data"].items():
        assert name in VARIABLES.keys() - SECRET, name
        VARIABLES[name][1].parse(value)


def test_a_process_has_all_that_it_requires() -> None:
    [config] = of_kind("ConfigMap").values()
    for name in RUNNING:
        variables = {each["name"] for each in container(of_kind("Deployment")[name])["env"]}
        assert {"DATABASE_URL", "NATS_URL", "JWT_KEY", "STRIPE_KEY"} <= variables
        assert container(of_kind("Deployment")[name])["envFrom"] == [
            {"configMapRef": {"name": config["metadata"]["name"]}}
        ]


def test_the_secrets_of_the_reference_service_are_used_as_they_are() -> None:
    found = {
        each["name"]: each["valueFrom"]["secretKeyRef"]["name"]
        for each in container(of_kind("Deployment")["payments"])["env"]
    }
    assert (found["STRIPE_KEY"], found["JWT_KEY"]) == ("stripe-secret", "jwt-secret")


def test_only_the_migration_owns_the_tables() -> None:
    owners = {
        name
        for name, manifest in of_kind("Deployment", "Job").items()
        for each in container(manifest)["env"]
        if each["valueFrom"]["secretKeyRef"]["name"] == "payments-database-owner"
    }
    assert owners == {"payments-migrate"}


def test_ports_are_those_on_which_the_processes_listen() -> None:
    ports = {
        name: {each["name"]: each["containerPort"] for each in container(manifest)["ports"]}
        for name, manifest in of_kind("Deployment").items()
    }
    default = {each.name: each.default for each in Settings.__attrs_attrs__}
    assert ports["payments"] == {"http": default["port"]}
    assert ports["payments-worker"] == {"probes": default["worker_port"]}
    [service] = of_kind("Service")["payments"]["spec"]["ports"]
    assert (service["port"], service["targetPort"]) == (default["port"], "http")
    exposed = read_stages()[1].one("EXPOSE").words
    assert exposed == [str(default["port"]), str(default["worker_port"])]


@pytest.mark.parametrize("name", RUNNING)
def test_probes_ask_what_the_process_answers(name: str) -> None:
    only = container(of_kind("Deployment")[name])
    paths = {
        kind: only[f"{kind}Probe"]["httpGet"]["path"]
        for kind in ("startup", "readiness", "liveness")
    }
    assert paths == dict.fromkeys(("startup", "liveness"), "/health/live") | {
        "readiness": "/health/ready"
    }
    assert {only[f"{kind}Probe"]["httpGet"]["port"] for kind in paths} == {only["ports"][0]["name"]}
    # A dead process is found before the loop that hangs makes it dead again, and a slow start, half
    # a second on a quiet machine, is none.
    startup = only["startupProbe"]
    assert startup["periodSeconds"] * startup["failureThreshold"] >= 60


@pytest.mark.parametrize("folder", ["base", "overlays/production"])
def test_nothing_is_killed_before_it_has_finished(folder: str) -> None:
    [config] = of_kind("ConfigMap", folder=folder).values()
    drain = int(config["data"]["DRAIN_SECONDS"])
    grace = {
        name: pod(each)["terminationGracePeriodSeconds"]
        for name, each in of_kind("Deployment", folder=folder).items()
    }
    assert grace["payments"] > drain + STOP_SECONDS + MARGIN_SECONDS
    assert grace["payments-worker"] > GRACE_SECONDS + probes.SHUTDOWN_SECONDS + MARGIN_SECONDS
    # Its endpoints are left before it stops accepting connections.
    readiness = container(of_kind("Deployment", folder=folder)["payments"])["readinessProbe"]
    assert readiness["periodSeconds"] * readiness["failureThreshold"] < drain


@pytest.mark.parametrize("name", RUNNING)
def test_one_process_of_each_kind_always_runs(name: str) -> None:
    manifest, budget = of_kind("Deployment")[name], of_kind("PodDisruptionBudget")[name]
    assert manifest["spec"]["replicas"] >= 2
    assert manifest["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert budget["spec"]["maxUnavailable"] == 1
    labels = manifest["spec"]["template"]["metadata"]["labels"]
    selector = manifest["spec"]["selector"]["matchLabels"]
    assert selector.items() <= labels.items()
    assert budget["spec"]["selector"]["matchLabels"] == selector
    spread = pod(manifest)["topologySpreadConstraints"]
    assert [each["topologyKey"] for each in spread] == [
        "kubernetes.io/hostname",
        "topology.kubernetes.io/zone",
    ]
    assert all(each["labelSelector"]["matchLabels"] == selector for each in spread)


def test_the_network_denies_what_is_not_named() -> None:
    policies = of_kind("NetworkPolicy")
    everything = policies["payments"]["spec"]
    labels = everything["podSelector"]["matchLabels"]
    for manifest in of_kind("Deployment", "Job").values():
        assert labels.items() <= manifest["spec"]["template"]["metadata"]["labels"].items()
    assert everything["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in everything
    ports = [each["port"] for rule in everything["egress"] for each in rule["ports"]]
    assert ports == [53, 53, 5432, 4222, HTTP_PORT, 443]
    opened = {
        name: policies[name]["spec"]["ingress"][0]["ports"][0]["port"]
        for name in policies.keys() - {"payments"}
    }
    assert opened == {"payments-http": "http", "payments-worker-probes": "probes"}


def test_the_ingress_passes_on_the_api_alone() -> None:
    [ingress] = of_kind("Ingress", folder="overlays/production").values()
    paths = [each["path"] for rule in ingress["spec"]["rules"] for each in rule["http"]["paths"]]
    assert paths == ["/api/payments"]


def test_operators_have_an_ingress_of_their_own_over_tls_for_their_pages_alone() -> None:
    file = FOLDER / "components/operators-ingress/ingress.yaml"
    ingress = yaml.safe_load(file.read_text())
    kubernetes_validate.validate(ingress, "1.33", strict=True)
    [public] = of_kind("Ingress", folder="overlays/production").values()
    [rule] = ingress["spec"]["rules"]
    assert [each["path"] for each in rule["http"]["paths"]] == ["/ops"]
    assert [each["hosts"] for each in ingress["spec"]["tls"]] == [[rule["host"]]]
    assert ingress["spec"]["ingressClassName"] != public["spec"].get("ingressClassName")
    assert rule["host"] not in {each["host"] for each in public["spec"]["rules"]}
    service = rule["http"]["paths"][0]["backend"]["service"]
    assert service == public["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]


def test_all_programs_are_one_image() -> None:
    programs = of_kind("Deployment", "Job", folder="overlays/production").values()
    assert len({container(each)["image"] for each in programs}) == 1
    assert all(container(each).keys().isdisjoint({"command"}) for each in programs)
    assert {each for name in programs for each in container(name)["args"]} == {
        *("serve", "worker", "migrate")
    }


def test_the_monitor_scrapes_ports_that_exist() -> None:
    [monitor] = of_kind("PodMonitor", folder="overlays/production").values()
    scraped = {each["port"] for each in monitor["spec"]["podMetricsEndpoints"]}
    assert scraped == {
        each["name"]
        for manifest in of_kind("Deployment").values()
        for each in container(manifest)["ports"]
    }
    jobs = {
        each["relabelings"][0]["replacement"] for each in monitor["spec"]["podMetricsEndpoints"]
    }
    example = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    assert jobs == {each["job_name"] for each in example["scrape_configs"]}
