#!/bin/bash
# A Slurm array that labels a queue of structures, every task its share.
#
#   sbatch --array=0-15 label.sh QUEUE.extxyz OUT.extxyz --labeller cp2k [OPTION OF ufp active label ...]
#
# Edit the lines below for your cluster. Task I writes OUT.I.extxyz and needs no file locking across nodes; put together:
#   cat OUT.*.extxyz > OUT.extxyz
# Submitted again, with any size of the array, it goes on: what OUT.extxyz or any OUT.I.extxyz has is not labelled again.
# MINUTES (default 1320) is when a task begins no further structure: the time limit less the time of one structure.
#SBATCH --job-name=ufp-label
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=1
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
set -eu

if [ $# -lt 2 ] || [[ $1 == -* ]] || [[ $2 != *.extxyz ]]; then
  echo "usage: sbatch --array=0-N label.sh QUEUE.extxyz OUT.extxyz --labeller NAME [OPTION ...]; found: $*" >&2
  exit 2
fi
if [ -z "${SLURM_ARRAY_TASK_ID:-}" ]; then
  echo "label.sh: not a job array; submit with sbatch --array=0-N" >&2
  exit 2
fi
queue=$1 out=$2
index=$((SLURM_ARRAY_TASK_ID - SLURM_ARRAY_TASK_MIN))
own=${out%.extxyz}.$SLURM_ARRAY_TASK_ID.extxyz

earlier=()
for file in "$out" "${out%.extxyz}".[0-9]*.extxyz; do
  if [ -s "$file" ] && [ "$file" != "$own" ]; then earlier+=(--done "$file"); fi
done

export OMP_NUM_THREADS=${SLURM_CPUS_PER_TASK:-1}
exec ufp active label "$queue" "$own" --part "$index/$SLURM_ARRAY_TASK_COUNT" --minutes "${MINUTES:-1320}" \
  "${earlier[@]}" "${@:3}"
