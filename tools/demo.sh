#!/bin/sh
# The main job on a fresh copy of the shipped project in out/demo/: check, rehearse, send to the outbox, look.
# Run by `make demo`; `newsletter` is the one of this checkout.
set -eu
cd "$(dirname "$0")/.."
demo=out/demo
now=2015-07-03T09:00
rm -rf "$demo"
mkdir -p "$demo"
cp -R newsletter.toml campaigns templates subscribers "$demo/"
cd "$demo"
unset NEWSLETTER_SECRET NEWSLETTER_PROVIDER 2>/dev/null || true

say() { printf '\n$ %s\n' "$*"; }
step() { say newsletter "$@"; newsletter "$@"; }

step check
for name in valkommen-birger-blom valkommen-komm almedalen-recap; do
  step send "$name" --dry-run --out "out/dry-run/$name" --now "$now"
  step send "$name" --expect-plan "out/dry-run/$name/plan.json" --now "$now"
done
step run --now "$now"
step status --now "$now"
printf '\nIt is all in files; nothing left this machine. Look at:\n'
printf '  %s/out/dry-run/almedalen-recap/report.html   the rehearsal, in a browser\n' "$demo"
printf '  %s/out/outbox/almedalen-recap/               %s messages as .eml\n' "$demo" "$(find out/outbox/almedalen-recap -name '*.eml' | wc -l | tr -d ' ')"
printf '  .venv/bin/newsletter -C %s render almedalen-recap --as EMAIL   as any reader would get it\n' "$demo"
