#!/bin/bash
# Rewrite the reference logs of in.md, in.zbl, in.efg and in.efg-average for one and two MPI ranks:
# log.DATE.{beta-384,zbl,efg,efg-average}.g++.RANKS, DATE of the LAMMPS version.
# Run it in the environment that holds lmp and mpiexec.
set -eu
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
cp "$here"/{in.md,in.zbl,in.efg,in.efg-average,LPS.uf3,LPS.efg,data.beta-384} "$folder"
cd "$folder"
export OMP_NUM_THREADS=1
for ranks in 1 2; do
  mpiexec -n "$ranks" lmp -in in.md -log none -screen none -var name "$ranks" -var T 300 -var steps 50 -var thermo 10 -var dump 25 -var restart 50
  mpiexec -n "$ranks" lmp -in in.zbl -log none -screen none -var name "zbl-$ranks"
  for deck in efg efg-average; do
    mpiexec -n "$ranks" lmp -in "in.$deck" -log none -screen none -var name "$deck-$ranks" -var steps 50 -var thermo 10 -var dump 25 -var sample 5 -var restart 50
  done
  date=$(lmp -h | sed -n 's/.* - \([0-9]*\) \([A-Z][a-z]*\) 20\([0-9]*\).*/\1\2\3/p' | head -n 1)
  rm -f "$here"/log.*.{beta-384,zbl,efg,efg-average}.g++."$ranks"
  cp "$ranks.log" "$here/log.$date.beta-384.g++.$ranks"
  for deck in efg efg-average; do cp "$deck-$ranks.log" "$here/log.$date.$deck.g++.$ranks"; done
  cp "zbl-$ranks.log" "$here/log.$date.zbl.g++.$ranks"
done
