"""The command `payments` as an operator types it."""

import asyncio
import json

import pytest

from payments_kit.servers.processes import free_port
from tests.system.comparison import holds
from tests.system.shop import new_name
from tests.system.site import SECRETS, Done, Runtime, Site
from tests.system.waiting import until


async def run(site: Site, *arguments: str, **changes: str) -> Done:
    """A command, while the test's own clients go on."""
    return await asyncio.to_thread(site.run, *arguments, **changes)


async def test_a_doctor_names_what_is_wrong_one_line_each(runtime: Runtime) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    done = await run(
        runtime.site,
        "doctor",
        DATABASE_URL=f"postgresql://u:{SECRETS[0]}@{nowhere}/shop",
        NATS_URL=f"nats://u:{SECRETS[1]}@{nowhere}",
        STRIPE_API_BASE=f"http://{nowhere}",
    )
    assert done.code == 1
    wrong = [line.split()[1] for line in done.out.splitlines() if line.startswith("✗")]
    assert wrong == ["database", "nats", "gateway"], done
    assert not any(secret in done.out + done.err for secret in SECRETS)


@pytest.mark.parametrize(
    ("command", "variable", "value"),
    [
        ("serve", "DATABASE_URL", ""),
        ("worker", "NATS_URL", ""),
        ("migrate", "DATABASE_URL", "mysql://secret-password@host/db"),
        ("serve", "JWT_KEY", ""),
        ("serve", "STRIPE_WEBHOOK_SECRET", "secret-without-its-beginning"),
        ("doctor", "PAYMENT_GATEWAY", "paypal"),
    ],
)
def test_a_bad_setting_stops_a_process_at_once_with_one_line(
    shared_site: Site, command: str, variable: str, value: str
) -> None:
    done = shared_site.run(command, **{variable: value})
    assert done.code == 1, done
    [line] = (done.out + done.err).splitlines()
    assert variable in line
    assert "secret" not in line


def test_a_port_that_is_taken_stops_serve_with_one_line(shared_site: Site) -> None:
    port = shared_site.addresses[0].rpartition(":")[2]
    done = shared_site.run("serve", PORT=port)
    assert done.code == 1, done
    assert port in done.err.splitlines()[-1]


def test_a_migrated_database_is_well_and_migrating_it_again_is_harmless(shared_site: Site) -> None:
    url = shared_site.postgres.create_database(new_name("migrated"))
    empty = shared_site.run("doctor", DATABASE_URL=url)
    assert (empty.code, empty.out.count("✗ database")) == (1, 1), empty
    done = [shared_site.run("migrate", DATABASE_URL=url) for _ in range(2)]
    assert [each.code for each in done] == [0, 0], done
    assert done[0].out == done[1].out
    well = shared_site.run("doctor", DATABASE_URL=url)
    assert well.code == 0, well
    assert "✗" not in well.out
    for name in ("configuration", "database", "nats", "gateway"):
        assert f"✓ {name}" in well.out


async def test_dead_letters_are_listed_shown_and_replayed(runtime: Runtime) -> None:
    order_id, user = new_name("order"), new_name("user")
    event = {"id": order_id, "version": 0, "status": "created", "userId": user, "ticket": {}}
    body = json.dumps(event).encode()
    await runtime.shop.publish("order:created", body, {"X-From": "orders"})

    async def is_listed() -> str:
        done = await run(runtime.site, "dead-letters", "list", "--limit", "10000")
        assert done.code == 0, done
        newest = (done.out.splitlines() or ["none"])[-1]
        shown = await run(runtime.site, "dead-letters", "show", newest.split()[0])
        assert order_id in shown.out, "no dead letter yet"
        assert "order:created" in newest
        assert "price" in newest
        assert body.decode() in shown.out
        assert "X-From: orders" in shown.out
        return newest.split()[0]

    number = await until(is_listed)
    before = len(await runtime.shop.messages("payments.dead-letters.>"))
    for _ in range(2):
        done = await run(runtime.site, "dead-letters", "replay", number)
        assert (done.code, done.out) == (0, "replayed 1\n")
    everything = await run(runtime.site, "dead-letters", "replay", "--all")
    assert (everything.code, everything.out) == (0, f"replayed {before}\n")
    unknown = await run(runtime.site, "dead-letters", "show", "999999")
    assert (unknown.code, unknown.out) == (1, "")

    async def all_are_read() -> None:
        jetstream = (await runtime.shop.client()).jetstream()
        stream = await jetstream.find_stream_name_by_subject("order:created")
        consumer = await jetstream.consumer_info(stream, "payments")
        assert (consumer.num_pending, consumer.num_ack_pending) == (0, 0)

    await until(all_are_read)
    after = len(await runtime.shop.messages("payments.dead-letters.>"))
    assert after == before, "a letter whose replay fails again is not buried twice"
    await holds(runtime, [])
