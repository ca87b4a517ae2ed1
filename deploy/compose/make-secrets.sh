#!/bin/sh
# Write random secrets for compose.yaml to deploy/secrets/; those that exist stay as they are.
set -eu
umask 022
cd "$(dirname "$0")/.."
mkdir -p secrets
chmod 700 secrets # the files are read by other users, in containers

write() { # NAME VALUE
    [ -e "secrets/$1" ] || printf '%s\n' "$2" > "secrets/$1"
}
random() { head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n'; }
value() { cat "secrets/$1"; }

for each in postgres-password owner-password service-password grafana-password jwt-key operator-key
do
    write "$each" "$(random)"
done
# Yours, from the gateway's dashboard.
write stripe-key "sk_test_replace_this"
write stripe-webhook-secret "whsec_replace_this"

database() { # ROLE PASSWORD
    echo "postgresql://$1:$2@postgres/shop?schema=payments"
}
write owner-database-url "$(database payments_owner "$(value owner-password)")"
write database-url "$(database payments_service "$(value service-password)")"

if [ ! -e secrets/nats-passwords ]; then
    worker=$(random) serve=$(random)
    cat > secrets/nats-passwords << END
PAYMENTS_WORKER_PASSWORD: "w$worker"
PAYMENTS_SERVE_PASSWORD: "s$serve"
PAYMENTS_OPERATOR_PASSWORD: "p$(random)"
ORDERS_PASSWORD: "o$(random)"
END
    echo "nats://payments-worker:w$worker@nats:4222" > secrets/worker-nats-url
    echo "nats://payments-serve:s$serve@nats:4222" > secrets/serve-nats-url
fi
echo "deploy/secrets has: $(ls secrets | tr '\n' ' ')"
