"""Deployment: PostgreSQL, NATS, the Stripe double and the service's processes on this machine."""

import itertools
import signal
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from adapters.persistence.sql.migrate import migrate
from payments_kit.servers.nats import LocalNats
from payments_kit.servers.nats_cluster import LocalNatsCluster
from payments_kit.servers.postgres import LocalPostgres
from payments_kit.servers.processes import free_port
from tests.system.proxies import Proxy, proxy_thread
from tests.system.service_process import ServiceProcess

SCRIPTS: Final = Path(sysconfig.get_path("scripts"))
PYTHON: Final = str(SCRIPTS / "python")
PAYMENTS: Final = str(SCRIPTS / "payments")

# Distinct from every other text, so that a leak is found.
JWT_KEY: Final = "jwt-key-that-must-not-leak-0123456789"
STRIPE_KEY: Final = "sk_test_thatMustNotLeak"
WEBHOOK_SECRET: Final = "whsec_thatMustNotLeak"
PREVIOUS_WEBHOOK_SECRET: Final = "whsec_previousThatMustNotLeak"
RETURN_ORIGIN: Final = "https://shop.example"
OPERATOR_KEY: Final = "operator-key-that-must-not-leak"
SECRETS: Final = (JWT_KEY, STRIPE_KEY, WEBHOOK_SECRET, PREVIOUS_WEBHOOK_SECRET, OPERATOR_KEY)

_numbers = itertools.count(1)


class Deployment:
    """One installation of the service, which connects through proxies; tests connect directly."""

    def __init__(
        self,
        stack: ExitStack,
        gateway: str,
        serves: int,
        workers: int,
        keep_logs_in: Path | None,
        nats_servers: int,
        variables: Mapping[str, str],
    ) -> None:
        self.gateway = gateway
        self._variables = variables
        self.addresses: list[str] = []
        self.temporary: list[ServiceProcess] = []
        """The processes that one test has added."""
        self._stack = stack
        self._keep_logs_in = keep_logs_in
        self.postgres = self._stack.enter_context(LocalPostgres(fsync=False))
        self.nats_servers = self._start_nats(nats_servers)
        self.nats = self.nats_servers[0]
        open_proxy = self._stack.enter_context(proxy_thread())
        self.database_url = self.postgres.create_database("shop")
        migrate(self.database_url)
        stripe_port = free_port()
        self.stripe_url = f"http://127.0.0.1:{stripe_port}"
        command = [PYTHON, "-m", "payments_kit.doubles.stripe", "--port", str(stripe_port)]
        self.stripe = self._process("stripe", command, {}, ready='"url"')
        self.stripe.start()
        self.serve_database = open_proxy(self.postgres.port)
        self.worker_database = open_proxy(self.postgres.port)
        self.serve_stripe = open_proxy(stripe_port)
        self.worker_stripe = open_proxy(stripe_port)
        self.worker_nats = open_proxy(self.nats.port)
        self.serve = [self._serve() for _ in range(serves)]
        self.worker = [self._worker() for _ in range(workers)]
        _start(self.service_processes)

    def _start_nats(self, servers: int) -> list[LocalNats]:
        if servers == 1:
            return [self._stack.enter_context(LocalNats())]
        return self._stack.enter_context(LocalNatsCluster(servers, sync_interval="2m")).servers

    @property
    def nats_url(self) -> str:
        """The addresses of all NATS servers."""
        return ",".join(server.url for server in self.nats_servers)

    @property
    def service_processes(self) -> list[ServiceProcess]:
        return [*self.serve, *self.worker, *self.temporary]

    @property
    def proxies(self) -> Mapping[str, Proxy]:
        return {name: each for name, each in vars(self).items() if isinstance(each, Proxy)}

    def environment(self, **changes: str) -> dict[str, str]:
        return {
            "DATABASE_URL": self.database_url,
            "NATS_URL": self.nats_url,
            "JWT_KEY": JWT_KEY,
            "PAYMENT_GATEWAY": self.gateway,
            "STRIPE_KEY": STRIPE_KEY,
            "STRIPE_API_BASE": self.stripe_url,
            "STRIPE_WEBHOOK_SECRET": f"{WEBHOOK_SECRET}, {PREVIOUS_WEBHOOK_SECRET}",
            "OPERATOR_KEY": OPERATOR_KEY,
            "RETURN_ORIGINS": RETURN_ORIGIN,
            "HOST": "127.0.0.1",
            "WORKER_PORT": "0",
            "DRAIN_SECONDS": "0",  # there is no balancer
            # Every customer of the tests has the same address.
            "DECLINES_PER_ADDRESS": "1000000",
            **self._variables,
            **changes,
        }

    def _serve(self) -> ServiceProcess:
        port = free_port()
        self.addresses.append(f"http://127.0.0.1:{port}")
        environment = self.environment(
            DATABASE_URL=self._through(self.serve_database),
            STRIPE_API_BASE=f"http://127.0.0.1:{self.serve_stripe.port}",
            PORT=str(port),
        )
        return self._process("serve", [PAYMENTS, "serve"], environment, ready="listening")

    def _worker(self, *roles: str) -> ServiceProcess:
        environment = self.environment(
            DATABASE_URL=self._through(self.worker_database),
            STRIPE_API_BASE=f"http://127.0.0.1:{self.worker_stripe.port}",
            NATS_URL=",".join(
                [f"nats://127.0.0.1:{self.worker_nats.port}"]
                + [server.url for server in self.nats_servers[1:]]
            ),
        )
        command = [PAYMENTS, "worker", *(f"--role={role}" for role in roles)]
        return self._process("worker", command, environment, ready="worker started")

    def start_worker(self, *roles: str) -> None:
        """Start one more worker with these roles; it is stopped after the test."""
        self.temporary.append(self._worker(*roles))
        self.temporary[-1].start()

    def start_serve(self, gateway: str, **variables: str) -> int:
        """Start one more `serve` with other settings; return its index; it is stopped as above."""
        self.gateway, self._variables = gateway, variables
        self.temporary.append(self._serve())
        self.temporary[-1].start()
        return len(self.addresses) - 1

    def _process(
        self, kind: str, command: list[str], environment: Mapping[str, str], ready: str
    ) -> ServiceProcess:
        process = ServiceProcess(f"{kind}-{next(_numbers)}", command, environment, ready)
        self._stack.callback(lambda: process.close(self._keep_logs_in))
        return process

    def _through(self, proxy: Proxy) -> str:
        url = urlsplit(self.database_url)
        user = url.netloc.rpartition("@")[0]
        return url._replace(netloc=f"{user}@127.0.0.1:{proxy.port}").geturl()

    def restore(self) -> None:
        """Undo everything that a test did: start, resume and reconnect all processes."""
        for proxy in self.proxies.values():
            proxy.heal()
        for server in (self.postgres, *self.nats_servers):
            if not server.process.is_running():
                server.start()
        for server in self.nats_servers:
            server.process.signal(signal.SIGCONT)
        self.stripe.resume()
        _start([each for each in (*self.serve, *self.worker) if not each.is_running])
        for process in (*self.serve, *self.worker):
            process.resume()
        while self.temporary:
            self.temporary.pop().close(self._keep_logs_in)

    def log_tails(self) -> dict[str, str]:
        logs = {each.name: each.log_tail for each in (self.stripe, *self.service_processes)}
        for server in (self.postgres, self.nats):
            logs[server.name] = server.process.with_log_tail("")
        return logs


def _start(processes: Sequence[ServiceProcess]) -> None:
    for process in processes:
        process.begin_start()
    for process in processes:
        process.wait_until_ready()


@contextmanager
def deploy(
    gateway: str = "stripe-payment-intents",
    *,
    serves: int = 2,
    workers: int = 2,
    nats_servers: int = 1,
    keep_logs_in: Path | None = None,
    variables: Mapping[str, str] | None = None,
) -> Iterator[Deployment]:
    """Start the service, with these variables beside those that every test needs."""
    with ExitStack() as stack:
        yield Deployment(
            stack, gateway, serves, workers, keep_logs_in, nats_servers, variables or {}
        )
