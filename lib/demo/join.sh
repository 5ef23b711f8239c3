#!/usr/bin/env bash
# Joins the tailnet at each start of the instance, and writes the address that it got.
#
# The auth key goes from Secrets Manager through pipes into `tailscale up`: into no file, no argument, no environment and no log.
# Called by postern-demo-join.service, which makes RUNTIME_DIRECTORY; the first argument names another file of settings.
set -euo pipefail

# shellcheck source=/dev/null
. "${1:-/etc/postern-demo/settings}"
: "${RUNTIME_DIRECTORY:?is set by systemd}"
limit_seconds=${JOIN_LIMIT_SECONDS:-480}
pause_seconds=${JOIN_PAUSE_SECONDS:-10}

# The secret is only the key, or JSON with the field `key`, as for the extension.
pick_key='
import json, sys
text = sys.stdin.read().strip()
key = json.loads(text)["key"] if text.startswith("{") else text
sys.exit("the secret holds no auth key") if not key or key == "None" else print(key, end="")
'

read_key() {
  aws secretsmanager get-secret-value --region "$REGION" --secret-id "$SECRET_ID" \
    --version-stage AWSCURRENT --query SecretString --output text | python3 -c "$pick_key"
}

join() {
  local key
  key=$(read_key) || return 1
  # printf is a builtin of the shell, so the key is not an argument of a process.
  printf '%s' "$key" | tailscale up --auth-key=file:/dev/stdin --reset --timeout=60s \
    --login-server="$CONTROL_URL" --hostname="$TAILNET_HOSTNAME" --advertise-tags="$TAGS" \
    --accept-dns=false --accept-routes=false
}

# A secret that is filled in after the deployment, a network that comes up late: both are worth waiting for.
until join; do
  if ((SECONDS >= limit_seconds)); then
    echo "gave up joining the tailnet after $SECONDS s" >&2
    exit 1
  fi
  sleep "$pause_seconds"
done

address=$(tailscale ip -1)
echo "$address" >"$RUNTIME_DIRECTORY/address"
echo "joined as $TAILNET_HOSTNAME, $address"
