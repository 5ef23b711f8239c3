#!/usr/bin/env bash
# Makes a fresh Amazon Linux 2023 instance into the demo target, and tells CloudFormation how that ended.
#
# cloud-init runs it once, after it has written the files that it names. Nothing secret passes through here.
set -euo pipefail

# shellcheck source=/dev/null
. /etc/postern-demo/settings

key_url=https://pkgs.tailscale.com/stable/amazon-linux/2023/repo.gpg
# Tailscale's key for its package repositories; `gpg --show-keys` of key_url prints it.
key_fingerprint=2596A99EAAB33821893C0A79458CA832957F5868
key_file=/etc/pki/rpm-gpg/RPM-GPG-KEY-tailscale
step='start'

main() {
  trap tell_failure EXIT
  step='get the key of the package repository'
  trust_repository
  step="install tailscale $TAILSCALE_VERSION"
  dnf install --assumeyes --quiet "tailscale-$TAILSCALE_VERSION"
  systemctl daemon-reload
  step='start tailscaled'
  systemctl enable --now tailscaled.service
  step='join the tailnet'
  systemctl enable --now postern-demo-join.service
  step='serve the page'
  systemctl enable --now postern-demo.service
  ask_page
  trap - EXIT
  tell true 'the page is served in the tailnet'
}

# The repository's file trusts only this key, for its index and for its packages.
trust_repository() {
  local found folder
  folder=$(mktemp -d)
  curl --fail --silent --show-error --proto '=https' --retry 8 --retry-all-errors --max-time 60 \
    --output "$folder/key" "$key_url"
  # Every primary key in the file: a second key beside the right one is refused too.
  found=$(gpg --homedir "$folder" --batch --with-colons --show-keys "$folder/key" |
    awk -F: '$1 == "pub" { primary = 1 } $1 == "fpr" && primary { print $10; primary = 0 }')
  if [ "$found" != "$key_fingerprint" ]; then
    echo "the key at $key_url is ${found:-none}, and not $key_fingerprint; refusing to install anything" >&2
    return 1
  fi
  install -m 0644 "$folder/key" "$key_file"
  rm -rf "$folder"
}

ask_page() {
  local address
  address=$(cat /run/postern-demo/address)
  case $address in *:*) address="[$address]" ;; esac
  curl --fail --silent --show-error --retry 10 --retry-connrefused --retry-delay 1 --max-time 10 \
    --output /dev/null "http://$address:$PORT/healthz"
}

tell() {
  /opt/aws/bin/cfn-signal --success "$1" --reason "$2" --stack "$STACK" --resource "$RESOURCE" --region "$REGION" || true
}

# When the failed instance has been removed, only CloudFormation's events are left.
tell_failure() {
  local code=$? words
  words=$(journalctl --unit postern-demo-join --lines 2 --output cat --no-pager 2>/dev/null | tr '\n' ' ' | cut -c 1-300) || true
  tell false "could not $step (exit $code). $words"
}

main
