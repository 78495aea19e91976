#!/usr/bin/env bash
# All runs behind the table of docs/structure.md, about one core-hour: bash inputs/agi/run.sh FOLDER, with `lmp` on the path.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mkdir -p "$1" && cd "$1"
python "$here/potential.py" && python "$here/make_agi.py"
cp "$here"/AgI.table "$here"/data.agi-* "$here"/in.agi .
export OMP_NUM_THREADS=1
for seed in 1 2 3 4; do lmp -in in.agi -var name small-$seed -var seed $seed -log none; done
for seed in 11 12 13; do lmp -in in.agi -var name long-$seed -var seed $seed -var steps 60000 -var dump 20 -log none; done
for seed in 1 2; do
  lmp -in in.agi -var name large-$seed -var data data.agi-1024 -var seed $seed -var steps 5000 -log none
done
for seed in 11 12; do
  lmp -in in.agi -var name longlarge-$seed -var data data.agi-1024 -var seed $seed -var steps 20000 -var dump 20 -log none
done
