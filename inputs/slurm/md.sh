#!/bin/bash
# A chain of Slurm jobs that runs inputs/lps/in.md until STEPS are done, each continuing the restart of the one before.
#
#   sbatch md.sh NAME STEPS [-var T 300 -var data data.beta-384 ...]
#
# Edit the lines below for your cluster: options given to the first sbatch do not reach the jobs that follow.
# INPUT (default in.md) and LMP (default lmp) may be set in the environment, which every job inherits.
# Each job submits its successor before it runs, so the chain survives the time limit; it ends when STEPS are done, or
# when a job wrote no restart at all (a crash at the start, or a time limit shorter than the restart interval).
#SBATCH --job-name=ufp-md
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=16
#SBATCH --cpus-per-task=1
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
set -eu

if [ $# -lt 2 ] || ! [[ $2 =~ ^[0-9]+$ ]]; then
  echo "usage: sbatch md.sh NAME STEPS [-var NAME VALUE ...]; found: $*" >&2
  exit 2
fi
name=$1 steps=$2
variables=("${@:3}")
input=${INPUT:-in.md}
[ -f "$input" ] || { echo "md.sh: no input $input in $PWD; submit from its folder or set INPUT" >&2; exit 2; }

done_steps=$(cat "$name.done" 2>/dev/null || echo 0)
if [ "$done_steps" -ge "$steps" ]; then
  echo "md.sh: $name has its $steps steps"
  exit 0
fi

# A requeued job runs this again; its successor waits already.
successor=
if [ "${SLURM_RESTART_COUNT:-0}" -eq 0 ]; then
  restart=$(stat -c '%i %Y %s' "$name.restart" 2>/dev/null || echo none)
  if [ -f "$name.chain" ] && [ "$restart" = "$(cat "$name.chain")" ]; then
    rm "$name.chain"
    echo "md.sh: the job before wrote no new $name.restart; the chain ends here, see $name.log" >&2
    exit 1
  fi
  echo "$restart" >"$name.chain"
  successor=$(sbatch --parsable --dependency="afterany:$SLURM_JOB_ID" "$0" "$name" "$steps" "${variables[@]}")
fi

export OMP_NUM_THREADS=1
srun "${LMP:-lmp}" -in "$input" -log none -var name "$name" -var steps "$steps" "${variables[@]}"

echo "$steps" >"$name.done"
rm -f "$name.chain"
# Where this fails the successor starts, finds the steps done and ends.
[ -z "$successor" ] || scancel "${successor%%;*}" || true
